"""Who connects, and then: says nothing, is gone, or says it slowly."""

import contextlib
import resource
import time

from abuse import ATTACKER, Abuse, allow_many_descriptors, connect, get, head_of, reset, rest_of, sent_all
from harness import eventually, sanitized
from services import EchoService

ECHO = '- {name: desk, path: /desk, auth: none, to: "echo:"}'
LONG_HEAD = "defaults: {timeouts: {head: 60s}}"  # silence lasts for as long as the case does
SHORT_HEAD = "defaults: {timeouts: {head: 500ms, close: 500ms, stall: 1s}}"


class Silence(Abuse):
    def test_says_nothing(self):
        """100 who connect and say nothing are closed at the deadline for a head, without a word and without a record"""
        with self.besieged(ECHO, above=SHORT_HEAD) as house:
            crowd = [house.connect() for _ in range(100)]
            house.others_are_served()
            self.assertEqual([rest_of(connection) for connection in crowd], [b""] * 100)
            self.assertEqual(house.bascule.logged("refused"), [])

    def test_five_thousand_of_one_address(self):
        """5,000 silent connections of one address: it has a quarter of all descriptors, others come in at once"""
        allow_many_descriptors()
        with self.besieged(ECHO, above=LONG_HEAD, limits={resource.RLIMIT_NOFILE: 1024}, slack_kib=4096) as house:
            crowd = house.crowd()
            crowd.connect(house.address, 5000)
            began = time.monotonic()
            house.others_are_served()
            self.assertLess(time.monotonic() - began, 50, "waited for the deadline of the silent ones: 60 s")
            eventually(lambda: crowd.ended() == 5000 - 256, "all are closed but a quarter of 1,024")
            told = house.bascule.wait_for("crowd", client=ATTACKER)
            self.assertIn("too many connections that are not let in yet", told["text"])
            house.others_are_served()
            self.assertLessEqual(len(house.bascule.logged("crowd")), 1 + (time.monotonic() - began) / 5)
            crowd.close()

    def test_its_place_is_free_again(self):
        """An address whose crowd has gone is let in like anybody"""
        with self.besieged(ECHO, above=LONG_HEAD, limits={resource.RLIMIT_NOFILE: 256}) as house:
            crowd = house.crowd()
            crowd.connect(house.address, 200)
            house.bascule.wait_for("crowd")
            crowd.close()

            def is_let_in():
                try:
                    with house.bare_visit() as visit:
                        return visit.status == 101
                except ConnectionError:
                    return False

            eventually(is_let_in, "an attacker who has become a visitor")


class Gone(Abuse):
    def test_ten_thousand_resets(self):
        """10,000 who connect and reset leave no descriptor, no memory and no line in the log"""
        with self.besieged(ECHO) as house:

            def storm(count):
                for _ in range(count):
                    reset(connect(house.address))

            storm(2000)
            house.others_are_served()
            lines = len(house.bascule.said)
            house.look()
            storm(8000)
            house.others_are_served()
            records = house.bascule.logged("session")
            self.assertLessEqual(len(house.bascule.said) - lines, 1, "that of the newcomer")
            self.assertTrue(all(record["route"] == "witness" for record in records), records)

    def test_reset_in_each_phase(self):
        """2,000 who are gone in the midst of a head, of an answer, of a frame: nothing is left of them"""
        with self.besieged(ECHO) as house:
            head = head_of(house.address)

            def storm(count):
                for i in range(count):
                    connection = connect(house.address)
                    kind = i % 4
                    sent_all(connection, head[: len(head) // 2] if kind == 0 else head)
                    if kind == 2:
                        connection.recv(1)
                    if kind == 3:
                        sent_all(connection, b"\x82\xfe\xff")
                    reset(connection)

            storm(400)
            house.others_are_served()
            house.look()
            storm(1600)
            house.others_are_served()


class Slowly(Abuse):
    def test_a_head(self):
        """A head that trickles in byte by byte is a 408 at one absolute deadline"""
        with self.besieged(ECHO, above=SHORT_HEAD) as house:
            slow = [house.connect() for _ in range(20)]
            endless = head_of(house.address)[:-2] + b"X-A: " + b"b" * 10_000
            began = time.monotonic()
            for byte in endless:
                open_ones = [s for s in slow if sent_all(s, bytes([byte]))]
                if time.monotonic() - began > 1 or not open_ones:
                    break
                time.sleep(0.02)
            house.others_are_served()
            for connection in slow:
                self.assertTrue(rest_of(connection).startswith(b"HTTP/1.1 408 "))
            self.assertEqual(len(house.bascule.wait_for_count(20, "refused", refusal="head_too_slow")), 20)

    def test_a_body(self):
        """A body that nobody asked for is refused before it comes, however slowly it would"""
        with self.besieged(ECHO + "\n- {name: page, path: /page, auth: none, answer: health}") as house:
            for path, statuses in {"/desk": {405}, "/page": {405}, "/nowhere": {404, 405}}.items():
                connection = house.connect()
                request = head_of(house.address, path, "POST", [("Content-Length", "100000")])
                connection.sendall(request + b"x")
                answer = rest_of(connection)  # while 99,999 bytes are still to come
                self.assertIn(int(answer[9:12]), statuses, answer)
            for path, status in {"/desk": 400, "/page": 400}.items():
                connection = house.connect()
                connection.sendall(head_of(house.address, path, "GET", [("Content-Length", "100000")]) + b"x")
                self.assertEqual(int(rest_of(connection)[9:12]), status)

    def test_reading_a_page(self):
        """20 who ask for a page of 20 MB and read nothing cost no memory, and hold up nobody"""
        (self.folder / "pages").mkdir()
        (self.folder / "pages" / "large.bin").write_bytes(bytes(20_000_000))
        routes = ECHO + "\n- {name: pages, path: /pages/*, auth: none, files: {folder: pages}}"
        with self.besieged(routes) as house:
            slow = []
            before_kib = house.bascule.resident_kib()
            for _ in range(20):
                connection = house.connect(receive_buffer_bytes=4096)
                connection.sendall(get(house.address, "/pages/large.bin"))
                slow.append(connection)
            for connection in slow:
                self.assertEqual(connection.recv(15), b"HTTP/1.1 200 OK")
            house.others_are_served()
            self.assertLess(house.bascule.resident_kib(), before_kib + (65536 if sanitized() else 2048))


class ProxyHeaders(Abuse):
    """A listener that asks for a header of PROXY protocol, beside one that does not."""

    LISTEN = """[
      {name: open, address: "127.0.0.1:0"},
      {name: balanced, address: "127.0.0.1:0", proxy_protocol: {addresses: [127.0.0.2, 127.0.0.3]}}]"""

    def test_wrong_ones(self):
        """A PROXY header that is missing, wrong, too long, too slow or a stranger's ends it without a word"""
        v2 = b"\r\n\r\n\0\r\nQUIT\n"
        told = bytes([192, 0, 2, 1, 127, 0, 0, 1, 0x30, 0x39, 0x17, 0xC0])
        wrong = [
            b"", b"PROXY TCP5 192.0.2.1 127.0.0.1 1 2\r\n", b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2" + b" " * 200,
            b"PROXY TCP4 192.0.2.256 127.0.0.1 1 2\r\n", b"PROXY TCP4 192.0.2.1 127.0.0.1 1 65536\r\n",
            v2 + b"\x31\x11\x00\x0c" + told,          # version 3
            v2 + b"\x2f\x11\x00\x0c" + told,          # an unknown command
            v2 + b"\x21\x41\x00\x0c" + told,          # an unknown family
            v2 + b"\x21\x11\xff\xff" + told + bytes(70_000),
            v2 + b"\x21\x11\x00\x04" + told,          # no room for its addresses
            v2 + b"\x21\x11\x00\x0f" + told + b"\x20\x00\x05",  # a field that is longer than the header
            v2 + b"\x21\x11\x00\x13" + told + b"\x03\x00\x04abcd",  # a checksum that is not its own
        ]  # fmt: skip
        with self.besieged(ECHO, listen=self.LISTEN.replace("\n", " "), above=SHORT_HEAD) as house:
            address = house.bascule.address_of("balanced")
            for header in wrong:
                with connect(address) as connection:
                    sent_all(connection, header + head_of(address))
                    self.assertEqual(rest_of(connection), b"", header[:60])
            slow = house.leaving.enter_context(contextlib.closing(connect(address)))
            slow.sendall(b"PROXY TCP4 192.")
            self.assertEqual(rest_of(slow), b"")
            with connect(address, "127.0.0.9") as stranger:
                sent_all(stranger, v2 + b"\x21\x11\x00\x0c" + told + head_of(address))
                self.assertEqual(rest_of(stranger), b"")
            house.bascule.wait_for_count(len(wrong) + 2, "refused", refusal="bad_proxy_header")
            # LOCAL: the addresses of the connection hold.
            with connect(address) as local:
                local.sendall(v2 + b"\x20\x00\x00\x00" + head_of(address))
                self.assertEqual(local.recv(12), b"HTTP/1.1 101")
            record = house.bascule.wait_for("session", route="desk")
            self.assertTrue(record["client"].startswith(ATTACKER + ":"), record)


class Slowhttptest(Abuse):
    """The tool that is known for it, in each of its modes: 400 connections, 400 a second, and its own probe."""

    def attack(self, mode, *more, target="/desk"):
        (self.folder / "pages").mkdir()
        (self.folder / "pages" / "page.bin").write_bytes(bytes(1_000_000))
        routes = ECHO + "\n- {name: pages, path: /pages/*, auth: none, files: {folder: pages}}"
        with self.besieged(routes, above="defaults: {timeouts: {head: 2s}}", slack_kib=4096) as house:
            url = house.bascule.http(target)
            done = self.command("slowhttptest", mode, "-c", 400, "-r", 400, "-l", 4, "-p", 3, "-u", url, *more)
            said = done.stdout + done.stderr
            told = [line.split(":", 1)[1] for line in said.splitlines() if "service available" in line]
            self.assertTrue(told, said)
            self.assertTrue(all("YES" in word for word in told), said)
            house.others_are_served()

    def test_slow_headers(self):
        """slowhttptest -H: the service is available throughout"""
        self.attack("-H", "-i", 1, "-x", 24)

    def test_slow_body(self):
        """slowhttptest -B: the service is available throughout"""
        self.attack("-B", "-i", 1, "-s", 8192, "-x", 10)

    def test_ranges(self):
        """slowhttptest -R: the service is available throughout"""
        self.attack("-R", "-a", 10, "-b", 3000, target="/pages/page.bin")

    def test_slow_read(self):
        """slowhttptest -X: the service is available throughout"""
        self.attack("-X", "-w", 10, "-y", 20, "-n", 1, "-z", 32, "-k", 3, target="/pages/page.bin")


class Shortage(Abuse):
    def test_of_descriptors(self):
        """With 64 descriptors: whoever is too many waits or is told 503, sessions live, the CPU rests, and it passes"""
        with self.besieged(ECHO, above=LONG_HEAD, limits={resource.RLIMIT_NOFILE: 64}) as house:
            inside = [house.visit() for _ in range(5)]
            crowd = house.crowd()
            for i in range(100):  # of ten addresses, since one alone may not have all there are
                crowd.connect(house.address, 1, source=f"127.0.1.{i % 10}")
            house.bascule.wait_for("shortage")
            before = house.bascule.cpu_seconds()
            began = time.monotonic()
            time.sleep(1.5)
            share = (house.bascule.cpu_seconds() - before) / (time.monotonic() - began)
            self.assertLess(share, 0.05, "of a CPU while everybody waits")
            self.assertTrue(all(visit.echoes() for visit in [*inside, house.witness]))
            self.assertLessEqual(len(house.bascule.logged("shortage")), 1 + (time.monotonic() - began) / 5)
            crowd.close()

    def test_of_places(self):
        """With 64 descriptors and as many sessions as fit, one more is told 503 and when to come again"""
        with self.besieged(ECHO, above=LONG_HEAD, limits={resource.RLIMIT_NOFILE: 64}) as house:
            told = []
            for _ in range(40):
                visit = house.visit()
                told.append(visit.status)
                if visit.status == 503:
                    self.assertIn("retry-after", visit.fields)
                    break
            self.assertEqual(told[-1], 503, told)
            self.assertGreater(told.count(101), 10)
            self.assertTrue(house.witness.echoes())

    def test_of_descriptors_for_the_service(self):
        """Where none is left to dial the service with, a visitor is told so by 503, and it passes by itself"""
        service = EchoService()
        self.addCleanup(service.close)
        routes = f'- {{name: desk, path: /desk, auth: none, to: "127.0.0.1:{service.port}"}}'
        with self.besieged(routes, above=LONG_HEAD, limits={resource.RLIMIT_NOFILE: 64}) as house:
            first = house.connect(source="127.0.1.1")
            crowd = house.crowd()
            for i in range(100):
                crowd.connect(house.address, 1, source=f"127.0.1.{2 + i % 10}")
            house.bascule.wait_for("shortage")
            first.sendall(head_of(house.address))
            self.assertEqual(first.recv(12), b"HTTP/1.1 503")
            self.assertTrue(house.witness.echoes())
            crowd.close()
            eventually(lambda: house.bare_visit().status == 101, "the service is reached again")
