"""The opening handshake where it is wrong: what is answered, and that nothing of it ever reaches a service.

Every answer is held against what all of them promise (see Conformance.refused): a Content-Length that is right, the
connection ends without a reset, nothing of the request is repeated, no cache may keep it.
"""

import base64
import signal
import socket

from conformance import Answer, Conformance
from frames import BINARY, close, frame
from harness import PATIENCE_SECONDS, eventually
from services import closed_port
from visitor import Visit, upgrade

KEY_FIELD = "Sec-WebSocket-Key"


class Refusals(Conformance):
    """What is asked for wrongly is asked for at the bridge, and nobody has come there in the end."""

    def refuses(self, status, *requests):
        """The last answer. Behind each request stands what a session begins with, and one that would be admitted."""
        smuggled = frame(BINARY, b"smuggled") + bytes(self.request("/bridge"))
        answers = [self.refused(status, request, smuggled) for request in requests]
        self.nobody_came()
        return answers[-1]

    def request(self, path="/bridge"):
        return super().request(path)


class Methods(Refusals):
    more_routes = """\
        - {{name: pages, path: /pages/*, auth: none, files: {{folder: {folder}}}}}
        """

    def words(self):
        (self.folder / "index.html").write_text("a page")
        return super().words()

    def test_other_methods(self):
        """a session is asked for by GET; any other method is a 405 that says so, and no answer allows another origin"""
        for method in ("POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "GETT"):
            answer = self.refuses(405, self.request().but(f"{method} /bridge?a=query HTTP/1.1", X_Field="any value of a field"))
            self.assertEqual(answer["allow"], "GET")
            self.assertFalse([name for name, _ in answer.pairs if name.startswith("access-control-")])

    def test_methods_of_pages(self):
        """a page is asked for by GET or HEAD, and HEAD is answered as GET is, without the page"""
        for method in ("POST", "PUT", "OPTIONS", "DELETE", "TRACE"):
            answer = self.refuses(405, f"{method} /pages/ HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            self.assertEqual(answer["allow"], "GET, HEAD")
            self.assertFalse([name for name, _ in answer.pairs if name.startswith("access-control-")])
        for path in ("/pages/", "/pages/missing", "/bridge"):
            get, head = (
                Answer(self.ask(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()))
                for method in ("GET", "HEAD")
            )
            self.assertEqual(head.behind, b"")
            if path == "/bridge":
                self.assertEqual((get.status, head.status), (426, 405))  # which method comes first
                continue
            self.assertEqual(head.status, get.status)
            self.assertEqual(head["content-length"], get["content-length"])
            self.assertEqual({name for name, _ in head.pairs}, {name for name, _ in get.pairs})

    def test_connect(self):
        """CONNECT names a host and a port, which is no target here: 400"""
        self.refuses(400, b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n")


class Versions(Refusals):
    def test_http_1_0(self):
        """an upgrade in HTTP/1.0 does not count (RFC 9110, section 7.8): 426, and the connection ends"""
        answer = self.refuses(426, self.request().but("GET /bridge HTTP/1.0"))
        self.assertEqual(answer["upgrade"], "websocket")
        self.refuses(426, self.request().but("GET /bridge HTTP/1.0", Connection="Upgrade, keep-alive"))

    def test_minor(self):
        """a minor version above 1 is read as 1.1 (RFC 9110, section 2.5)"""
        for minor in range(2, 10):
            self.admitted(self.request("/echo").but(f"GET /echo HTTP/1.{minor}"))

    def test_major(self):
        """another major version is a 505, at once, the preface of HTTP/2 too"""
        for major in (0, 2, 3, 9):
            self.refuses(505, self.request().but(f"GET /bridge HTTP/{major}.0"))
        self.refuses(505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(range(9)))

    def test_no_version(self):
        """what is no version is a 400"""
        wrong = ("", "HTTP/1", "HTTP/1.", "HTTP/1.11", "HTTP/11.1", "HTTP/1.1 ", "http/1.1", "HTTP/x.1", "ICAP/1.1")
        self.refuses(400, *(self.request().but(f"GET /bridge {version}") for version in wrong))
        self.refuses(400, self.request().but("GET /bridge"), self.request().but("GET  /bridge HTTP/1.1"))


class Hosts(Refusals):
    def test_not_one_host(self):
        """no Host, two of them, the same twice, an empty one: 400"""
        good = self.request()
        self.refuses(
            400,
            good.but(Host=None),
            good.but(more="Host: localhost\r\n"),
            good.but(more=f"Host: {self.address}\r\n"),
            good.but(Host=""),
            good.but(Host="", more="Host: localhost\r\n"),
            good.but("GET http://localhost/bridge HTTP/1.1", Host=None),
        )

    def test_no_host(self):
        """lists, users, spaces, paths, ports that are none, brackets around nothing: 400"""
        wrong = (
            "localhost, localhost", "localhost,", "a b", "user@localhost", "localhost/", ":80", "[::1",
            "::1", "[]", "[localhost]", "localhost:65536", "localhost:+80", "localhost:8a", "localhost:80:80",
            "local\xe9host", "http://localhost", "localhost?", "localhost#", "localhost\\", "-:-", "%6cocalhost",
            "localhost:0", "a..b", "1.2.3.4.5", "0x7f.1",
        )  # fmt: skip
        self.refuses(400, *(self.request().but(Host=host) for host in wrong))

    def test_in_the_target(self):
        """what is wrong in Host is wrong in an absolute target too"""
        wrong = ("", "user@localhost", "localhost:99999", "a,b", "[::1", "localhost:80:80")
        self.refuses(400, *(self.request().but(f"GET http://{host}/bridge HTTP/1.1") for host in wrong))


class Upgrades(Refusals):
    def test_no_upgrade(self):
        """a request for a session that asks for no upgrade, or for another one: 426, which says to what"""
        good = self.request()
        for request in (
            good.but(Upgrade=None),
            good.but(Upgrade=None, Connection="keep-alive"),
            good.but(Upgrade="h2c"),
            good.but(Upgrade="websocket/13"),
            good.but(Upgrade="web socket"),
            good.but(Upgrade="websockets"),
            good.but(Upgrade=""),
        ):
            answer = self.refuses(426, request)
            self.assertEqual(answer["upgrade"], "websocket")
            self.assertEqual(answer["connection"], "upgrade, close")
            self.assertEqual(answer["sec-websocket-version"], "13")

    def test_no_connection_field(self):
        """Upgrade that Connection does not name: 400"""
        for connection in (None, "", "keep-alive", "close", "upgraded", "Up grade", "Upgrade;x"):
            self.refuses(400, self.request().but(Connection=connection))

    def test_keys(self):
        """no key, two of them, one that is not the base64 of 16 bytes in its one right form: 400"""
        good = self.request()
        right = base64.b64encode(bytes(range(16))).decode()
        wrong = [base64.b64encode(bytes(size)).decode() for size in (0, 1, 8, 15, 17, 18, 24, 32)]
        wrong += [right[:-1], right[:-2], right + "=", right[:-2] + "A=", "=" + right[1:], right[:-3] + "x=="]
        wrong += [right[:10] + other + right[11:] for other in "-_ =.\xe4"]
        wrong += [f"{right}, {right}", "not base64 of any length"]
        self.refuses(400, good.but(Sec_WebSocket_Key=None), *(good.but(Sec_WebSocket_Key=key) for key in wrong))
        self.refuses(400, good.but(more=f"{KEY_FIELD}: {right}\r\n"))
        self.refuses(400, good.but(Sec_WebSocket_Key=right, more=f"{KEY_FIELD}: {right}\r\n"))

    def test_last_digit_of_a_key(self):
        """of the 64 digits that may end a key four leave no bits over; the other 60 are a 400"""
        digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for digit in digits:
            request = self.request("/echo").but(Sec_WebSocket_Key="A" * 21 + digit + "==")
            with self.subTest(digit):
                if digit in "AQgw":
                    self.assertEqual(Answer(self.ask(bytes(request) + close(1000))).status, 101)
                else:
                    self.refused(400, request)

    def test_versions(self):
        """another version is a 426 that names 13; none, and two of them, are a 400"""
        good = self.request()
        others = ("8", "7", "0", "12", "14", "130", "255", "256", "13, 8", "8, 13", "013", "+13", "13.0", "x", "")
        for version in others:
            answer = self.refuses(426, good.but(Sec_WebSocket_Version=version))
            self.assertEqual(answer["sec-websocket-version"], "13")
        self.refuses(400, good.but(Sec_WebSocket_Version=None))
        for second in ("13", "8"):
            self.refuses(400, good.but(more=f"Sec-WebSocket-Version: {second}\r\n"))

    def test_protocols(self):
        """Sec-WebSocket-Protocol that is no list of tokens, or names one twice, in one field or over two: 400"""
        good = self.request()
        wrong = ("", ",", "binary,", ",binary", "binary,,x", "bin ary", 'b"inary', "b(inary)", "b/inary", "binary;q=1",
                 "bin\xe4r", "binary, binary", "a, b, a")  # fmt: skip
        self.refuses(400, *(good.but(Sec_WebSocket_Protocol=offer) for offer in wrong))
        more = "Sec-WebSocket-Protocol: binary\r\n"
        self.refuses(400, good.but(Sec_WebSocket_Protocol="binary", more=more))
        self.refuses(400, good.but(Sec_WebSocket_Protocol="", more=more))

    def test_extensions(self):
        """Sec-WebSocket-Extensions against its grammar (RFC 6455, section 9.1): 400; within it, all is declined"""
        good = self.request()
        wrong = ("", ",", ";", "a,", ",a", "a,,b", "a;", ";a", "a; b=", "a; =b", "a b", "a; b c", 'a; b="', 'a; b=""',
                 'a; b="c', 'a; b="c d"', 'a; b="c"d', "a; b==c", "a=b", "a; b=c=d", 'a; "b"', "a/b", "a; b=\xe4",
                 'a; b="c\\"')  # fmt: skip
        self.refuses(400, *(good.but(Sec_WebSocket_Extensions=offer) for offer in wrong))
        right = ("a", "a,b", "a ; b", "a;b=c", 'a; b="c"', 'a; b="\\c"', "a; b; c=d, e;f", "a\t,\tb", "a; b=1, a; b=2")
        for offer in right:
            self.admitted(self.request("/echo").but(Sec_WebSocket_Extensions=offer))

    def test_bodies(self):
        """an upgrade with a body, or one announced: 400, and none of it is read as frames"""
        good = self.request()
        body = frame(BINARY, b"smuggled")
        self.refuses(
            400,
            good.but(Content_Length="1"),
            good.but(Content_Length=str(len(body))),
            good.but(Content_Length="9223372036854775807"),
            good.but(Transfer_Encoding="chunked"),
        )
        self.admitted(self.request("/echo").but(Content_Length="0"))


class Framing(Refusals):
    """Doubts about where a request ends: two readers in a row that settle them differently are what smuggling needs."""

    def test_lengths(self):
        """a length beside chunks, lengths that differ, lengths that are no plain number, other encodings: 400"""
        good = self.request()
        numbers = ("+5", "-5", "5e0", "0x5", "5,5", "5, 5", "5 5", "", " ", "five", "5.0", "9223372036854775808",
                   "18446744073709551621", "\xb2", "5;x")  # fmt: skip
        encodings = ("", "identity", "gzip, chunked", "chunked, identity", "chunked;x", "xchunked", "chunked chunked",
                     "chunked, chunked", '"chunked"', "\x0bchunked")  # fmt: skip
        chunked = "Transfer-Encoding: chunked\r\n"
        self.refuses(
            400,
            good.but(Content_Length="5", more=chunked),
            good.but(Content_Length="0", more=chunked),
            good.but(more=chunked + "Content-Length: 5\r\n"),
            good.but(more=chunked + chunked),
            good.but(Content_Length="5", more="Content-Length: 6\r\n"),
            good.but(Content_Length="5", more="Content-Length: 05\r\n"),
            *(good.but(Content_Length=number) for number in numbers),
            *(good.but(Transfer_Encoding=encoding) for encoding in encodings),
            good.but("GET /bridge HTTP/1.0", Transfer_Encoding="chunked"),
        )

    def test_lines(self):
        """folded lines, space in front of a colon or of a name, a line without a colon, an empty name: 400"""
        good = self.request()
        lines = ("X: a\r\n folded-line\r\n", "X: a\r\n\tfolded-line\r\n", "X : a\r\n", "X\t: a\r\n", " X: a\r\n", "no-colon-in-here\r\n",
                 ": a\r\n", "X\r\n", "X Y: a\r\n", " \r\n")  # fmt: skip
        self.refuses(400, *(good.but(more=line) for line in lines))
        first = bytes(good).replace(b"\r\nHost", b"\r\n Host", 1)
        self.refuses(400, first)

    def test_line_ends(self):
        """CR alone and LF alone, in each line of a request: 400"""
        good = bytes(self.request())
        ends = [at for at in range(len(good)) if good.startswith(b"\r\n", at)]
        for at in ends:
            for instead in (b"\n", b"\r", b"\n\r", b"\r\r\n"):
                self.refuses(400, good[:at] + instead + good[at + 2 :] + b"\r\n\r\n")
        for more in ("X: a\rb\r\n", "X: a\nb\r\n", "X: a\r\r\n", "X\r: a\r\n"):
            self.refuses(400, self.request().but(more=more))

    def test_bytes(self):
        """every byte that no value, no name and no target may hold: 400; every other one is taken"""
        controls = [*range(0x20), 0x7F]
        values = [octet for octet in controls if octet not in b"\t\r\n"]
        requests = [self.request().but(more=f"X-Field: a{chr(octet)}b\r\n") for octet in values]
        tokens = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # RFC 9110, 5.6.2
        names = [octet for octet in range(0x100) if octet not in tokens and octet not in b":"]
        requests += [self.request().but(more=f"X{chr(octet)}Field: a\r\n") for octet in names]
        in_target = [*controls, *range(0x80, 0x100), ord(" "), ord("#")]
        requests += [self.request().but(f"GET /bridge?a={chr(octet)}b HTTP/1.1") for octet in in_target]
        self.refuses(400, *requests)
        self.admitted(self.request("/echo").but(more=f"X{tokens.decode()}: a\r\n"))
        good = "".join(map(chr, [ord("\t"), *range(0x20, 0x7F), *range(0x80, 0x100)]))
        self.admitted(self.request("/echo").but(more=f"X-Field: a{good}b\r\n"))

    def test_targets(self):
        """a target that is no path: a name, a host and a port, a star, a fragment, a step upwards, a bad escape"""
        wrong = ("admin", "*", "localhost:80", "bridge", "ftp://localhost/bridge", "http:/bridge", "http:bridge", "#",
                 "/bridge#", "/bridge#x", "/bridge?x#y", "/../bridge", "/x/../bridge", "/./bridge", "/%2e%2e/bridge",
                 "/%2E/bridge", "/bridge%00", "/bridge%0d%0a", "/bridge%2f", "/bridge%5c", "/bridge%", "/bridge%2",
                 "/bridge%zz", "/bridge%ff", "\\bridge", "?x", "ws://localhost/bridge")  # fmt: skip
        self.refuses(400, *(self.request().but(f"GET {target} HTTP/1.1") for target in wrong))


class Sizes(Refusals):
    def test_too_large(self):
        """a first line that is too long is a 414, a head with too many bytes or fields a 431"""
        good = self.request()
        answer = self.refuses(414, good.but(f"GET /{'a' * 20000} HTTP/1.1"))
        self.assertEqual(answer["connection"], "close")
        many_fields = "".join(f"X-{count}: x\r\n" for count in range(100))
        self.refuses(431, good.but(more=f"X: {'x' * 20000}\r\n"), good.but(more=many_fields))
        self.refuses(431, good.but(more=f"X{'x' * 20000}: x\r\n"))
        room = 16 * 1024 - len(bytes(self.request("/echo"))) - len("X: \r\n")
        self.admitted(self.request("/echo").but(more=f"X: {'x' * room}\r\n"))
        self.refuses(431, good.but(more=f"X: {'x' * room}\r\n"))  # its path is longer by two
        fields = "".join(f"X-{count}: x\r\n" for count in range(64 - 5))
        self.admitted(self.request("/echo").but(more=fields))
        self.refuses(431, good.but(more=fields + "X: x\r\n"))


class Late(Refusals):
    timeouts = "head: 300ms"

    def test_too_late(self):
        """a request that is not whole by its deadline is a 408, however it trickles; nothing at all is no answer"""
        answer = Answer(self.ask(bytes(self.request())[:-1]))
        self.assertEqual((answer.status, answer["connection"]), (408, "close"))
        for first in (b"G", b"\r\nG", b"GET /bridge HTTP/1.1\r\n"):
            self.assertEqual(Answer(self.ask(first)).status, 408)
        for silence in (b"", b"\r\n"):
            self.assertEqual(self.ask(silence), b"")

        client = socket.create_connection(self.address.rsplit(":", 1), PATIENCE_SECONDS)
        self.addCleanup(client.close)
        client.sendall(b"GET /bridge HTTP/1.1\r\n")
        client.settimeout(0.02)
        data = b""
        while b"\r\n\r\n" not in data:  # a byte whenever nothing has come for a moment
            try:
                data += client.recv(1 << 16)
            except TimeoutError:
                client.sendall(b"x")
        self.assertEqual(Answer(data).status, 408)
        self.nobody_came()


class Admission(Refusals):
    more_routes = """\
        - {{name: own, path: /own, auth: none, origins: ["https://app.example", same], to: "127.0.0.1:{service}"}}
        - {{name: opaque, path: /opaque, auth: none, origins: opaque, to: "echo:"}}
        - name: tokens
          path: /tokens
          auth: none
          to: {{lookup: {{table: {folder}/tokens, key: "{{query.token}}"}}}}
        - name: within
          path: "/within/{{host}}"
          auth: none
          to: {{address: "{{path.host}}:9", within: 10.9.8.0/24}}
        """

    def words(self):
        (self.folder / "tokens").write_text(f"good: 127.0.0.1:{self.service_port}\n")
        return super().words()

    def test_origins(self):
        """pages of other origins get a 403 before the service sees anything; so does one that is not said properly"""
        good = self.request("/own")
        here = f"http://{self.address}"
        for origin in (
            "https://evil.example", "http://app.example", "https://app.example:8443",
            "https://app.example.evil.example", "https://xapp.example", here.replace("http", "https"),
            "http://127.0.0.1:1", "http://localhost:9",
            "null", "", "https://app.example/", "https://app.example/x", "https://app.example?x", "app.example",
            "https://user@app.example", "https://app.example https://app.example", "https://app.example, x",
            "https://", "file://", f"{here}/", "https://app.\xe9xample",
        ):  # fmt: skip
            self.refuses(403, good.but(Origin=origin))
        for second in ("https://app.example", "https://evil.example"):
            self.refuses(400, good.but(Origin="https://app.example", more=f"Origin: {second}\r\n"))
        self.refuses(400, good.but(Origin="https://app.example\x01"))
        for origin in ("https://app.example", "https://APP.example:443", here):
            with Visit(self.address, "/own", upgrade(self.address, origin)) as visit:
                self.assertEqual(visit.status, 101)
                self.accept().socket.close()

    def test_null(self):
        """the origin `null` is refused but where it is written"""
        self.refuses(403, self.request().but(Origin="null"))
        self.admitted(self.request("/opaque").but(Origin="null"))

    def test_unknown(self):
        """a path that leads nowhere, a token that nobody has, an address out of bounds: one and the same 404"""
        told = set()
        for path in ("/nowhere", "/bridge/", "/bridg", "/BRIDGE", "/", "/tokens", "/tokens?token=bad", "/tokens?token=",
                     "/within/127.0.0.1", "/within/10.9.9.9"):  # fmt: skip
            answer = self.refuses(404, self.request(path))
            reference = answer["bascule-reference"].encode()
            self.assertEqual(answer.behind.count(reference), 1)
            names = tuple(sorted(name for name, _ in answer.pairs))
            told.add((answer.behind.replace(reference, b"REFERENCE"), names))
        self.assertEqual(len(told), 1, told)


class Identity(Refusals):
    more_routes = """\
        - {{name: proven, path: /proven, auth: [staff, robot], to: "127.0.0.1:{service}"}}
        - {{name: others, path: /others, auth: robot, allow: {{users: nobody}}, to: "127.0.0.1:{service}"}}
        """

    def written_rules(self):
        (self.folder / "password").write_text("open sesame")
        (self.folder / "token").write_text("a-token-that-is-long-enough-for-anybody")
        return super().written_rules() + (
            "auth:\n"
            "  staff: {basic: {user: ada, password: {file: password}, realm: Staff}}\n"
            "  robot: {token: {secret: {file: token}, user: robot}}\n"
        )

    def asked(self, path, authorization=None):
        request = self.request(path).but(Authorization=authorization, Connection="Upgrade, close")
        answer = Answer(self.ask(bytes(request)))
        self.assertEqual(answer["cache-control"], "no-store")
        self.assertEqual(int(answer["content-length"]), len(answer.behind))
        return answer

    def test_challenges(self):
        """without a proof 401, with the challenge of each that would do; with a wrong token that it is wrong"""
        answer = self.asked("/proven")
        self.assertEqual(answer.status, 401)
        self.assertEqual(
            answer.all("www-authenticate"), ['Basic realm="Staff", charset="UTF-8"', 'Bearer realm="robot"']
        )
        answer = self.asked("/proven", "Bearer not-the-token-that-was-asked-for")
        self.assertEqual(answer.status, 401)
        self.assertIn('Bearer realm="robot", error="invalid_token"', answer.all("www-authenticate"))
        self.assertEqual(self.asked("/proven", f"Basic {base64.b64encode(b'ada:wrong').decode()}").status, 401)
        self.nobody_came()

    def test_malformed_and_not_allowed(self):
        """a credential that cannot be read is a 400; a right one of somebody who may not come in here a 403"""
        for wrong in ("Basic !!!", "Basic", "Bearer", "Bearer a b", "Basic YWRh"):
            self.assertEqual(self.asked("/proven", wrong).status, 400, wrong)
        self.assertEqual(self.asked("/others", "Bearer a-token-that-is-long-enough-for-anybody").status, 403)
        self.nobody_came()


class Full(Refusals):
    more_routes = """\
        - {{name: one, path: /one, auth: none, limits: {{sessions: 1}}, to: "echo:"}}
        - {{name: each, path: /each, auth: none, limits: {{sessions_per_address: 1}}, to: "echo:"}}
        - {{name: slow, path: /slow, auth: none, limits: {{new_sessions: 1/h}}, to: "echo:"}}
        """

    def test_no_room(self):
        """no room for this visitor is a 429, none for anybody a 503, each with the time to come again"""
        for path, status in (("/one", 503), ("/each", 429), ("/slow", 503)):
            with Visit(self.address, path, upgrade(self.address)) as visit:
                self.assertEqual(visit.status, 101)
                answer = self.refused(status, self.request(path))
                self.assertGreater(int(answer["retry-after"]), 0)
                self.assertTrue(visit.echoes())
        with Visit(self.address, "/each", upgrade(self.address), source="127.0.0.2") as visit:
            self.assertEqual(visit.status, 101)


class Unreachable(Refusals):
    """Services that cannot be reached: one refuses, one does not answer, one has no address."""

    more_routes = """\
        - {{name: closed, path: /closed, auth: none, to: "127.0.0.1:{closed}"}}
        - {{name: nobody, path: /nobody, auth: none, to: "nobody.invalid:1"}}
        - {{name: silent, path: /silent, auth: none, to: "127.0.0.1:{silent}"}}
        - {{name: down, path: /down, auth: none, to: {{addresses: ["127.0.0.1:{closed}"], health: {{every: 100ms}}}}}}
        """

    def words(self):
        # A listener whose queue is full drops what else comes, as a filter in the network would.
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(full.close)
        in_the_queue = socket.create_connection(full.getsockname())
        self.addCleanup(in_the_queue.close)
        self.silent_port = full.getsockname()[1]
        return {"closed": closed_port(), "silent": self.silent_port, **super().words()}


class Dialling(Unreachable):
    timeouts = "connect: 300ms"

    def test_unreachable(self):
        """a service that refuses or has no address is a 502, one that does not answer in time a 504: never a 101"""
        self.refused(502, self.request("/closed"))
        self.refused(502, self.request("/nobody"))
        self.refused(504, self.request("/silent"))

    def test_down(self):
        """one that the health checks have found down is tried all the same, at the last, and is a 502"""
        eventually(lambda: any("down" in line for line in self.server.said), "the health check's word")
        self.refused(502, self.request("/down"))


class Draining(Unreachable):
    timeouts = "connect: 60s"

    def dialled(self):
        """Whether bascule is waiting for the service that does not answer: a socket in SYN_SENT (02)."""
        with open("/proc/net/tcp") as table:
            return f" 0100007F:{self.silent_port:04X} 02 " in table.read()

    def test_draining(self):
        """who is being let in when bascule stops gets a 503 with Retry-After; whoever comes later finds nobody there"""
        with self.session() as session, socket.create_connection(self.address.rsplit(":", 1)) as client:
            client.sendall(bytes(self.request("/silent")))
            eventually(self.dialled, "the service is dialled")
            self.server.child.send_signal(signal.SIGTERM)
            self.assertEqual(session.frame().code, 1001)
            data = b""
            while more := client.recv(1 << 16):
                data += more
            answer = Answer(data)
            self.assertEqual((answer.status, answer["connection"]), (503, "close"))
            self.assertGreater(int(answer["retry-after"]), 0)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(self.address.rsplit(":", 1))
            session.send(close(1001))
            self.assertEqual(session.frames_to_the_end(), [])
        self.server.stopped = True
        self.assertEqual(self.server.child.wait(PATIENCE_SECONDS), 0)
