"""The proxy on which the other cases stand: what it is not told to do it does not do, and what it is told it does."""

import random
import socket
import subprocess
import sys
import time

from chaos import Bandwidth, BlackHole, Chaos, HalfClose, Latency, Limit, Reset, Slices, SlowClose, Stall
from harness import ROOT, Case, eventually
from sockets import how_it_ends, reset

PATIENCE_SECONDS = 60


def exactly(connection, count):
    data = b""
    while len(data) < count and (more := connection.recv(count - len(data))):
        data += more
    return data


class Proxy(Case):
    def pair(self, **faults):
        """The two ends of a connection through a proxy with these faults."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.chaos = Chaos(listener.getsockname()[1], seed=1, **faults)
        self.addCleanup(self.chaos.close)
        client = socket.create_connection(("127.0.0.1", self.chaos.port), PATIENCE_SECONDS)
        self.addCleanup(client.close)
        service, _ = listener.accept()
        self.addCleanup(service.close)
        service.settimeout(PATIENCE_SECONDS)
        return client, service

    def test_without_faults_all_arrives_and_each_direction_ends_by_itself(self):
        """chaos: without a fault megabytes arrive unchanged both ways, and an end is the end of one direction"""
        client, service = self.pair()
        sent = random.randbytes(3 << 20)
        for source, target in ((client, service), (service, client)):
            self.assertEqual(self.carried(source, target, sent), (sent, "end"))
        eventually(lambda: self.chaos.standing() == 0, "the proxy has closed what has ended both ways")

    def carried(self, source, target, data):
        """What the target reads to the end while the source writes, and then ends its direction."""
        source.setblocking(False)
        target.setblocking(False)
        received, sent = b"", 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while time.monotonic() < deadline:
                try:
                    if sent < len(data):
                        sent += source.send(data[sent : sent + (1 << 16)])
                        if sent == len(data):
                            source.shutdown(socket.SHUT_WR)
                except BlockingIOError:
                    pass
                try:
                    more = target.recv(1 << 20)
                    if not more:
                        return received, "end"
                    received += more
                except BlockingIOError:
                    time.sleep(0.001)
        finally:
            for end in (source, target):
                end.settimeout(PATIENCE_SECONDS)
        return received, "no end"

    def test_a_reset_passes_as_one_behind_what_came_before(self):
        """chaos: a reset is one on the other side, behind all bytes, also after an end of the same direction"""
        for end_first in (False, True):
            for backwards in (False, True):
                with self.subTest(end_first=end_first, backwards=backwards):
                    sender, receiver = reversed(self.pair()) if backwards else self.pair()
                    sender.sendall(b"last words")
                    if end_first:
                        sender.shutdown(socket.SHUT_WR)
                        self.assertEqual(how_it_ends(receiver), (b"last words", "end"))
                    else:
                        self.assertEqual(exactly(receiver, 10), b"last words")
                    reset(sender)
                    eventually(lambda: self.chaos.standing() == 0, "the reset has passed")
                    with self.assertRaises((ConnectionResetError, BrokenPipeError)):
                        receiver.sendall(b"to nobody")
                        receiver.sendall(b"to nobody")

    def test_latency_and_jitter(self):
        """chaos: latency is each direction's own, and jitter lets nothing overtake anything"""
        client, service = self.pair(to_service=[Latency(0.2, jitter=0.05)])
        began = time.monotonic()
        service.sendall(b"back")
        self.assertEqual(exactly(client, 4), b"back")
        sent = bytes(range(100))
        for value in sent:
            client.sendall(bytes([value]))
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(how_it_ends(service), (sent, "end"))
        self.assertGreater(time.monotonic() - began, 0.15)

    def test_bandwidth(self):
        """chaos: bandwidth is kept, and can be changed while bytes are on their way"""
        client, service = self.pair(to_client=[Bandwidth(100_000)])
        began = time.monotonic()
        service.sendall(bytes(50_000))
        self.assertEqual(len(exactly(client, 50_000)), 50_000)
        self.assertGreater(time.monotonic() - began, 0.4)
        self.chaos.to_client = []
        service.sendall(bytes(5_000_000))
        service.shutdown(socket.SHUT_WR)
        self.assertEqual(len(how_it_ends(client)[0]), 5_000_000)  # which would have taken 50 s, and the case's patience

    def test_slices(self):
        """chaos: slices of one byte arrive one by one"""
        client, service = self.pair(to_service=[Slices(1, pause=0.01)])
        client.sendall(b"abcdefgh")
        client.shutdown(socket.SHUT_WR)
        pieces = list(iter(lambda: service.recv(100), b""))
        self.assertEqual(b"".join(pieces), b"abcdefgh")
        self.assertGreater(len(pieces), 3)  # a slow reader finds some of them together

    def test_slow_close(self):
        """chaos: a slow close comes later than the last byte"""
        client, service = self.pair(to_client=[SlowClose(0.3)])
        service.sendall(b"bye")
        service.shutdown(socket.SHUT_WR)
        self.assertEqual(exactly(client, 3), b"bye")
        began = time.monotonic()
        self.assertEqual(client.recv(1), b"")
        self.assertGreater(time.monotonic() - began, 0.2)

    def test_limit(self):
        """chaos: behind its limit a connection is closed properly both ways"""
        client, service = self.pair(to_service=[Limit(10)])
        client.sendall(bytes(25))
        self.assertEqual(how_it_ends(service), (bytes(10), "end"))
        self.assertEqual(how_it_ends(client), (b"", "end"))

    def test_half_close(self):
        """chaos: a half-close ends one direction, and the other goes on"""
        client, service = self.pair(to_client=[HalfClose(4)])
        service.sendall(bytes(9))
        self.assertEqual(how_it_ends(client), (bytes(4), "end"))
        client.sendall(b"still here")
        self.assertEqual(exactly(service, 10), b"still here")

    def test_reset(self):
        """chaos: a reset after so many bytes is one for both ends, and exactly those bytes have arrived"""
        client, service = self.pair(to_service=[Reset(7)])
        client.sendall(bytes(20))
        self.assertEqual(how_it_ends(service), (bytes(7), "reset"))
        self.assertEqual(how_it_ends(client), (b"", "reset"))

    def test_reset_now(self):
        """chaos: a reset that is asked for while a connection is silent comes at once"""
        client, service = self.pair()
        client.sendall(b"hello")
        self.assertEqual(exactly(service, 5), b"hello")
        self.chaos.to_client = [Reset()]
        self.assertEqual(how_it_ends(client), (b"", "reset"))
        self.assertEqual(how_it_ends(service), (b"", "reset"))

    def test_black_hole(self):
        """chaos: in a black hole bytes and ends vanish, and the other direction does not"""
        client, service = self.pair(to_service=[BlackHole(3)])
        client.sendall(b"one")
        self.assertEqual(exactly(service, 3), b"one")
        client.sendall(bytes(1 << 20))  # is taken
        client.shutdown(socket.SHUT_WR)
        service.sendall(b"anybody?")
        self.assertEqual(exactly(client, 8), b"anybody?")
        service.setblocking(False)
        self.assertRaises(BlockingIOError, service.recv, 1)

    def test_stall(self):
        """chaos: who is stalled is not read from until that is over, and loses nothing"""
        client, service = self.pair(to_service=[Stall()])
        client.setblocking(False)
        sent = 0
        try:
            while sent < 1 << 28:
                sent += client.send(bytes(1 << 16))
        except BlockingIOError:
            pass
        self.assertLess(sent, 1 << 28)
        service.setblocking(False)
        self.assertRaises(BlockingIOError, service.recv, 1)
        service.settimeout(PATIENCE_SECONDS)
        self.chaos.to_service = []
        client.shutdown(socket.SHUT_WR)
        received, how = how_it_ends(service)
        self.assertEqual((len(received), how), (sent, "end"))

    def test_by_hand(self):
        """chaos: the command line takes faults, and others while it runs"""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        process = subprocess.Popen(
            [sys.executable, "-B", ROOT / "test/support/chaos.py", "--to", str(listener.getsockname()[1]),
             "--to-client", "slices:1", "half_close:3"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = int(process.stdout.readline().split()[0].split(":")[1])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as client:
            service, _ = listener.accept()
            with service:
                service.sendall(b"12345")
                self.assertEqual(how_it_ends(client), (b"123", "end"))
                process.stdin.write("to_service reset:2\nto_service nonsense\n")
                process.stdin.flush()
                self.assertIn("nonsense", process.stdout.readline())
                client.sendall(b"12345")
                self.assertEqual(how_it_ends(service), (b"12", "reset"))
        process.stdout.close()
        process.stdin.close()
