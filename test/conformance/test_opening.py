"""The opening handshake where it is right, in all the ways in which it may be written: RFC 6455, section 4.2."""

import base64
import hashlib
import itertools
import socket

from conformance import ACCEPT, Answer, Conformance
from frames import BINARY, CLOSE, TEXT, close, frame, splits, take_frame
from harness import PATIENCE_SECONDS
from services import Greeter
from unread import wait_until_read
from visitor import Visit, upgrade


class Request(Conformance):
    more_routes = """\
          - {{name: named, path: /named, host: named.example, auth: none, to: "echo:"}}
          - name: tokens
            path: /tokens
            auth: none
            to: {{lookup: {{table: {folder}/tokens, key: "{{query.token}}"}}}}
          - {{name: asked, path: /asked, match: {{query: {{version: "a+b %2f"}}}}, auth: none, to: "echo:"}}
          - {{name: pages, path: /pages/*, auth: none, files: {{folder: {folder}/pages}}}}
        """

    def words(self):
        (self.folder / "pages").mkdir()
        (self.folder / "pages" / "index.html").write_text("a page")
        (self.folder / "tokens").write_text(f"a%41: 127.0.0.1:{self.service_port}\n")
        return super().words()

    def test_least(self):
        """the smallest request that is right gets a 101 with the three fields it must have, and nothing else"""
        with Visit(self.address, "/echo", upgrade(self.address)) as visit:
            self.assertEqual(visit.status, 101)
            self.assertEqual(
                visit.fields, {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": ACCEPT}
            )
        answer = self.admitted(self.request())
        self.assertTrue(answer.line.startswith("HTTP/1.1 101 "), answer.line)
        names = [name for name, _ in answer.pairs]
        self.assertEqual(sorted(names), ["connection", "sec-websocket-accept", "upgrade"])

    def test_spellings(self):
        """tokens and names of fields in any case, in lists and over several fields; other fields mean nothing"""
        good = self.request()
        many = "".join(f"X-Field-{count}: {count}\r\n" for count in range(40))
        for request in (
            good.but(Upgrade="WebSocket"),
            good.but(Upgrade="WEBSOCKET"),
            good.but(Upgrade="h2c, websocket"),
            good.but(Upgrade="websocket, h2c"),
            good.but(Upgrade="h2c", more="Upgrade: websocket\r\n"),
            good.but(Connection="keep-alive, Upgrade"),
            good.but(Connection="UPGRADE"),
            good.but(Connection="upgrade,keep-alive"),
            good.but(Connection="keep-alive", more="Connection: Upgrade\r\n"),
            good.but(Sec_WebSocket_Version=" \t13\t "),
            good.but(more=many),
            good.but(more="Sec-WebSocket-Accept: nothing that a client says\r\nX-Empty:\r\nX-High: \xe9\xff\r\n"),
        ):
            answer = self.admitted(request)
            self.assertEqual(answer["upgrade"], "websocket")
            self.assertEqual(answer["connection"], "Upgrade")
        for spelled in (str.lower, str.upper, str.swapcase):
            lines = bytes(good).decode().split("\r\n")
            lines[1:] = [": ".join([spelled(n), v]) for n, v in (x.split(": ") for x in lines[1:] if x)] + ["", ""]
            self.admitted("\r\n".join(lines).encode())
        first, *fields = bytes(good).decode().split("\r\n")[:-2]
        for before, behind in itertools.product(("", " ", "\t", " \t \t"), repeat=2):
            lines = [name + ":" + before + value + behind for name, value in (line.split(": ") for line in fields)]
            self.admitted("\r\n".join([first, *lines, "", ""]).encode())

    def test_target(self):
        """a target in absolute form means the same, and its host wins over Host"""
        good = self.request("/named")
        for host in ("named.example", "NAMED.example:8080"):
            self.admitted(good.but(f"GET http://{host}/named HTTP/1.1"))
            self.admitted(good.but(f"GET HTTP://{host}/named HTTP/1.1", Host="other.example"))
        self.refused(421, good.but("GET http://other.example/named HTTP/1.1", Host="named.example"))
        self.refused(404, good)  # an address as Host has no such route

    def test_hosts(self):
        """a Host with a port, an address of IPv4 and of IPv6 in brackets"""
        for host in ("127.0.0.1", "127.0.0.1:1", "localhost", "LocalHost:443", "[::1]", "[::1]:443", "127.0.0.1:"):
            self.admitted(self.request().but(Host=host))
        self.admitted(self.request("/named").but(Host="named.example:65535"))

    def test_query(self):
        """what stands behind the question mark is taken as it was sent, and decoded exactly once where it is read"""
        for token, status in (("a%2541", 101), ("a%41", 404), ("aA", 404), ("a%252541", 404), ("%61%25%34%31", 101)):
            with Visit(self.address, f"/tokens?token={token}", upgrade(self.address)) as visit:
                self.assertEqual(visit.status, status, token)
        for query, status in (("version=a%2bb%20%252f", 101), ("version=a%2Bb%20%252F", 404), ("x=1", 404)):
            with Visit(self.address, f"/asked?{query}", upgrade(self.address)) as visit:
                self.assertEqual(visit.status, status, query)

    def test_keys(self):
        """the same valid key again and again; no two of them are compared"""
        for _ in range(3):
            self.admitted(self.request())
        with Visit(self.address, "/echo", upgrade(self.address)) as one, Visit(
            self.address, "/echo", upgrade(self.address)
        ) as other:
            self.assertTrue(one.echoes() and other.echoes())

    def test_key_and_accept(self):
        """Sec-WebSocket-Accept of other keys, too: RFC 6455, section 4.2.2"""
        for octets in (bytes(16), b"\xff" * 16, bytes(range(16))):
            key = base64.b64encode(octets).decode()
            digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            fields = [(n, key if n == "Sec-WebSocket-Key" else v) for n, v in upgrade(self.address)]
            with Visit(self.address, "/echo", fields) as visit:
                self.assertEqual(visit.fields["sec-websocket-accept"], base64.b64encode(digest).decode())

    def test_same_connection(self):
        """a page first, then the upgrade on the same connection"""
        page = b"GET /pages/index.html HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with socket.create_connection(self.address.rsplit(":", 1), PATIENCE_SECONDS) as client:
            for _ in range(2):
                client.sendall(page)
                data = b""
                while not data.endswith(b"a page"):
                    data += client.recv(1 << 16)
                self.assertTrue(data.startswith(b"HTTP/1.1 200 "))
            client.sendall(bytes(self.request()))
            self.admitted_on(client)


class Pieces(Conformance):
    def test_at_every_byte(self):
        """a request that is cut in two, at any of its bytes, gets the same 101, and frames behind it their answers"""
        behind = frame(TEXT, b"hello") + close(1000)
        wanted = None
        clients = []
        for first, second in splits(bytes(self.request())):
            client = socket.create_connection(self.address.rsplit(":", 1), PATIENCE_SECONDS)
            self.addCleanup(client.close)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(first)
            clients.append((client, second + behind))
        for client, second in clients:
            wait_until_read(client, PATIENCE_SECONDS)
            client.sendall(second)
        for client, second in clients:
            data = b""
            while more := client.recv(1 << 16):
                data += more
            wanted = wanted or data
            self.assertEqual(data, wanted, f"cut in front of {second!r}")
        answer = Answer(wanted)
        self.assertEqual((answer.status, answer.behind), (101, b"\x81\x05hello\x88\x02\x03\xe8"))

    def test_single_bytes(self):
        """a request that comes byte by byte, each read by itself, gets its 101"""
        whole = bytes(self.request())
        self.admitted(whole, *(whole[at : at + 1] for at in range(len(whole))))

    def test_frames_behind(self):
        """frames that come in one segment with the request are answered in their order, and none is lost"""
        messages = [b"%d" % count for count in range(200)]
        wire = b"".join(frame(BINARY, one) for one in messages) + close(1000)
        behind = Answer(self.ask(bytes(self.request()) + wire)).behind
        heard = []
        while behind:
            one, size = take_frame(behind)
            heard.append((one.opcode, one.payload))
            behind = behind[size:]
        self.assertEqual(heard, [*((BINARY, one) for one in messages), (CLOSE, b"\x03\xe8")])
        self.ask(bytes(self.request("/bridge")) + wire)
        with self.accept() as served:
            self.assertEqual(served.to_the_end(), (b"".join(messages), False))


class SpeaksFirst(Conformance):
    more_routes = """\
          - {{name: greeter, path: /greeter, auth: none, to: "127.0.0.1:{greeter}"}}
        """

    def words(self):
        greeter = Greeter("SSH-2.0-a service that speaks first\r\n")
        self.addCleanup(greeter.close)
        return {"greeter": greeter.port, **super().words()}

    def test_behind_the_101(self):
        """what a service says first comes behind the 101, never in front of it"""
        for _ in range(20):
            with Visit(self.address, "/greeter", upgrade(self.address)) as visit:
                self.assertEqual(visit.status, 101)
                self.assertEqual(visit.said(), (BINARY, b"SSH-2.0-a service that speaks first\r\n"))


class Subprotocols(Conformance):
    more_routes = """\
          - {{name: several, path: /several, auth: none, subprotocols: [v2.chat, v1.chat, binary], to: "echo:"}}
        """

    def answered(self, *offers):
        """(status, what was agreed on) where these stand in a field each."""
        fields = [*upgrade(self.address), *(("Sec-WebSocket-Protocol", offer) for offer in offers)]
        with Visit(self.address, "/several", fields) as visit:
            return visit.status, visit.fields.get("sec-websocket-protocol")

    def test_choice(self):
        """exactly one of those offered is answered: the client's first that the route takes, whatever its order"""
        for order in itertools.permutations(("v1.chat", "v2.chat", "binary")):
            self.assertEqual(self.answered(", ".join(order)), (101, order[0]))
            self.assertEqual(self.answered("chat, " + ", ".join(order) + ", x"), (101, order[0]))
            self.assertEqual(self.answered(*order), (101, order[0]), "over several fields")
            self.assertEqual(self.answered("chat", ",".join(order)), (101, order[0]))

    def test_none_offered(self):
        """none offered, none answered"""
        self.assertEqual(self.answered(), (101, None))

    def test_none_taken(self):
        """offered, and none of them taken: a 400 that names those that are; upper case is another name"""
        for offer in ("mqtt", "V1.CHAT", "v1.chat2", "v1"):
            self.assertEqual(self.answered(offer), (400, None))
        answer = self.refused(400, self.request("/several").but(Sec_WebSocket_Protocol="mqtt"))
        self.assertIn(b"v2.chat, v1.chat, binary", answer.behind)


class Origins(Conformance):
    more_routes = """\
          - {{name: pages, path: /pages-only, auth: none, origins: same, to: "echo:"}}
          - {{name: programs, path: /programs-only, auth: none, origins: missing, to: "echo:"}}
        """

    def test_missing(self):
        """without Origin, as programs come: welcome unless the route says otherwise"""
        self.admitted(self.request())
        self.admitted(self.request("/programs-only"))
        self.refused(403, self.request("/pages-only"))
        self.admitted(self.request("/pages-only").but(Origin=f"http://{self.address}"))
        self.refused(403, self.request("/programs-only").but(Origin=f"http://{self.address}"))


class Extensions(Conformance):
    offers = (
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        'permessage-deflate; server_max_window_bits="15"; server_no_context_takeover',
        "x-webkit-deflate-frame, permessage-bzip2",
    )

    def test_declined(self):
        """compression and whatever else is offered is declined: the answer names no extension"""
        for offer in self.offers:
            answer = self.admitted(self.request().but(Sec_WebSocket_Extensions=offer))
            self.assertNotIn("sec-websocket-extensions", answer)
        all_of_them = "".join(f"Sec-WebSocket-Extensions: {offer}\r\n" for offer in self.offers)
        answer = self.admitted(self.request().but(more=all_of_them))
        self.assertNotIn("sec-websocket-extensions", answer)

    def test_not_used_all_the_same(self):
        """RSV1 by one whose offer was declined is an error, on whichever frame it stands"""
        deflated = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692, section 7.2.3.1: "Hello"
        hello = [(TEXT, b"Hello")]
        for before, bad in (
            ([], frame(TEXT, deflated, rsv=4)),
            ([], frame(BINARY, deflated, rsv=4)),
            ([], frame(TEXT, deflated[:3], fin=False, rsv=4) + frame(0, deflated[3:])),
            (hello, frame(TEXT, b"Hel", fin=False) + frame(0, b"lo") + frame(0, deflated, rsv=4)),
            (hello, frame(TEXT, b"Hello") + frame(9, deflated, rsv=4)),
        ):
            with self.session(fields=[("Sec-WebSocket-Extensions", self.offers[0])]) as session:
                session.send(bad)
                self.over(session, [*before, (CLOSE, 1002)])
