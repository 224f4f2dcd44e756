"""TLS, spoken by those who do not mean it. What single records, hellos and certificates lead to is shown by
test/integration/tls_test.cpp and test/tls; here it is what a house with witnesses makes of crowds of them."""

import contextlib
import ssl

from abuse import Abuse, answers_in, connect, get, reset, rest_of, sent_all
from harness import eventually
from visitor import Visit, upgrade

ROUTES = '- {name: desk, path: /desk, auth: none, to: "echo:"}'
LISTEN = """[
  {name: plain, address: "127.0.0.1:0"},
  {name: secure, address: "127.0.0.1:0", tls: {certificates: {certificate: site.pem, key: {file: site.key}}}}]"""
# A record of a handshake that says: a ClientHello of 512 bytes follows. It never does.
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


class ByTls(Abuse):
    def setUp(self):
        super().setUp()
        self.command(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", self.folder / "site.key", "-out", self.folder / "site.pem",
        )  # fmt: skip
        (self.folder / "site.key").chmod(0o600)
        self.trusting = ssl.create_default_context(cafile=str(self.folder / "site.pem"))

    @contextlib.contextmanager
    def besieged_by_tls(self, above="", **how):
        with self.besieged(ROUTES, listen=LISTEN.replace("\n", " "), above=above, **how) as house:
            house.secure = house.bascule.address_of("secure")
            self.comes_in(house)
            house.look()
            yield house
            self.comes_in(house)

    def comes_in(self, house):
        with Visit(house.secure, "/desk", upgrade(house.secure), tls=self.trusting, name="localhost") as visit:
            self.assertTrue(visit.echoes())
            visit.leave()

    def test_silence_and_stalls(self):
        """50 who say nothing, or half a hello, are gone at the deadline for the handshake"""
        with self.besieged_by_tls("defaults: {timeouts: {tls: 500ms}}", slack_kib=4096) as house:
            silent = [house.leaving.enter_context(connect(house.secure)) for _ in range(25)]
            stalled = [house.leaving.enter_context(connect(house.secure)) for _ in range(25)]
            for connection in stalled:
                connection.sendall(HALF_A_HELLO)
            house.others_are_served()
            self.assertEqual([rest_of(connection) for connection in silent], [b""] * 25)
            for connection in stalled:
                rest_of(connection)
            house.bascule.wait_for_count(25, "refused", refusal="tls_failed")

    def test_broken_off(self):
        """1,000 handshakes that break off anywhere, half of them by a reset, leave nothing behind"""
        with self.besieged_by_tls(slack_kib=1024) as house:
            hello = self.hello()

            def storm(count):
                for i in range(count):
                    connection = connect(house.secure)
                    sent_all(connection, hello[: self.random.randrange(1, len(hello) + 1)])
                    if i % 4 == 0:
                        with contextlib.suppress(ConnectionResetError, TimeoutError):
                            connection.settimeout(0.01)
                            connection.recv(1)
                    if i % 2:
                        reset(connection)
                    connection.close()

            storm(300)
            house.others_are_served()
            eventually(lambda: house.bascule.descriptors() <= house.descriptors, "the first 300 are gone")
            house.look()
            storm(700)
            house.others_are_served()

    def hello(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.trusting.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        return outgoing.read()

    def test_many_sessions_of_tls(self):
        """600 whole handshakes, each with its tickets, leave no session behind: the server keeps none"""
        with self.besieged_by_tls(slack_kib=1024) as house:

            def come(count):
                for _ in range(count):
                    with connect(house.secure) as connection:
                        with self.trusting.wrap_socket(connection, server_hostname="localhost") as inside:
                            inside.sendall(get(house.secure, "/nowhere", b"Connection: close\r\n"))
                            self.assertEqual(inside.recv(12), b"HTTP/1.1 404")

            come(200)
            house.others_are_served()
            house.look()
            come(400)

    def test_the_wrong_language(self):
        """Plain HTTP where TLS is spoken is a 400, TLS where it is not likewise, and no byte of either is in the log"""
        with self.besieged_by_tls() as house:
            with connect(house.secure) as connection:
                connection.sendall(get(house.secure, "/desk"))
                (answer,) = answers_in(rest_of(connection))
                self.assertEqual(answer.status, 400)
            (answer,) = house.ask(self.hello())
            self.assertEqual(answer.status, 400)
            house.bascule.wait_for_count(2, "refused")
        self.assertNotIn("\\u0016", "".join(house.bascule.said))

    def test_garbage_behind_the_handshake(self):
        """What is no record of the session ends that session, and it alone"""
        with self.besieged_by_tls() as house:
            for garbage in (b"\0" * 100, self.random.randbytes(1000), b"\x17\x03\x03\xff\xff" + bytes(70_000),
                            b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x00\x00" * 5000):  # fmt: skip
                connection = connect(house.secure)
                inside = self.trusting.wrap_socket(connection, server_hostname="localhost")
                inside.sendall(b"GET /desk HTTP/1.1\r\n")
                with open(inside.fileno(), "wb", closefd=False, buffering=0) as below:
                    with contextlib.suppress(OSError):
                        below.write(garbage)
                with contextlib.suppress(OSError):  # an alert, or a reset
                    while inside.recv(1 << 16):
                        pass
                inside.close()
                house.others_are_served()
