"""What the cases of this suite stand on: a bascule that must be as it was once a fault is over, and a service that a
case plays itself."""

import hashlib
import os
import socket
import threading
import time

from frames import BINARY, CLOSE, PONG, PING, close, frame
from harness import PATIENCE_SECONDS, Case, eventually, sanitized
from sockets import how_it_ends, reset  # noqa: F401  (for the cases, which find them here)
from visitor import Visit, upgrade


class Played:
    """A service whose connections the case takes and speaks for."""

    def __init__(self, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0), backlog=1024)
        self.listener.settimeout(PATIENCE_SECONDS)
        self.port = self.listener.getsockname()[1]

    def take(self):
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE_SECONDS)
        return connection

    def close(self):
        self.listener.close()


def exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, f"the connection ended {count - len(data)} bytes too early"
        data += more
    return data


def fill(connection):
    """Writes until nobody takes any more; how much that was."""
    connection.setblocking(False)
    sent = 0
    idle_since = time.monotonic()
    while time.monotonic() < idle_since + 0.3:
        try:
            sent += connection.send(bytes(1 << 16))
            idle_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    connection.settimeout(PATIENCE_SECONDS)
    return sent


def endless_frame():
    """The beginning of one that has no end: what follows is its payload, as it stands (its mask is zero)."""
    return frame(BINARY, b"", mask=b"\0\0\0\0", claim=1 << 62)


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Answering:
    """A visitor as he should be: takes what comes, answers pings and Close, leaves when the other side has; on a thread
    of his own."""

    def __init__(self, visit):
        self.visit = visit
        self.data = b""
        self.pings = 0
        self.close_code = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while heard := self.visit.frame_or_end():
                if heard.opcode == PING:
                    self.pings += 1
                    self.visit.send(frame(PONG, heard.payload))
                elif heard.opcode == CLOSE:
                    self.close_code = heard.code
                    self.visit.send(close(heard.code if heard.payload else None))
                else:
                    self.data += heard.payload
        except OSError:
            pass
        self.visit.socket.close()

    def join(self):
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the visitor's connection is not over"


class Faulty(Case):
    """Every bascule must take in a new visitor at the end of its case, and have no more open than in the beginning."""

    def bridge(self, port, route="", *, host="127.0.0.1", listen="127.0.0.1:0", more="", **how):
        """A bascule that leads /ws to this port and /echo to its own echo. `route`: further lines of /ws."""
        rules = f"listen: {listen}\nroutes:\n  - {{name: echo, path: /echo, auth: none, to: 'echo:'}}\n"
        rules += f"  - name: ws\n    path: /ws\n    auth: none\n    to: {host}:{port}\n"
        rules += "".join(f"    {line}\n" for line in route.splitlines()) + more
        return self.serve_well(rules, **how)

    def serve_well(self, rules, **how):
        if sanitized() and "LD_PRELOAD" in how.get("env", {}):
            options = os.environ.get("ASAN_OPTIONS", "")
            how["env"]["ASAN_OPTIONS"] = f"{options}:verify_asan_link_order=0:alloc_dealloc_mismatch=0"
        bascule = self.serve(rules, **how)
        self.assert_serves(bascule)
        before = self.settled(bascule)
        self.addCleanup(self.assert_recovered, bascule, before)
        return bascule

    def settled(self, bascule):
        """How many descriptors it has open when nobody comes or goes."""
        counts = []

        def same_three_times():
            counts.append(bascule.descriptors())
            return len(counts) >= 3 and len(set(counts[-3:])) == 1

        eventually(same_three_times, "descriptors come to rest")
        return counts[-1]

    def assert_serves(self, bascule):
        with self.visit(bascule, "/echo") as visit:
            self.assertEqual(visit.status, 101)
            self.assertTrue(visit.echoes())
            visit.leave()

    def assert_recovered(self, bascule, descriptors):
        if bascule.stopped:
            return
        self.assertIsNone(bascule.child.poll(), "bascule ended:\n" + "".join(bascule.said[-40:]))
        self.assert_serves(bascule)
        eventually(lambda: bascule.descriptors() <= descriptors, f"descriptors are back at {descriptors}")

    @staticmethod
    def visit(bascule, path="/ws", address=None, **how):
        return Visit(address or bascule.address, path, upgrade(bascule.address), **how)

    def session(self, bascule, service, address=None):
        """A visit of /ws and the service's end of it."""
        visit = self.visit(bascule, address=address)
        self.addCleanup(visit.socket.close)
        self.assertEqual(visit.status, 101, f"{visit.fields}")
        connection = service.take()
        self.addCleanup(connection.close)
        return visit, connection

    def refusal(self, bascule, status, path="/ws"):
        """The record of a visit that is refused so."""
        with self.visit(bascule, path) as visit:
            self.assertEqual(visit.status, status)
            return bascule.wait_for("refused", reference=visit.reference)

    def played(self, host="127.0.0.1"):
        service = Played(host)
        self.addCleanup(service.close)
        return service

    def between(self, chaos):
        self.addCleanup(chaos.close)
        return chaos
