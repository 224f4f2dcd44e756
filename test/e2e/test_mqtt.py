"""mqtt.js as shipped, to the plain TCP port of mosquitto."""

from harness import Case, answers, free_port


class Mqtt(Case):
    def test_mqtt_js_to_mosquitto(self):
        """mqtt.js: 256 KiB and 2,000 small messages, to and from mosquitto's plain port, against a client without us"""
        port = free_port()
        settings = self.folder / "mosquitto.conf"
        settings.write_text(
            f"listener {port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "persistence false\n"
            "max_queued_messages 0\n"  # none may be dropped while a subscriber is slow
            "log_dest stderr\n"
        )
        settings.chmod(0o644)
        self.folder.chmod(0o755)  # started as root, mosquitto becomes a user of its own before it reads on
        mosquitto = self.start("/usr/sbin/mosquitto", "-c", settings)
        mosquitto.wait_until(lambda: answers(port), "it takes connections")
        bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            routes:
              - {{name: broker, path: /mqtt, protocol: mqtt, auth: none, to: "127.0.0.1:{port}"}}
            """)
        told = self.node("mqtt_client.mjs", bascule.ws("/mqtt"), f"mqtt://127.0.0.1:{port}")
        for way in ("from_the_browser", "to_the_browser"):
            self.assertEqual(told[way]["sent"], told[way]["received"], way)
        bascule.wait_for("session", route="broker")
