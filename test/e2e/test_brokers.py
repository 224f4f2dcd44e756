"""Two brokers behind one name in `services`, and one of them dies: mosquitto, with mqtt.js as shipped."""

import json
import subprocess

from harness import Case, E2E, answers, eventually, free_port
from services import closed_port

CLIENTS = 6


class Brokers(Case):
    def mosquitto(self, name, port):
        settings = self.folder / f"{name}.conf"
        settings.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type all\n"
        )
        settings.chmod(0o644)
        self.folder.chmod(0o755)  # started as root, mosquitto becomes a user of its own before it reads on
        broker = self.start("/usr/sbin/mosquitto", "-c", settings, log=f"{name}.log")
        broker.wait_until(lambda: answers(port), "it takes connections")
        return broker

    def clients(self, url):
        """mqtt.js clients in a process of their own; all of them are connected."""
        process = subprocess.Popen(
            ["node", E2E / "clients/mqtt_failover.mjs", url, str(CLIENTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline().strip(), "connected")
        return process

    def go_on(self, process):
        """Each client sends itself another message and leaves; what they tell."""
        stdout, stderr = process.communicate("go on\n", timeout=60)
        self.assertEqual(process.returncode, 0, stderr[-1500:])
        return json.loads(stdout)

    @staticmethod
    def sessions(broker):
        return broker.log.read_text().count("New client connected")

    def test_one_of_two_brokers_dies(self):
        """two brokers: sessions are balanced, one dies and clients go on with the other, it comes back and is used"""
        ports = {"a": free_port(), "b": free_port()}
        brokers = {name: self.mosquitto(name, port) for name, port in ports.items()}
        bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            services:
              broker:
                addresses: ["127.0.0.1:{ports['a']}", "127.0.0.1:{ports['b']}"]
                balance: least_sessions
                health: {{every: 100ms, timeout: 1s, down_after: 2, up_after: 1}}
                retry: 1
            routes:
              - {{name: mqtt, path: /mqtt, protocol: mqtt, auth: none, to: broker}}
            """)
        first = self.clients(bascule.ws("/mqtt"))
        self.assertEqual([self.sessions(broker) for broker in brokers.values()], [CLIENTS // 2, CLIENTS // 2])

        dead = f"127.0.0.1:{ports['a']}"
        alive = f"127.0.0.1:{ports['b']}"
        brokers["a"].kill()
        bascule.wait_for("service_down", service="broker", address=dead)
        second = self.clients(bascule.ws("/mqtt"))
        # Three were there, three came over, and the six that are new.
        eventually(lambda: self.sessions(brokers["b"]) == 2 * CLIENTS, "all clients are on the broker that lives")
        self.assertEqual(self.go_on(first)["round_trips"], 2 * CLIENTS)
        self.assertEqual(self.go_on(second)["round_trips"], 2 * CLIENTS)
        # Nobody was told of it.
        self.assertEqual(bascule.logged("refused"), [])
        self.assertEqual(bascule.logged("service_down", address=alive), [])
        told = bascule.wait_for_count(2 * CLIENTS + CLIENTS // 2, "session", route="mqtt")
        self.assertEqual(len([record for record in told if record["service"] == dead]), CLIENTS // 2)

        brokers["a"] = self.mosquitto("a", ports["a"])
        bascule.wait_for("service_up", service="broker", address=dead)
        third = self.clients(bascule.ws("/mqtt"))
        self.assertEqual(self.sessions(brokers["a"]), CLIENTS // 2)
        self.go_on(third)

    def test_the_next_is_tried_before_the_visitor_hears_of_it(self):
        """retry: where the first address takes no connections, the second is dialled first; with none, it is a 502"""
        dead = f"127.0.0.1:{closed_port()}"
        alive = free_port()
        self.mosquitto("only", alive)
        bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            routes:
              - name: patient
                path: /patient
                protocol: mqtt
                auth: none
                to: {{addresses: ["{dead}", "127.0.0.1:{alive}"], balance: first, retry: 1}}
              - name: hasty
                path: /hasty
                protocol: mqtt
                auth: none
                to: {{addresses: ["{dead}", "127.0.0.1:{alive}"], balance: first, retry: none}}
            """)
        told = self.python("websockets_client.py", "refused", bascule.ws("/hasty"), "mqtt")
        self.assertEqual(told["status"], 502)
        self.go_on(self.clients(bascule.ws("/patient")))
        told = bascule.wait_for_count(CLIENTS, "session", route="patient")
        self.assertEqual({record["service"] for record in told}, {f"127.0.0.1:{alive}"})
