#!/usr/bin/python3
"""A network that misbehaves: a TCP proxy on loopback that does to each direction what a case, or you, tell it.

In a case, where the proxy may stand on either side of bascule:

    chaos = Chaos(service.port, to_client=[Latency(0.1, jitter=0.05), Slices(1)])
    self.addCleanup(chaos.close)
    ...                                   # rules lead to 127.0.0.1:{chaos.port}
    chaos.to_client = [Reset()]           # from now on, for connections that stand as well

By hand, the same, and each further line that is typed changes one direction:

    test/support/chaos.py --listen 6081 --to 5900 --to-client latency:0.1:0.05 slices:1
    to_client reset
    to_service

"To the service" is from whoever connects to where the proxy leads. What no fault is asked for arrives as it was sent,
ends included: a FIN as a FIN, one direction at a time, and a RST as a RST, behind all that came before it.
"""

import argparse
import dataclasses
import fcntl
import itertools
import queue
import random
import select
import socket
import struct
import sys
import termios
import threading
import time
from collections import deque

READ_BYTES = 1 << 16
QUEUE_BYTES_MAX = 1 << 18  # what one direction holds back at most; then it reads no further, as a network does
LAST_BYTES_SECONDS = 2  # how long a reset waits for what was sent before it to be acknowledged


# --- faults ----------------------------------------------------------------------------------------------------------
# Each is about one direction. `after`: so many bytes of it pass first.


@dataclasses.dataclass(frozen=True)
class Latency:
    """All comes later: by `seconds`, give or take `jitter`. Nothing overtakes anything."""

    seconds: float
    jitter: float = 0


@dataclasses.dataclass(frozen=True)
class Bandwidth:
    bytes_per_second: float


@dataclasses.dataclass(frozen=True)
class Slices:
    """Segments of this size, with a pause between them."""

    bytes: int = 1
    pause: float = 0


@dataclasses.dataclass(frozen=True)
class SlowClose:
    """The end comes later than the last byte."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class Limit:
    """Then the connection is closed: a FIN both ways. What comes after that is dropped."""

    after: int


@dataclasses.dataclass(frozen=True)
class HalfClose:
    """Then a FIN in this direction; the other one goes on."""

    after: int = 0


@dataclasses.dataclass(frozen=True)
class Reset:
    """Then a RST both ways."""

    after: int = 0


@dataclasses.dataclass(frozen=True)
class BlackHole:
    """The rest vanishes: taken from the sender, never delivered, ends and resets too."""

    after: int = 0


@dataclasses.dataclass(frozen=True)
class Stall:
    """Nothing more is read: the sender's kernel runs full."""


FAULTS = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slices": Slices,
    "slow_close": SlowClose,
    "limit": Limit,
    "half_close": HalfClose,
    "reset": Reset,
    "black_hole": BlackHole,
    "stall": Stall,
}


def fault_of(text):
    """`latency:0.1:0.05` as Latency(0.1, 0.05)."""
    name, *values = text.split(":")
    if name not in FAULTS:
        raise ValueError(f"{name}: no such fault; there are {', '.join(FAULTS)}")
    kind = FAULTS[name]
    fields = dataclasses.fields(kind)
    if len(values) > len(fields):
        raise ValueError(f"{text}: {name} takes {len(fields)} values")
    return kind(*(field.type(value) for field, value in zip(fields, values)))


# --- one direction of one connection ---------------------------------------------------------------------------------

END, RESET = "end", "reset"  # what stands in a queue of pieces behind the bytes


class Direction:
    """From one socket to the other: what has been read waits in a queue until its moment."""

    def __init__(self, connection, source, target):
        self.connection = connection
        self.source, self.target = source, target
        self.queue = deque()  # (moment, bytes or END or RESET)
        self.queued_bytes = 0
        self.taken_bytes = 0  # from the source, and meant to be delivered
        self.moment = 0.0  # of the piece that stands last in the queue
        self.source_ended = False
        self.cut = False  # nothing more is put into the queue
        self.holed = False  # by a black hole: not even a reset is
        self.ended = False  # the target has been told so

    def wants_to_read(self, faults):
        stalled = any(isinstance(fault, Stall) for fault in faults)
        return not self.source_ended and not stalled and self.queued_bytes < QUEUE_BYTES_MAX

    def read(self, faults, chance):
        """Whether there may be more to read."""
        try:
            data = self.source.recv(READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            self.source_ended = True
            self.put_reset()
            return False
        if not data:
            self.source_ended = True
            self.put(END, faults, chance)
            return False
        self.take(data, faults, chance)
        return True

    def take(self, data, faults, chance):
        """Bytes, as far as a fault lets them pass, and then what the fault does."""
        if self.cut:
            return
        final = min((f for f in faults if hasattr(f, "after")), key=lambda f: f.after, default=None)
        room = len(data) if final is None else max(0, final.after - self.taken_bytes)
        passing = data[:room]
        self.taken_bytes += len(passing)
        for piece in pieces_of(passing, faults):
            self.put(piece, faults, chance)
        if final is not None and self.taken_bytes >= final.after:
            self.break_off(final, faults, chance)

    def break_off(self, final, faults, chance):
        if self.cut:
            return
        if isinstance(final, Reset):
            self.put_reset()
        elif isinstance(final, BlackHole):
            self.holed = True
        elif isinstance(final, (Limit, HalfClose)):
            self.put(END, faults, chance)
            if isinstance(final, Limit):
                self.connection.other(self).put(END, faults, chance)
        self.cut = True

    def put(self, piece, faults, chance):
        if self.cut:
            return
        wait = 0.0
        rate = None
        for fault in faults:
            if isinstance(fault, Latency):
                wait += max(0.0, fault.seconds + chance.uniform(-fault.jitter, fault.jitter))
            elif isinstance(fault, Bandwidth):
                rate = fault.bytes_per_second
            elif isinstance(fault, SlowClose) and piece is END:
                wait += fault.seconds
        moment = max(time.monotonic() + wait, self.moment)
        if isinstance(piece, bytes):
            moment += len(piece) / rate if rate else 0
            moment += sum(fault.pause for fault in faults if isinstance(fault, Slices))
            self.queued_bytes += len(piece)
        else:
            self.cut = True  # nothing comes behind an end
        self.moment = moment
        self.queue.append((moment, piece))

    def put_reset(self):
        """Behind the bytes, in the place of an end: nothing stands in the way of a reset but a black hole."""
        if self.holed:
            return
        if self.queue and not isinstance(self.queue[-1][1], bytes):
            self.queue.pop()
        self.cut = True
        self.moment = max(self.moment, time.monotonic())
        self.queue.append((self.moment, RESET))

    def write(self):
        """What is due, as far as the target takes it. Whether the target is what we wait for."""
        while self.queue and self.queue[0][0] <= time.monotonic():
            moment, piece = self.queue[0]
            if piece is RESET:
                if unacknowledged(self.target) and time.monotonic() < moment + LAST_BYTES_SECONDS:
                    return False  # closing now would take back what was sent before
                self.connection.reset()
                return False
            if piece is END:
                self.queue.popleft()
                self.ended = True
                try:
                    self.target.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it has gone
                continue
            try:
                sent = self.target.send(piece)
            except BlockingIOError:
                return True
            except OSError:
                self.connection.broken(self.target)
                return False
            self.queue.popleft()
            self.queued_bytes -= sent
            if sent < len(piece):
                self.queue.appendleft((moment, piece[sent:]))
        return False

    def next_moment(self):
        """When there is something to do without an event."""
        if not self.queue:
            return None
        moment, piece = self.queue[0]
        return max(moment, time.monotonic() + 0.002) if piece is RESET else moment


def pieces_of(data, faults):
    size = READ_BYTES
    for fault in faults:
        if isinstance(fault, Slices):
            size = min(size, fault.bytes)
        elif isinstance(fault, Bandwidth):
            size = min(size, max(1, int(fault.bytes_per_second / 50)))  # an even flow, not one burst a second
    return (data[at : at + size] for at in range(0, len(data), size))


def unacknowledged(connection):
    """Bytes that the other side's kernel does not have yet (SIOCOUTQ has the number of TIOCOUTQ)."""
    try:
        return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]
    except OSError:
        return 0


def close_by_reset(connection):
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    connection.close()


class Connection:
    def __init__(self, chaos, client, service):
        self.chaos = chaos
        self.client, self.service = client, service
        self.to_service = Direction(self, client, service)
        self.to_client = Direction(self, service, client)
        self.closed = False

    def directions(self):
        return ((self.to_service, self.chaos.to_service), (self.to_client, self.chaos.to_client))

    def other(self, direction):
        return self.to_client if direction is self.to_service else self.to_service

    def reading(self, source):
        return self.directions()[0 if source is self.client else 1]

    def writing(self, target):
        return self.directions()[1 if target is self.client else 0]

    def broken(self, end):
        """A reset came from this end. Bytes for it are void; those from it, and the reset, are passed on."""
        direction, faults = self.reading(end)
        while not direction.source_ended and direction.read(faults, self.chaos.chance):
            pass  # what it sent before is still to be had
        direction.source_ended = True
        direction.put_reset()
        towards, _ = self.writing(end)
        towards.queue.clear()
        towards.queued_bytes = 0
        towards.cut = True
        self.chaos.forget(end)

    def reset(self):
        self.closed = True
        for end in (self.client, self.service):
            self.chaos.forget(end)
            close_by_reset(end)

    def close(self):
        self.closed = True
        for end in (self.client, self.service):
            self.chaos.forget(end)
            end.close()

    def turn(self):
        for direction, faults in self.directions():
            if self.closed:
                return
            # Told after the bytes have passed: it holds from now on, not from the next byte on.
            final = min((f for f in faults if hasattr(f, "after")), key=lambda f: f.after, default=None)
            if final is not None and direction.taken_bytes >= final.after and not direction.cut:
                direction.break_off(final, faults, self.chaos.chance)
            blocked = direction.write()
            if self.closed:
                return
            self.chaos.wish(direction.target, select.EPOLLOUT, blocked)
            self.chaos.wish(direction.source, select.EPOLLIN, direction.wants_to_read(faults))
        # One who still sends is read to his end: closing with something unread would be a reset.
        if all(direction.ended and direction.source_ended for direction, _ in self.directions()):
            self.close()


# --- the proxy -------------------------------------------------------------------------------------------------------


class Chaos:
    """A proxy at 127.0.0.1:`port` before another port, on a thread of its own. `to_service` and `to_client` are lists
    of faults; a new list holds at once, for all connections. `seed`: of the jitter."""

    def __init__(self, upstream_port, to_service=(), to_client=(), *, port=0, upstream_host="127.0.0.1", seed=None):
        self.upstream = (upstream_host, upstream_port)
        self.chance = random.Random(seed)
        self._faults = {"to_service": tuple(to_service), "to_client": tuple(to_client)}
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.accepted = 0  # connections so far
        self._connections = set()
        self._of_end = {}  # descriptor: (connection, socket)
        self._wishes = {}  # descriptor: events
        self._poll = select.epoll()
        self._orders = queue.SimpleQueue()
        self._bell, self._ring = socket.socketpair()
        self._stopping = False
        self._poll.register(self.listener, select.EPOLLIN)
        self._poll.register(self._bell, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def to_service(self):
        return self._faults["to_service"]

    @to_service.setter
    def to_service(self, faults):
        self._change("to_service", faults)

    @property
    def to_client(self):
        return self._faults["to_client"]

    @to_client.setter
    def to_client(self, faults):
        self._change("to_client", faults)

    def standing(self):
        """Connections that are not over."""
        return len(self._connections)

    def reset_all(self):
        """A RST to both ends of every connection."""
        self._order(lambda: [connection.reset() for connection in list(self._connections)])

    def close(self):
        """The proxy goes, and with it all connections, by reset."""
        if self._thread.is_alive():
            self._stopping = True
            self._ring.send(b"!")
            self._thread.join()

    def _change(self, direction, faults):
        faults = tuple(faults)
        self._order(lambda: self._faults.update({direction: faults}))

    def _order(self, work):
        """Done on the proxy's thread; back when it is done."""
        done = threading.Event()
        self._orders.put((work, done))
        self._ring.send(b"!")
        done.wait()

    # What follows is the thread's.

    def wish(self, end, event, wanted):
        number = end.fileno()
        if number not in self._of_end:
            return
        before = self._wishes[number]
        after = before | event if wanted else before & ~event
        if after != before:
            self._wishes[number] = after
            self._poll.modify(number, after)

    def forget(self, end):
        number = end.fileno()
        if self._of_end.pop(number, None) is not None:
            del self._wishes[number]
            self._poll.unregister(number)

    def _run(self):
        while not self._stopping:
            moments = [
                moment
                for connection in self._connections
                for direction, _ in connection.directions()
                if (moment := direction.next_moment()) is not None and not self._wishes_to_write(direction)
            ]
            wait = max(0.0, min(moments) - time.monotonic()) if moments else None
            touched = set()
            for number, events in self._poll.poll(wait):
                if number == self.listener.fileno():
                    self._accept()
                elif number == self._bell.fileno():
                    self._bell.recv(4096)
                    self._obey()
                elif number in self._of_end:
                    connection, end = self._of_end[number]
                    touched.add(connection)
                    self._look_at(connection, end, events)
            for connection in list(self._connections):
                if not connection.closed:
                    connection.turn()
                if connection.closed:
                    self._connections.discard(connection)
        for connection in list(self._connections):
            connection.reset()
        for mine in (self.listener, self._bell, self._ring, self._poll):
            mine.close()

    def _wishes_to_write(self, direction):
        return self._wishes.get(direction.target.fileno(), 0) & select.EPOLLOUT

    def _obey(self):
        while not self._orders.empty():
            work, done = self._orders.get()
            work()
            done.set()

    def _accept(self):
        for _ in itertools.repeat(None, 64):
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                service = socket.create_connection(self.upstream, timeout=10)
            except OSError:
                close_by_reset(client)
                continue
            connection = Connection(self, client, service)
            self._connections.add(connection)
            for end in (client, service):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._of_end[end.fileno()] = connection, end
                self._wishes[end.fileno()] = 0
                self._poll.register(end, 0)

    def _look_at(self, connection, end, events):
        direction, faults = connection.reading(end)
        if events & select.EPOLLIN:
            direction.read(faults, self.chance)
        if events & select.EPOLLERR and not connection.closed:
            connection.broken(end)
        elif events & select.EPOLLHUP and not connection.closed:
            # Both of its directions have ended; there is no other news to come, and epoll would repeat this one.
            while not direction.source_ended and direction.read(faults, self.chance):
                pass
            self.forget(end)


# --- by hand ---------------------------------------------------------------------------------------------------------


def place(text):
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


def usage_of(name):
    return name + "".join(f":{field.name.upper()}" for field in dataclasses.fields(FAULTS[name]))


def main():
    parser = argparse.ArgumentParser(
        description="A TCP proxy that misbehaves as it is told.",
        epilog="Faults: " + ", ".join(usage_of(name) for name in FAULTS),
    )
    parser.add_argument("--listen", type=int, default=0, metavar="PORT", help="on 127.0.0.1; any free one if not told")
    parser.add_argument("--to", type=place, required=True, metavar="[HOST:]PORT")
    parser.add_argument("--to-service", nargs="*", type=fault_of, default=[], metavar="FAULT")
    parser.add_argument("--to-client", nargs="*", type=fault_of, default=[], metavar="FAULT")
    parser.add_argument("--seed", type=int, help="of the jitter")
    asked = parser.parse_args()
    host, port = asked.to
    where = {"port": asked.listen, "upstream_host": host}
    with Chaos(port, asked.to_service, asked.to_client, seed=asked.seed, **where) as chaos:
        print(f"127.0.0.1:{chaos.port} -> {host}:{port}", flush=True)
        for line in sys.stdin:
            direction, *faults = line.split() or [""]
            try:
                if direction not in ("to_service", "to_client"):
                    raise ValueError("to_service or to_client, and faults")
                setattr(chaos, direction, [fault_of(fault) for fault in faults])
            except ValueError as error:
                print(error, flush=True)
        try:
            threading.Event().wait()  # the end of what is typed is no end of the proxy
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
