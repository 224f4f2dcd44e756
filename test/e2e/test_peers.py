"""Libraries that speak WebSocket, from two languages, with random data: what comes back is what was sent."""

import json

from harness import Case
from services import EchoService, closed_port


class Peers(Case):
    def setUp(self):
        super().setUp()
        service = EchoService()
        self.addCleanup(service.close)
        self.bascule = self.serve(f"""\
            listen: 127.0.0.1:0
            routes:
              - {{name: service, path: /service, auth: none, to: "127.0.0.1:{service.port}"}}
              - name: echo
                path: /echo
                auth: none
                frames: {{from_client: [binary, text], to_client: match}}
                to: "echo:"
              - {{name: nobody, path: /nobody, auth: none, to: "127.0.0.1:{closed_port()}"}}
            """)

    def test_python_websockets_to_a_tcp_service(self):
        """python3-websockets: random messages and fragments to a TCP echo service and back, bytes equal"""
        told = self.python("websockets_client.py", "stream", self.bascule.ws("/service"))
        self.assertEqual(told["sent"], told["received"])
        self.assertEqual(told["subprotocol"], "binary")
        record = self.bascule.wait_for("session", route="service")
        self.assertIn(str(told["bytes"]), json.dumps(record), "the record tells how many bytes passed")

    def test_python_websockets_to_echo(self):
        """python3-websockets: echo: returns each message as it came, text and binary, whole and in fragments"""
        told = self.python("websockets_client.py", "messages", self.bascule.ws("/echo"))
        self.assertEqual(told["sent"], told["received"])
        self.assertEqual(told["subprotocol"], "binary")

    def test_ws_to_a_tcp_service(self):
        """Node's ws: random messages and fragments to a TCP echo service and back, bytes equal"""
        told = self.node("ws_client.mjs", "stream", self.bascule.ws("/service"))
        self.assertEqual(told["sent"], told["received"])
        self.assertEqual(told["subprotocol"], "binary")

    def test_ws_to_echo(self):
        """Node's ws: echo: returns each message as it came, text and binary, whole and in fragments"""
        told = self.node("ws_client.mjs", "messages", self.bascule.ws("/echo"))
        self.assertEqual(told["sent"], told["received"])
        self.assertEqual(told["subprotocol"], "binary")

    def test_a_foreign_subprotocol_is_refused(self):
        """python3-websockets: an offer of only foreign subprotocols is refused with 400, naming what the route takes"""
        told = self.python("websockets_client.py", "refused", self.bascule.ws("/service"), "soap")
        self.assertEqual(told["status"], 400)
        self.bascule.wait_for("refused", status=400)

    def test_a_closed_port_is_a_502(self):
        """python3-websockets: a service that refuses the connection is a 502 before any 101"""
        told = self.python("websockets_client.py", "refused", self.bascule.ws("/nobody"), "binary")
        self.assertEqual(told["status"], 502)
        self.bascule.wait_for("refused", status=502)
