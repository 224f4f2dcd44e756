"""Heads of requests that want to be misread, to cost much, or to be taken for another."""

import json
import os
import re
import socket

from abuse import Abuse, get, head_of, rest_of, sent_all
from frames import BINARY, frame

ROUTES = """
- {name: desk, path: /desk, auth: none, protocol: vnc, to: "echo:"}
- {name: open, path: /open, auth: none, to: "echo:"}
- {name: large, path: /large, auth: none, to: "echo:", limits: {head_size: 1MiB, head_fields: 1000}}
- {name: alive, path: /alive, auth: none, answer: health}
"""
SECOND = b"GET /alive HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"  # that must never be answered


class Large(Abuse):
    def test_a_header_of_20_megabytes(self):
        """A header of 20 MB is a 431 after its first 16 KiB, and the rest costs next to nothing"""
        with self.besieged("- {name: desk, path: /desk, auth: none, to: 'echo:'}") as house:
            for _ in range(5):
                connection = house.connect()
                with self.cheaply(house, 0.3):
                    head = head_of(house.address)[:-2] + b"X-Long: "
                    sent_all(connection, head + b"a" * 20_000_000 + b"\r\n\r\n")
                    heard = rest_of(connection)
                self.assertIn(heard[:12], (b"HTTP/1.1 431", b""))  # nothing, where a reset was faster than the answer
            house.others_are_served()

    def test_a_long_head_in_splinters(self):
        """A head of 900 KiB in pieces of 40 bytes is read once, not again with each piece"""
        with self.besieged(ROUTES) as house:
            head = head_of(house.address, "/large")[:-2] + b"X-Long: " + b"a" * 900_000 + b"\r\n\r\n"
            visit = house.connect()
            with self.cheaply(house, 1.0):  # 23,000 reads; to look at all of it each time took minutes
                for at in range(0, len(head), 40):
                    visit.sendall(head[at : at + 40])
                self.assertEqual(visit.recv(12), b"HTTP/1.1 101")
            house.others_are_served()

    def test_two_thousand_fields(self):
        """2,000 header fields are a 431, and so are 65"""
        with self.besieged("- {name: desk, path: /desk, auth: none, to: 'echo:'}") as house:
            for count in (65, 2000):
                many = [(f"X-{i}", "x") for i in range(count)]
                answers = house.ask(head_of(house.address, fields=many))
                self.assertEqual([answer.status for answer in answers], [431], count)

    def test_fields_that_take_long_to_read_elsewhere(self):
        """Subprotocols and extensions that send a backtracking reader astray cost what others of their length do"""
        traps = [
            ("Sec-WebSocket-Protocol", "binary," + " " * 32_000 + "x"),
            ("Sec-WebSocket-Protocol", "b" + " " * 32_000 + "x"),
            ("Sec-WebSocket-Protocol", "," * 32_000 + "binary"),
            ("Sec-WebSocket-Extensions", 'x; y="' + "\\\\" * 32_000),
            ("Sec-WebSocket-Extensions", 'x; y="' + "\\" * 32_001 + '"'),
            ("Sec-WebSocket-Extensions", "a; " * 20_000 + "a"),
            ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=" + "1" * 32_000),
            ("Connection", "Upgrade, " + "," * 60_000),
        ]
        with self.besieged(ROUTES) as house:
            for name, value in traps:
                with self.cheaply(house, 0.1):
                    for _ in range(3):
                        answers = house.ask(head_of(house.address, "/large", fields=[(name, value)]))
                        self.assertIn(answers[0].status, (101, 400), name)
            house.others_are_served()

    def test_names_of_prototypes(self):
        """Fields, subprotocols and extensions that are called like members of every object are just names"""
        with self.besieged(ROUTES) as house:
            for name in ("__proto__", "constructor", "hasOwnProperty", "toString"):
                fields = [(name, "x"), ("Sec-WebSocket-Extensions", name)]
                fields.append(("Sec-WebSocket-Protocol", f"{name}, binary"))
                (answer,) = house.ask(head_of(house.address, fields=fields))
                self.assertEqual((answer.status, answer.fields["sec-websocket-protocol"]), (101, "binary"))
                self.assertNotIn("sec-websocket-extensions", answer.fields)

    def test_fields_of_one_bucket(self):
        """Names and tokens that all fall into one bucket of a common hash cost what others do"""
        # Strings with the same value of h = 31 * h + c: every sequence of "Aa" and "BB".
        alike = ["".join(("Aa", "BB")[n >> bit & 1] for bit in range(10)) for n in range(900)]
        with self.besieged(ROUTES) as house:
            with self.cheaply(house, 0.2):
                for _ in range(10):
                    fields = [(name, "x") for name in alike]
                    fields.append(("Cookie", "; ".join(f"{name}=x" for name in alike)))
                    (answer,) = house.ask(head_of(house.address, "/large", fields=fields))
                    self.assertEqual(answer.status, 101)


class Smuggling(Abuse):
    def test_no_second_request(self):
        """Each way to hide a length or a second request in a head is one 400, and nothing behind it is answered"""
        body = b"5\r\nhello\r\n0\r\n\r\n"
        te, cl = b"Transfer-Encoding: chunked\r\n", b"Content-Length: 4\r\n"
        wrong = {
            "both": te + cl,
            "space before the colon": b"Transfer-Encoding : chunked\r\n",
            "folded": b"Transfer-Encoding:\r\n chunked\r\n",
            "folded by a tab": b"Transfer-Encoding:\r\n\tchunked\r\n",
            "folded from above": b"X: x\r\n Transfer-Encoding: chunked\r\n",
            "0d in front": b"X: x\r\r\n" + te,
            "0d within": b"Transfer-Encoding: chun\rked\r\n",
            "bare line feed": b"X: x\n" + te,
            "vertical tab": b"Transfer-Encoding:\x0bchunked\r\n",
            "form feed": b"Transfer-Encoding: \x0cchunked\r\n",
            "no break space": b"Transfer-Encoding:\xa0chunked\r\n",
            "nul": b"Transfer-Encoding: chunked\x00\r\n",
            "name with a space": b"Transfer Encoding: chunked\r\n",
            "name with a no break space": b"Transfer-Encoding\xa0: chunked\r\n",
            "empty name": b": chunked\r\n",
            "no colon": b"Transfer-Encoding chunked\r\n",
            "line of spaces": b"   \r\n" + te,
            "dual chunk": te + b"Transfer-Encoding: identity\r\n",
            "reversed dual chunk": b"Transfer-Encoding: identity\r\n" + te,
            "unknown coding": b"Transfer-Encoding: xchunked\r\n",
            "list": b"Transfer-Encoding: identity, chunked\r\n",
            "comma": b"Transfer-Encoding: chunked,\r\n",
            "quoted": b'Transfer-Encoding: "chunked"\r\n',
            "upper case": b"TRANSFER-ENCODING: CHUNKED\r\n",
            "plain": te,
            "plus": b"Content-Length: +4\r\n",
            "minus": b"Content-Length: -4\r\n",
            "exponent": b"Content-Length: 4e0\r\n",
            "hexadecimal": b"Content-Length: 0x4\r\n",
            "comma prefix": b"Content-Length: ,4\r\n",
            "two in one": b"Content-Length: 4, 5\r\n",
            "two": cl + b"Content-Length: 5\r\n",
            "space within": b"Content-Length: 4 0\r\n",
            "too large": b"Content-Length: 18446744073709551620\r\n",
            "empty": b"Content-Length:\r\n",
            "soft hyphen": "Content-\u00adLength: 4\r\n".encode(),
            "a length": cl,
        }
        with self.besieged(ROUTES) as house:
            for name, lines in wrong.items():
                with self.subTest(name):
                    for head in (head_of(house.address)[:-2], get(house.address, "/alive")[:-2]):
                        answers = house.ask(head + lines + b"\r\n" + body + SECOND)
                        self.assertEqual([answer.status for answer in answers], [400])
                        self.assertEqual(answers[0].fields["connection"], "close")
            house.others_are_served()

    def test_first_lines(self):
        """A first line that two readers would read differently is a 400 or 505, and nothing behind it is answered"""
        lines = [
            b"GET  /alive HTTP/1.1",
            b"GET\t/alive HTTP/1.1",
            b" GET /alive HTTP/1.1",
            b"GET /alive HTTP/1.1 ",
            b"GET /alive  HTTP/1.1",
            b"GET /al ive HTTP/1.1",
            b"GET /alive",
            b"GET /alive HTTP/1.1\x00",
            b"GET /alive http/1.1",
            b"GET /alive HTTP/1.1 HTTP/1.1",
            b"GET /alive HTTP/2.0",
            b"GET /alive HTTP/0.9",
            b"GET /alive HTTP/11",
            b"PRI * HTTP/2.0",
            b"G\x00T /alive HTTP/1.1",
            b"GET alive HTTP/1.1",
            b"GET /alive#fragment HTTP/1.1",
            b"GET /alive\xff HTTP/1.1",
            b"CONNECT 127.0.0.1:22 HTTP/1.1",
            b"OPTIONS * HTTP/1.1",
        ]
        with self.besieged(ROUTES) as house:
            for line in lines:
                with self.subTest(line=line):
                    answers = house.ask(line + b"\r\nHost: " + house.address.encode() + b"\r\n\r\n" + SECOND)
                    self.assertEqual(len(answers), 1, answers)
                    self.assertIn(answers[0].status, (400, 405, 505))

    def test_a_request_behind_an_error(self):
        """What follows a refused upgrade is neither executed nor spliced to anything"""
        wrong = {
            426: [("Sec-WebSocket-Version", "12")],
            400: [("Sec-WebSocket-Key", "short")],
            403: [("Origin", "https://evil.example")],
        }
        with self.besieged(ROUTES) as house:
            for status, fields in wrong.items():
                answers = house.ask(head_of(house.address, fields=fields) + SECOND + frame(BINARY, b"hello"), end=False)
                self.assertEqual([answer.status for answer in answers], [status])
            self.assertEqual(house.bascule.logged("session", route="alive"), [])

    def test_h2c(self):
        """An upgrade to HTTP/2 is no upgrade: 426 or 400 where a WebSocket is expected, a page where a page is"""
        h2c = [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAARAAAAA")]
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        with self.besieged(ROUTES) as house:
            answers = house.ask(head_of(house.address, fields=h2c) + preface)
            self.assertEqual(len(answers), 1)
            self.assertIn(answers[0].status, (400, 426))
            answers = house.ask(head_of(house.address, "/alive", fields=h2c) + preface)
            self.assertEqual([answer.status for answer in answers], [200, 505])
            both = [("Upgrade", "h2c, websocket"), ("Connection", "Upgrade")]
            (answer,) = house.ask(head_of(house.address, fields=both))
            self.assertEqual((answer.status, answer.fields["upgrade"]), (101, "websocket"))

    def test_garbage_behind_a_page(self):
        """What follows a request for a page is taken for the next request, and garbage ends it"""
        with self.besieged(ROUTES) as house:
            answers = house.ask(get(house.address, "/alive") + b"\x00garbage " * 10 + b"\r\n\r\n" + SECOND)
            self.assertEqual([answer.status for answer in answers], [200, 400])

    def test_expect(self):
        """Expect: 100-continue makes nobody wait and is told no 100"""
        with self.besieged(ROUTES) as house:
            expecting = [("Expect", "100-continue"), ("Content-Length", "5")]
            (answer,) = house.ask(head_of(house.address, "/desk", "POST", expecting), end=False)
            self.assertEqual(answer.status, 405)
            page = get(house.address, "/alive", b"Expect: 100-continue\r\nConnection: close\r\n")
            (answer,) = house.ask(page, end=False)
            self.assertIn(answer.status, (200, 417))


class Pages(Abuse):
    def setUp(self):
        super().setUp()
        self.pages = self.folder / "pages"
        (self.pages / "below").mkdir(parents=True)
        (self.pages / "index.html").write_text("the index")
        (self.pages / "below" / "page.html").write_text("0123456789" * 100)
        (self.folder / "secret.txt").write_text("SECRET")
        os.symlink("/etc", self.pages / "etc")
        os.symlink(self.folder / "secret.txt", self.pages / "link.txt")
        os.mkfifo(self.pages / "fifo")
        self.socket = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.socket.close)
        self.socket.bind(str(self.pages / "socket"))

    ROUTES = "- {name: pages, path: /*, auth: none, files: {folder: pages}}"

    def test_ways_out(self):
        """No spelling of a path leads out of the folder of pages"""
        ways = [
            "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/..\\secret.txt",
            "/..%5csecret.txt", "/%252e%252e/secret.txt", "/%252e%252e%252fsecret.txt", "/below/../../secret.txt",
            "/./../secret.txt", "/.%2e/secret.txt", "/%c0%ae%c0%ae/secret.txt", "/%c0%2e%c0%2e/secret.txt",
            "/%e0%80%ae%e0%80%ae/secret.txt", "/..%c0%afsecret.txt", "/..%00/secret.txt", "/secret.txt%00.html",
            "/index.html%00", "/~root/.profile", "/C:/secret.txt", "/C:\\secret.txt", "/\\\\host\\share",
            "//etc/passwd", "/%2fetc/passwd", "/etc/passwd", "/etc%2fpasswd", "/link.txt",
            "/....//secret.txt", "/..;/secret.txt", "/below/%2e%2e/%2e%2e/secret.txt", "/%uff0e%uff0e/secret.txt",
            "/..\xff/secret.txt", "/?../secret.txt%",
        ]  # fmt: skip
        with self.besieged(self.ROUTES) as house:
            for way in ways:
                with self.subTest(way):
                    answers = house.ask(get(house.address, way))
                    if way.startswith("/?"):
                        self.assertEqual((answers[0].status, answers[0].body), (200, b"the index"))
                        continue
                    self.assertEqual(len(answers), 1)
                    self.assertIn(answers[0].status, (400, 404))
                    self.assertNotIn(b"SECRET", answers[0].body)
                    self.assertNotIn(b"root:", answers[0].body)

    def test_what_is_no_file(self):
        """A folder without an index, a FIFO and a socket are a 404 at once, and nothing lists a folder"""
        with self.besieged(self.ROUTES) as house:
            for target in ("/below", "/below/", "/fifo", "/socket", "/etc/", "/below/page.html/"):
                (answer,) = house.ask(get(house.address, target, b"Connection: close\r\n"), end=False)
                self.assertEqual(answer.status, 404, target)
                self.assertNotIn(b"page.html", answer.body)

    def test_no_redirect_elsewhere(self):
        """A path that begins like another host is not found, and no answer has a Location"""
        with self.besieged(self.ROUTES) as house:
            for target in ("//evil.example/..", "//evil.example/%2e%2e", "/%2f%2fevil.example", "///evil.example/below",
                           "/\\evil.example", "//evil.example/below", "/below//evil.example/"):  # fmt: skip
                for answer in house.ask(get(house.address, target)):
                    self.assertIn(answer.status, (400, 404), target)
                    self.assertNotIn("location", answer.fields)

    def test_ranges(self):
        """1,000 ranges, overlapping ones and garbage give the page once, or nothing of it"""
        page = "/below/page.html"
        ranges = {
            "bytes=0-,0-,0-": 200, "bytes=" + ",".join("0-" for _ in range(1000)): 200,
            "bytes=" + ",".join(f"{i}-{i + 500}" for i in range(500)): 200, "bytes=5000-": 416, "bytes=9-1": 200,
            "bytes=-0": 416, "bytes=18446744073709551616-": 416, "bytes=0-18446744073709551616": 206, "bytes=a-b": 200,
            "lines=0-1": 200, "bytes=--1": 200, "bytes": 200, "bytes=": 200, "bytes=-99999": 206,
        }  # fmt: skip
        with self.besieged(self.ROUTES) as house:
            for value, status in ranges.items():
                with self.subTest(value[:40]):
                    (answer,) = house.ask(get(house.address, page, f"Range: {value}\r\n".encode()))
                    self.assertEqual(answer.status, status)
                    self.assertLessEqual(len(answer.body), 1000)

    def test_fields_nobody_needs(self):
        """Garbage in If-Modified-Since, If-None-Match and Accept-Encoding is no reason for anything but the page"""
        garbage = ["If-Modified-Since: garbage", "If-Modified-Since: Fri, 99 Feb 99999999999 99:99:99 GMT",
                   "If-None-Match: " + '"x",' * 2000, "If-None-Match: W/\"",
                   "Accept-Encoding: " + "gzip;q=0.0001," * 800, "Accept-Encoding: " + "*" * 8000,
                   "If-Range: garbage", "If-Unmodified-Since: 1"]  # fmt: skip
        with self.besieged(self.ROUTES) as house:
            for line in garbage:
                (answer,) = house.ask(get(house.address, "/", line.encode() + b"\r\n"))
                self.assertEqual((answer.status, answer.body), (200, b"the index"), line[:60])
                self.assertNotIn("content-encoding", answer.fields)

    def test_pages_run_no_foreign_script(self):
        """Pages come with a policy by which a text that a server supplies is never run"""
        with self.besieged(self.ROUTES) as house:
            (answer,) = house.ask(get(house.address, "/"))
            policy = answer.fields["content-security-policy"]
            self.assertNotIn("unsafe-inline", re.search(r"script-src[^;]*|default-src[^;]*", policy)[0])
            (answer,) = house.ask(get(house.address, "/<script>alert(1)</script>"))
            self.assertNotIn(b"<script", answer.body)
            self.assertEqual(answer.fields["x-content-type-options"], "nosniff")


class Names(Abuse):
    def test_hosts(self):
        """A Host that is none is a 400, and one that nobody wrote a 421: no name of an attacker leads here"""
        hosts = {
            "127.0.0.1.evil.example": 421, "evil.example": 421, "localhost.evil.example": 421, "a" * 65536: 400,
            "127.1": 400, "0x7f000001": 400, "2130706433": 400, "0177.0.0.1": 400, "127.0.0.1:99999": 400,
            "127.0.0.1@evil.example": 400, "127.0.0.1/x": 400, "127.0.0.1\t": 101, "evil.example, 127.0.0.1": 400,
            "[::1": 400, "127.0.0.1:80:80": 400, "127.0.0.1\\": 400, "": 400,
            "\u0131.example".encode().decode("latin-1"): 400,
        }  # fmt: skip
        with self.besieged(ROUTES) as house:
            for host, status in hosts.items():
                with self.subTest(host[:40]):
                    answers = house.ask(head_of(house.address, fields=[("Host", host)]))
                    self.assertEqual([answer.status for answer in answers], [status])
            head = head_of(house.address)
            host = b"Host: " + house.address.encode() + b"\r\n"
            for lines in (b"", host + host, host + b"Host: evil.example\r\n", b"Host: a\r\n b\r\n"):
                answers = house.ask(head.replace(host, lines))
                self.assertEqual([answer.status for answer in answers], [400], lines)

    def test_origins(self):
        """Only the origins that are listed pass, by scheme, host and port; whatever looks like one does not"""
        routes = """
            - name: desk
              path: /desk
              auth: none
              origins: ["https://good.example.com", "https://xn--bcher-kva.example"]
              to: "echo:"
        """
        foreign = [
            "https://good.example.com.evil.example", "https://evilgood.example.com", "http://good.example.com",
            "https://good.example.com:444", "https://good.example.com.", "null", "file://", "https://example.com",
            "chrome-extension://abcdefghijklmnop", "moz-extension://good.example.com", "https://sub.good.example.com",
            "https://good.example.com@evil.example", "https://good.example.com/",
            "https://good.example.com, https://x.example", "https://bucher.example",
            "https://bücher.example".encode().decode("latin-1"), "https://xn--bcher-kva.example.evil.example",
            "wss://good.example.com:8443", "https://good.example.com%00.evil.example",
            "https://good.example.com\\.evil.example", "", "*", "good.example.com",
            "https://*.example.com", "data:text/html,x", "https://gооd.example.com".encode().decode("latin-1"),
        ]  # fmt: skip
        with self.besieged(routes) as house:
            for origin in foreign:
                with self.subTest(origin):
                    answers = house.ask(head_of(house.address, fields=[("Origin", origin)]))
                    self.assertEqual([answer.status for answer in answers], [403])
            for origin in ("https://good.example.com", "HTTPS://GOOD.example.COM", "https://good.example.com:443",
                           "https://xn--bcher-kva.example"):  # fmt: skip
                (answer,) = house.ask(head_of(house.address, fields=[("Origin", origin)]))
                self.assertEqual(answer.status, 101, origin)
            two = head_of(house.address)[:-2] + b"Origin: https://good.example.com\r\n" * 2 + b"\r\n"
            self.assertIn(house.ask(two)[0].status, (400, 403))

    def test_log_lines(self):
        """Whatever stands in a path, an Origin or a User-Agent, each record is one line of JSON, and acts on nobody"""
        strange = ["\x1b[2Jx", "\u202egnp.exe", "\r\n{\"event\":\"forged\"}", "\xff\xfe", "\"},{\"", "\x00",
                   "\x7f\x9b31m", "\u2028"]  # fmt: skip
        with self.besieged(ROUTES) as house:
            for text in strange:
                data = text.encode("utf-8", "surrogatepass") if ord(max(text)) > 255 else text.encode("latin-1")
                escaped = "".join(f"%{byte:02x}" for byte in data).encode()
                for line in (b"/nowhere-" + escaped, b"/nowhere-" + data):
                    house.ask(b"GET " + line + b" HTTP/1.1\r\nHost: " + house.address.encode() + b"\r\n\r\n")
                for field in (b"Origin", b"User-Agent", b"X-Forwarded-For", b"Sec-WebSocket-Protocol"):
                    house.ask(head_of(house.address)[:-2] + field + b": a" + data + b"b\r\n\r\n")
            house.bascule.wait_for_count(len(strange), "refused")
            house.others_are_served()
        for line in house.bascule.said:
            self.assertTrue(json.loads(line)["event"])
            self.assertNotRegex(line[:-1], "[\x00-\x1f\x7f-\x9f\u202e\u2028\ufffd]")
        self.assertEqual(house.bascule.logged("forged"), [])

    def test_nothing_is_reflected(self):
        """No byte that a visitor sends stands in the head of an answer, unless the rules have listed it"""
        mark = "Xmark%0d%0aSet-Cookie:%20a=b"
        with self.besieged(ROUTES) as house:
            for path in ("/desk", "/nowhere", "/alive"):
                for fields in ([("Sec-WebSocket-Protocol", "Xmark, binary")], [("Sec-WebSocket-Protocol", "Xmark")],
                               [("Origin", "https://Xmark.example")], [("Authorization", "Basic Xmark")],
                               [("Cookie", "a=Xmark")], [("Sec-WebSocket-Extensions", "Xmark")]):  # fmt: skip
                    (answer,) = house.ask(head_of(house.address, f"{path}?token={mark}", fields=fields))
                    self.assertNotIn("Xmark", str(answer.fields) + answer.body.decode())
                    self.assertNotIn("set-cookie", answer.fields)

    def test_old_novnc(self):
        """The subprotocol `base64` of old noVNC is never chosen: it says nothing of what WebSocket would then carry"""
        with self.besieged(ROUTES) as house:
            with house.bare_visit(protocols=("base64",)) as visit:
                self.assertEqual(visit.status, 400)
            with house.bare_visit(protocols=("base64", "binary")) as visit:
                self.assertEqual((visit.status, visit.fields["sec-websocket-protocol"]), (101, "binary"))

    def test_hidden_things(self):
        """Nobody finds metrics, sessions or a way to administrate at the public port"""
        with self.besieged(ROUTES) as house:
            for path in ("/metrics", "/status", "/admin", "/sessions", "/debug/pprof", "/server-status"):
                self.assertEqual([answer.status for answer in house.ask(get(house.address, path))], [404], path)
