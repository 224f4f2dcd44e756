"""What networks do, on machines that are real to the kernel: packets that are lost, links that are down, addresses that
nobody answers at. Takes root: see networks.py."""

import random
import socket
import threading
import time

from frames import BINARY, close, frame
from ground import Answering, digest, endless_frame, exactly, fill, how_it_ends
from harness import eventually
from networks import Networked
from services import EchoService


class Dialling(Networked):
    def test_a_service_that_swallows_syn(self):
        """SYN into a black hole: 504 at `connect`, not after the kernel's two minutes; others come in meanwhile"""
        service = self.played()
        self.land.service.filter("INPUT", "-p", "tcp", "--dport", str(service.port), "-j", "DROP")
        bascule = self.bridge(service.port, "timeouts: {connect: 700ms}")
        statuses = []

        def wait_for_it():
            with self.visit(bascule) as visit:
                statuses.append(visit.status)

        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        self.assert_serves(bascule)
        waiting.join()
        self.assertEqual(statuses, [504])
        record = bascule.wait_for("refused", refusal="service_timeout")
        self.assertEqual(record["detail"], f"{self.land.service_address}:{service.port}: no answer in time")
        self.assertGreaterEqual(record["duration_ms"], 700)
        self.assertLess(record["duration_ms"], 30_000)

    def test_a_network_that_says_no(self):
        """ICMP and routes that say unreachable or prohibited: 502 at once, and the record says which"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {connect: 5m}")
        to_it = ("INPUT", "-p", "tcp", "--dport", str(service.port), "-j", "REJECT", "--reject-with")
        for answer, said in {
            "icmp-host-unreachable": "No route to host",
            "icmp-net-unreachable": "Network is unreachable",
            "icmp-port-unreachable": "Connection refused",
            "icmp-admin-prohibited": "No route to host",
            "tcp-reset": "Connection refused",
        }.items():
            with self.subTest(answer):
                self.land.service.filter(*to_it, answer)
                record = self.refusal(bascule, 502)
                self.assertEqual(record["refusal"], "service_refused")
                self.assertIn(said, record["detail"])
                self.land.service.forget_filters()
        there = f"{self.land.service_address}/32"
        for route, said in {"unreachable": "No route to host", "prohibit": "Permission denied"}.items():
            with self.subTest(route):
                self.land.middle.run("ip", "route", "add", route, there)
                record = self.refusal(bascule, 502)
                self.assertIn(said, record["detail"])
                self.land.middle.run("ip", "route", "del", route, there)

    def test_the_first_of_two_is_dead(self):
        """two addresses, the first in a black hole: it gets its share of `connect`, then the second is reached"""
        service = self.played()
        self.land.service.run("ip", "address", "add", "10.77.2.3/24", "dev", self.land.to_service.ends[1])
        self.land.service.filter("INPUT", "-d", "10.77.2.3", "-j", "DROP")
        bascule = self.serve_well(
            f"""\
            listen: {self.land.bascule_address}:0
            routes:
              - {{name: echo, path: /echo, auth: none, to: 'echo:'}}
              - name: ws
                path: /ws
                auth: none
                to: {{addresses: ["10.77.2.3:{service.port}", "10.77.2.2:{service.port}"]}}
                timeouts: {{connect: 3s, close: 200ms}}
            """,
            under=self.land.middle.under,
        )
        visit, connection = self.session(bascule, service)
        connection.close()
        self.assertEqual(visit.frame().code, 1000)
        visit.send(close(1000))
        record = bascule.wait_for("session", route="ws")
        self.assertEqual(record["service"], f"10.77.2.2:{service.port}")
        self.assertLess(record["dial_ms"], 3000)


class Vanishing(Networked):
    def goes(self, how, cut, in_flight=False):
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {ping: 500ms, pong: 700ms, stall: 10m, close: 300ms}")
        visit, connection = self.session(bascule, service)
        visit.send(frame(BINARY, b"I was here"))
        self.assertEqual(exactly(connection, 10), b"I was here")
        began = time.monotonic()
        if in_flight:
            cut()
            self.assertGreater(fill(connection), 1 << 16)
        else:
            cut()
        record = bascule.wait_for("session", route="ws")
        self.assertEqual((record["ending"], record["ended_by"]), (how, "client"))
        self.assertLess(time.monotonic() - began, 20)  # and not after the kernel's quarter of an hour
        return connection, record

    def lose_all(self):
        self.land.visitor.drop()

    def test_idle_and_all_packets_are_lost(self):
        """a visitor is gone without a FIN, nothing happens: `client_silent` after ping + pong, the service is told"""
        connection, record = self.goes("client_silent", self.lose_all)
        self.assertGreaterEqual(record["duration_ms"], 1200)
        self.assertEqual(how_it_ends(connection), (b"", "end"))

    def test_idle_and_his_link_is_down(self):
        """his link is down: the same"""
        connection, _ = self.goes("client_silent", lambda: self.land.to_visitor.set(1, "down"))
        self.assertEqual(how_it_ends(connection), (b"", "end"))
        self.land.to_visitor.set(1, "up")

    def test_with_data_in_flight(self):
        """a visitor is gone while megabytes are on their way to him: noticed by `stall`"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {ping: 300ms, pong: 300ms, stall: 1s, close: 300ms}")
        visit, connection = self.session(bascule, service)
        self.lose_all()
        self.assertGreater(fill(connection), 1 << 16)
        record = bascule.wait_for("session", route="ws")
        self.assertEqual(record["ending"], "client_stalled")
        self.assertLess(record["duration_ms"], 20_000)

    def test_with_a_little_in_flight(self):
        """a visitor is gone while a few bytes are on their way, which the kernel took at once: within ping + pong"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {ping: 500ms, pong: 700ms, stall: 10m, close: 300ms}")
        visit, connection = self.session(bascule, service)
        self.lose_all()
        connection.sendall(b"are you there?")
        record = bascule.wait_for("session", route="ws")
        self.assertEqual(record["ending"], "client_silent")
        self.assertLess(record["duration_ms"], 20_000)

    def test_a_service_that_vanishes(self):
        """the service's machine is gone with data on its way to it: `service_stalled`, not after 15 minutes"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {stall: 1s, close: 300ms}")
        visit, connection = self.session(bascule, service)
        self.land.service.drop()
        visit.send(endless_frame())
        self.assertGreater(fill(visit.socket), 1 << 16)
        self.assertEqual(visit.frame().code, 1008)
        bascule.wait_for("session", route="ws", ending="service_stalled")


class Weather(Networked):
    def both_ways(self, bascule, megabytes):
        """Random bytes to an echo service and back."""
        data = random.randbytes(megabytes << 20)
        visit = self.visit(bascule)
        self.addCleanup(visit.socket.close)
        self.assertEqual(visit.status, 101)
        listener = Answering(visit)
        visit.send(frame(BINARY, data))
        eventually(lambda: len(listener.data) >= len(data), f"{megabytes} MiB are back")
        visit.send(close(1000))
        listener.join()
        self.assertEqual(digest(listener.data), digest(data))
        bascule.wait_for("session", route="ws", ending="client_closed")
        visit.socket.close()

    def echo(self):
        with self.land.service.inside():
            service = EchoService()
            service.close()
            service.listener = socket.create_server((self.land.service_address, 0))
        service.port = service.listener.getsockname()[1]
        threading.Thread(target=service._accept, daemon=True).start()
        self.addCleanup(service.close)
        return service

    def test_lost_packets(self):
        """1 packet of 20 is lost on either side: slower, and no session notices"""
        bascule = self.bridge(self.echo().port)
        for machine in (self.land.visitor, self.land.service):
            machine.filter("INPUT", "-m", "statistic", "--mode", "random", "--probability", "0.05", "-j", "DROP")
        self.both_ways(bascule, 1)

    def test_small_packets(self):
        """packets of 576 bytes, and segments of 536 by another's word: nothing rests on a size"""
        bascule = self.bridge(self.echo().port)
        for which in (0, 1):
            self.land.to_visitor.set(which, "mtu", "576")
        self.land.service.filter("OUTPUT", "-p", "tcp", "--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--set-mss",
                                 "536", table="mangle")
        self.both_ways(bascule, 1)

    def test_large_packets_vanish(self):
        """a path that swallows large packets without a word: with the kernel's probing on, all arrives"""
        bascule = self.bridge(self.echo().port)
        self.land.middle.run("sysctl", "-q", "net.ipv4.tcp_mtu_probing=1", "net.ipv4.tcp_retries1=1")  # soon
        self.land.to_visitor.set(0, "gso_max_segs", "1")  # what is one packet to us is one to the filter
        self.land.visitor.filter("INPUT", "-p", "tcp", "-m", "length", "--length", "1101:65535", "-j", "DROP")
        self.both_ways(bascule, 1)

    def test_a_link_that_comes_back(self):
        """the link to the service is down for a while: the session goes on where it was, and loses nothing"""
        bascule = self.bridge(self.echo().port)
        visit = self.visit(bascule)
        self.addCleanup(visit.socket.close)
        self.assertTrue(visit.echoes())
        self.land.to_service.set(1, "down")
        sent = random.randbytes(300_000)
        visit.send(frame(BINARY, sent))
        self.assert_serves(bascule)
        time.sleep(1)  # the length of the fault, not a wait for anything
        self.land.to_service.set(1, "up")
        received = b""
        while len(received) < len(sent):
            received += visit.frame().payload
        self.assertEqual(digest(received), digest(sent))
        visit.leave()
        bascule.wait_for("session", route="ws", ending="client_closed")
