"""stompjs as shipped, to the STOMP port of RabbitMQ."""

from harness import Case, answers, free_port

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one in sbin insists on the system's own broker and user


class RabbitMq(Case):
    def rabbitmq(self, stomp="stomp.listeners.tcp.1 = 127.0.0.1:{port}\n"):
        """A broker of our own: everything it writes is in our folder, everything it opens on loopback. The port of its
        STOMP; `stomp`: the settings that open it."""
        epmd_port, dist_port, amqp_port, stomp_port = (free_port() for _ in range(4))
        plugins = self.folder / "enabled_plugins"
        plugins.write_text("[rabbitmq_stomp].\n")
        settings = self.folder / "rabbitmq.conf"
        settings.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{amqp_port}\n"
            f"{stomp.format(port=stomp_port)}"
            "disk_free_limit.absolute = 1MB\n"
        )
        # The names' daemon of Erlang, in the foreground, so that it ends with the case. The broker finds it running.
        epmd = self.start("epmd", "-port", epmd_port, "-address", "127.0.0.1", "-relaxed_command_check")
        epmd.wait_until(lambda: answers(epmd_port), "it takes connections")
        broker = self.start(
            SERVER,
            env={
                "HOME": self.folder,
                "ERL_EPMD_PORT": epmd_port,
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODENAME": "bascule_e2e@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                "RABBITMQ_NODE_PORT": amqp_port,
                "RABBITMQ_DIST_PORT": dist_port,
                "RABBITMQ_CONFIG_FILE": settings,
                "RABBITMQ_CONF_ENV_FILE": self.folder / "rabbitmq-env.conf",
                "RABBITMQ_ADVANCED_CONFIG_FILE": self.folder / "advanced.config",
                "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
                "RABBITMQ_MNESIA_BASE": self.folder / "mnesia",
                "RABBITMQ_MNESIA_DIR": self.folder / "mnesia" / "node",
                "RABBITMQ_LOG_BASE": self.folder / "log",
                "RABBITMQ_LOGS": "-",
                "RABBITMQ_PID_FILE": self.folder / "rabbitmq.pid",
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            },
        )
        broker.wait_until(lambda: answers(stomp_port), "its STOMP port takes connections")
        return stomp_port


class Stomp(RabbitMq):
    def test_stompjs_to_rabbitmq(self):
        """stompjs: text of four-byte letters, 200 KiB of it too, and heartbeats both ways with RabbitMQ"""
        bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            routes:
              - {{name: broker, path: /stomp, protocol: stomp, auth: none, to: "127.0.0.1:{self.rabbitmq()}"}}
            """)
        told = self.node("stomp_client.mjs", bascule.ws("/stomp"))
        self.assertEqual(told["subprotocol"], "v12.stomp")
        self.assertEqual(told["version"], "1.2")
        self.assertEqual(told["sent"], told["received"])
        self.assertGreaterEqual(told["heartbeats_received"], 3)
        self.assertGreaterEqual(told["heartbeats_sent"], 3)
        bascule.wait_for("session", route="broker")
