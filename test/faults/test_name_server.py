"""What becomes of visitors when names fail: a name server of the case's own, on bascule's machine, says what it is
told. Takes root: see networks.py."""

import re
import socket
import struct
import threading

from frames import BINARY
from ground import exactly
from harness import bascule_binary, eventually, sanitized
from networks import Networked
from visitor import Visit, upgrade

NXDOMAIN, SERVFAIL, SILENCE = 3, 2, None


class NameServer:
    """Answers for the names in `answers`: a list of IPv4 addresses, NXDOMAIN, SERVFAIL or SILENCE (RFC 1035, section
    4)."""

    def __init__(self, machine):
        self.answers = {}
        with machine.inside():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("127.0.0.1", 53))
            self.tcp = socket.create_server(("127.0.0.1", 53))
        for work in (self._by_udp, self._by_tcp):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        for end in (self.udp, self.tcp):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # of a socket without a connection, which wakes its reader all the same
            end.close()

    def _by_udp(self):
        while True:
            try:
                question, asker = self.udp.recvfrom(4096)
            except OSError:
                return
            if not question:
                return
            answer = self._answer(question)
            if answer and len(answer) > 512:
                answer = answer[:2] + struct.pack("!H", 0x8780) + question[4:6] + bytes(6) + question[12:]  # truncated
            if answer:
                self.udp.sendto(answer, asker)

    def _by_tcp(self):
        while True:
            try:
                asker, _ = self.tcp.accept()
                with asker:
                    while length := asker.recv(2):
                        answer = self._answer(exactly(asker, struct.unpack("!H", length)[0]))
                        asker.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                if self.tcp.fileno() < 0:
                    return

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack("!H", question[at + 1 : at + 3])[0]
        known = self.answers.get(".".join(labels), NXDOMAIN)
        if known is SILENCE:
            return b""
        failed = known if isinstance(known, int) else 0
        addresses = known if isinstance(known, list) and kind == 1 else []
        head = question[:2] + struct.pack("!HHHHH", 0x8580 | failed, 1, len(addresses), 0, 0)
        records = (b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(a) for a in addresses)
        return head + question[12 : at + 5] + b"".join(records)


class Names(Networked):
    def naming(self, routes, resolv_conf="nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"):
        """A bascule whose machine has this /etc/resolv.conf; each route is (path, its `to`)."""
        self.names = NameServer(self.land.middle)
        self.addCleanup(self.names.close)
        conf = self.folder / "resolv.conf"
        conf.write_text(resolv_conf)
        timeouts = "timeouts: {connect: 1s, close: 200ms}"
        rules = f"listen: {self.land.bascule_address}:0\nroutes:\n"
        rules += "  - {name: echo, path: /echo, auth: none, to: 'echo:'}\n"
        for path, to in routes.items():
            rules += f"  - {{name: {path[1:]}, path: {path}, auth: none, to: {to}, {timeouts}}}\n"
        mounted = ("unshare", "-m", "--", "/bin/sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', conf)
        return self.serve_well(rules, under=(*self.land.middle.under, *mounted))

    def test_names_that_fail(self):
        """a name that is unknown, or whose server fails: 502 at once; one that is never answered: 504 at `connect`"""
        names = ("unknown", "failing", "empty", "silent")
        bascule = self.naming({f"/{name}": f'"{name}.example:80"' for name in names})
        self.names.answers = {"failing.example": SERVFAIL, "empty.example": [], "silent.example": SILENCE}
        for name, said in {"unknown": "not known", "failing": "Temporary failure", "empty": "No address"}.items():
            with self.subTest(name):
                record = self.refusal(bascule, 502, f"/{name}")
                self.assertEqual(record["refusal"], "service_unresolved")
                self.assertIn(f"{name}.example", record["detail"])
                self.assertIn(said, record["detail"])
        statuses = []

        def wait_for_it():
            with self.visit(bascule, "/silent") as visit:
                statuses.append(visit.status)

        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        self.assert_serves(bascule)
        waiting.join()
        self.assertEqual(statuses, [504])
        self.assertIn("silent.example", bascule.wait_for("refused", refusal="service_timeout")["detail"])

    def test_a_name_that_moves(self):
        """a name gets another address: new sessions go there within seconds, those that stand stay"""
        service = self.played("0.0.0.0")
        self.land.service.run("ip", "address", "add", "10.77.2.3/24", "dev", self.land.to_service.ends[1])
        bascule = self.naming({"/ws": f'"moving.example:{service.port}"'})
        self.names.answers = {"moving.example": ["10.77.2.2"]}
        standing, standing_end = self.session(bascule, service)
        self.names.answers = {"moving.example": ["10.77.2.3"]}

        def comes_to_the_new_one():
            visit, connection = self.session(bascule, service)
            where = connection.getsockname()[0]
            connection.close()
            visit.leave()
            return where == "10.77.2.3"

        eventually(comes_to_the_new_one, "new sessions go to the new address", 30)
        standing_end.sendall(b"still here")
        self.assertEqual(standing.said(), (BINARY, b"still here"))
        standing_end.close()
        standing.leave()

    def test_a_hundred_addresses(self):
        """a name of 100 addresses: at most 16 are tried; none outside of `within`, and the one inside is reached"""
        service = self.played()
        many = [f"10.77.2.{n}" for n in range(100, 200)]
        bascule = self.naming({
            "/closed": f'"many.example:{service.port}"',
            "/ws": f'{{address: "mixed.example:{service.port}", within: 10.77.2.2/32}}',
        })
        self.names.answers = {"many.example": many, "mixed.example": [*many, "10.77.2.2"]}
        for address in many:
            self.land.service.run("ip", "address", "add", f"{address}/24", "dev", self.land.to_service.ends[1])
        self.land.middle.filter("OUTPUT", "-p", "tcp", "--dport", str(service.port), "--syn", "-j", "ACCEPT")
        record = self.refusal(bascule, 502, "/closed")
        self.assertIn("Connection refused", record["detail"])
        tried = re.search(r"(\d+)\s+\d+\s+ACCEPT", self.land.middle.run("iptables", "-w", "-nvxL", "OUTPUT"))
        self.assertEqual(int(tried[1]), 16)
        visit, connection = self.session(bascule, service)
        connection.close()
        visit.leave()
        self.assertEqual(bascule.wait_for("session", route="ws")["service"], f"10.77.2.2:{service.port}")

    def test_no_resolv_conf(self):
        """an empty /etc/resolv.conf: names are 502, and addresses are reached as ever"""
        service = self.played()
        bascule = self.naming({"/name": '"some.example:80"', "/ws": f"{self.land.service_address}:{service.port}"}, "")
        self.names.close()
        self.assertIn("Temporary failure", self.refusal(bascule, 502, "/name")["detail"])
        visit, connection = self.session(bascule, service)
        connection.close()
        visit.leave()


class Families(Networked):
    def test_ipv6_is_switched_off(self):
        """a machine whose IPv6 is switched off: `[::]` serves those who come by IPv4"""
        self.land.middle.run("sysctl", "-q", "net.ipv6.conf.all.disable_ipv6=1")
        bascule = self.serve(
            "listen: '[::]:0'\nroutes:\n  - {name: echo, path: /echo, auth: none, to: 'echo:'}\n",
            under=self.land.middle.under,
        )
        port = bascule.address.rsplit(":", 1)[1]
        with self.land.visitor.inside():
            address = f"{self.land.bascule_address}:{port}"
            visit = Visit(address, "/echo", upgrade(address), source=self.land.visitor_address)
        with visit:
            self.assertEqual(visit.status, 101)
            self.assertTrue(visit.echoes())

    def test_a_kernel_without_ipv6(self):
        """a kernel without IPv6: `[::]` is no start, and one line says what to write instead"""
        rules = self.folder / "rules.yaml"
        rules.write_text("listen: '[::]:6080'\nroutes:\n  - {name: echo, path: /echo, auth: none, to: 'echo:'}\n")
        asan = {"ASAN_OPTIONS": "detect_leaks=0"} if sanitized() else None  # nobody looks for leaks under ptrace
        done = self.command(
            "strace", "-f", "-o", "/dev/null", "-e", "trace=socket", "-e", "inject=socket:error=EAFNOSUPPORT:when=1",
            bascule_binary(), "serve", rules, code=1, env=asan,
        )
        self.assertIn("this machine has no IPv6; write an IPv4 address such as 0.0.0.0:6080", done.stderr)
