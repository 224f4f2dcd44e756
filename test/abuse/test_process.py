"""The process itself: its signals, its rules, its secrets, its sockets."""

import os
import pathlib
import signal
import socket
import stat
import textwrap
import threading

from abuse import Abuse, head_of
from harness import bascule_binary, eventually
from services import EchoService

ECHO = '- {name: desk, path: /desk, auth: none, to: "echo:"}'


class Signals(Abuse):
    def test_a_storm_of_hangups(self):
        """1,000 SIGHUPs, as fast as they can be sent and beside visits, are read as a few, and nothing is lost"""
        with self.besieged(ECHO) as house:
            inside = [house.visit() for _ in range(10)]

            def storm():
                for _ in range(1000):
                    os.kill(house.bascule.pid, signal.SIGHUP)

            storming = threading.Thread(target=storm)
            storming.start()
            while storming.is_alive():
                house.others_are_served()
            house.bascule.wait_for("reloaded")
            self.assertTrue(all(visit.echoes() for visit in inside))
            eventually(house.rests, "the last of them is read")
            self.assertLess(len(house.bascule.logged("reloaded")), 200)

    def test_rules_that_change_beside_traffic(self):
        """100 changes of the rules while visitors come and go and a service dies: every visit has its answer"""
        service = EchoService()
        routes = ECHO + f'\n- {{name: tcp, path: /tcp, auth: none, to: "127.0.0.1:{service.port}"}}'
        with self.besieged(routes, slack_kib=8192) as house:
            rules = house.bascule.rules_file.read_text()
            over = threading.Event()
            told = []

            def come():
                while not over.is_set():
                    for path in ("/desk", "/tcp", "/more"):
                        with house.bare_visit(path) as visit:
                            told.append((path, visit.status))
                            if visit.status == 101:
                                visit.send(b"\x82\x81\0\0\0\0x")
                                visit.reset()

            coming = [threading.Thread(target=come) for _ in range(3)]
            for thread in coming:
                thread.start()
            try:
                for i in range(100):
                    more = '  - {name: more, path: /more, auth: none, to: "127.0.0.1:1"}\n' if i % 2 == 0 else ""
                    house.bascule.rules_file.write_text(rules + more)
                    self.bascule("reload", house.bascule.rules_file)
                    house.others_are_served()
                    if i == 50:
                        service.close()
            finally:
                over.set()
                for thread in coming:
                    thread.join()
            possible = {("/desk", 101), ("/tcp", 101), ("/tcp", 502), ("/more", 404), ("/more", 502)}
            self.assertEqual(set(told), possible)


class Rules(Abuse):
    def test_broken_ones(self):
        """Rules that are broken in any way stop no process that runs, and none is started with them"""
        deep = "[" * 100_000
        laugh = "x-a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"x-{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi")
        )
        with self.besieged(ECHO, slack_kib=16384) as house:
            right = house.bascule.rules_file.read_text()
            broken = {
                "deep": f"x-deep: {deep}\n" + right,
                "laugh": laugh + right + "x-all: *i\n",
                "unknown key": right + "rotues: []\n",
                "twice": right + "routes: []\n",
                "tab": "\tlisten: x\n" + right,
                "type": right.replace("listen: 127.0.0.1:0", "listen: {a: [b]}"),
                "port": right.replace("127.0.0.1:0", "127.0.0.1:NaN"),
                "not text": right.encode() + b"x-a: \xff\xfe\n",
                "nul": right.encode() + b"x-a: \0\n",
                "end": right[: len(right) // 2] + "{",
                "empty": "",
                "huge": right + "# " + "x" * (17 << 20) + "\n",
            }
            for name, text in broken.items():
                with self.subTest(name):
                    house.bascule.rules_file.write_bytes(text if isinstance(text, bytes) else text.encode())
                    told = self.command(bascule_binary(), "reload", house.bascule.rules_file, code=1)
                    self.assertRegex(told.stdout + told.stderr, r"rules\.yaml")
                    checked = self.command(bascule_binary(), "check", house.bascule.rules_file, code=1)
                    self.assertRegex(checked.stdout + checked.stderr, r"rules\.yaml(:\d+:\d+)?: ")
                    self.command(bascule_binary(), "serve", house.bascule.rules_file, code=1)
                    house.others_are_served()
            house.bascule.rules_file.write_text(right)
            self.bascule("reload", house.bascule.rules_file)

    def test_a_table_that_is_replaced_and_garbled(self):
        """A table with CRLF, a mark and garbage gives what can be read of it; one that is too large changes nothing"""
        service = EchoService()
        self.addCleanup(service.close)
        to = f"127.0.0.1:{service.port}"
        table = self.folder / "tokens"
        table.write_text(f"known: {to}\n")
        routes = '- {name: table, path: /table, auth: none, to: {lookup: {table: tokens, key: "{query.token}"}}}'

        # The allocator keeps what the largest table took.
        with self.besieged(routes, slack_kib=65536) as house:

            def leads(token):
                with house.bare_visit(f"/table?token={token}") as visit:
                    return visit.status == 101

            def put(text):
                fresh = self.folder / "fresh"
                fresh.write_bytes(text)
                fresh.rename(table)

            self.assertTrue(leads("known"))
            put(b"\xef\xbb\xbfmarked: %b\r\n\r\ncrlf: %b\r\nno colon\r\n%b\r\nlast: %b" % (
                to.encode(), to.encode(), b"x" * 1_000_000, to.encode()))  # fmt: skip
            eventually(lambda: leads("marked") and leads("crlf") and leads("last"), "the new table")
            self.assertFalse(leads("known"))
            many = b"".join(b"token-%d: %b\n" % (i, to.encode()) for i in range(100_000))
            put(many + b"twice: x:1\ntwice: %b\n" % to.encode())
            eventually(lambda: leads("token-99999") and leads("twice"), "the large table")
            with open(self.folder / "huge", "wb") as huge:
                huge.truncate(1 << 30)
            os.rename(self.folder / "huge", table)
            house.bascule.wait_for("file_failed")
            self.assertTrue(leads("token-1"))
            put(f"known: {to}\n".encode())
            eventually(lambda: leads("known"), "the first table again")


class Secrets(Abuse):
    def test_stand_in_no_line(self):
        """A secret of a file, of the environment or of a visitor stands neither in the command line nor in the log"""
        (self.folder / "token").write_text("SECRET-of-a-file-0123456789abcdef")
        above = """
            auth:
              robot: {token: {secret: {file: token}, user: robot}}
              probe: {token: {secret: {env: PROBE_TOKEN}, user: probe}}
        """
        routes = '- {name: desk, path: /desk, auth: [robot, probe], to: "echo:"}'
        env = {"PROBE_TOKEN": "SECRET-of-the-environment-0123456789"}
        tokens = {"SECRET-of-a-file-0123456789abcdef": 101, env["PROBE_TOKEN"]: 101, "SECRET-guess": 401}
        with self.besieged(routes, above=above, env=env) as house:
            for token, status in tokens.items():
                (answer,) = house.ask(head_of(house.address, fields=[("Authorization", f"Bearer {token}")]))
                self.assertEqual(answer.status, status)
                house.ask(head_of(house.address, f"/nowhere?token={token}", fields=[("Cookie", f"token={token}")]))
            house.bascule.wait_for_count(2, "session", route="desk")
            line = pathlib.Path(f"/proc/{house.bascule.pid}/cmdline").read_bytes()
            self.assertNotIn(b"SECRET", line)
        self.assertNotIn("SECRET", "".join(house.bascule.said))


class Sockets(Abuse):
    def test_of_a_user(self):
        """A Unix socket has its mode before anybody could connect to it, 0660 unless told"""
        path = self.folder / "door.sock"
        listen = f'["127.0.0.1:0", "unix:{path}", {{address: "unix:{path}2", mode: "0600"}}]'
        with self.besieged(ECHO, listen=listen) as house:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o660)
            self.assertEqual(stat.S_IMODE(pathlib.Path(f"{path}2").stat().st_mode), 0o600)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                connection.sendall(head_of(house.address))
                self.assertEqual(connection.recv(12), b"HTTP/1.1 101")

    def test_of_another_instance(self):
        """A second instance at the same address says so in one line and ends, and the first notices nothing"""
        with self.besieged(ECHO) as house:
            second = self.folder / "second.yaml"
            second.write_text(textwrap.dedent(f"listen: {house.address}\nroutes:\n{textwrap.indent(ECHO, '  ')}\n"))
            done = self.command(bascule_binary(), "serve", second, code=1)
            self.assertIn("second.yaml:1:", done.stderr)
            self.assertIn("another program already does", done.stderr)
