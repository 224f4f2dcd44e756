#!/usr/bin/python3
"""Random sessions through the real binary: random data, cuts, half-closes, resets and stalls on either side.

    test/faults/random_sessions.py SEED...               plays these again, and tells what happened
    test/faults/random_sessions.py --times 100 SEED...   as often: who comes first may be another one each time
    test/faults/random_sessions.py --count 1000          as many new ones

random_plan.py says what a session does, random_model.py what must come of it; here it is done. Both ends are played
here, in one loop for many sessions: the client by a WebSocket of its own, and the service. A seed gives the same plan
each time. BASCULE_BIN names the binary.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import functools
import itertools
import multiprocessing
import pathlib
import random
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import harness  # noqa: E402  (found through the line above)
from frames import BINARY, CLOSE, PING, PONG, close, frame  # noqa: E402
from random_model import Story, complaints  # noqa: E402
from random_plan import FRAME_BYTES_MAX, FRAME_BYTES_MAX_ELSE, SERVICE_HOST, plan_of, rules  # noqa: E402
from visitor import upgrade  # noqa: E402

PATIENCE_SECONDS = 120  # for one session; none takes long, but many are under way
AT_ONCE = 64
READ_BYTES = 1 << 16
TCP_CLOSE = 7  # of the states in TCP_INFO
GONE = (ConnectionError, ssl.SSLError)


class Broken(Exception):
    """The connection ended, and not properly: by RST, or by FIN within its TLS."""


class Wire:
    """One end of a TCP connection."""

    def __init__(self, sock):
        self.socket = sock
        self.loop = asyncio.get_running_loop()
        self.ended = False  # our direction

    async def send(self, data):
        """Hands all of it to the kernel."""
        await self.loop.sock_sendall(self.socket, data)

    async def hear(self, count):
        """Some bytes; none at a proper end. Raises Broken."""
        try:
            data = await self.loop.sock_recv(self.socket, count)
        except ConnectionError:
            raise Broken from None
        if not data and not self.ended and self.state() == TCP_CLOSE:
            raise Broken  # the kernel tells a reset once, and has told it to send()
        return data

    def state(self):
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]

    async def end(self):
        """Ends this direction properly."""
        self.cut()

    def cut(self):
        self.ended = True
        with contextlib.suppress(OSError):  # the other side has reset it by now
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class TlsWire(Wire):
    """The same by TLS: a proper end is close_notify (RFC 8446, section 6.1), FIN alone is none."""

    def __init__(self, sock, context, **how):
        super().__init__(sock)
        self._sealed_in, self._sealed_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._sealed_in, self._sealed_out, **how)
        self._turn = asyncio.Lock()  # what is sealed leaves in the order in which it was sealed
        self._opened = b""  # and not heard yet

    async def shake_hands(self):
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._let_out()
                self._sealed_in.write(await self._sealed())
            else:
                return await self._let_out()

    async def send(self, data):
        for at in range(0, len(data), READ_BYTES):
            async with self._turn:
                self._tls.write(data[at : at + READ_BYTES])
                await super().send(self._sealed_out.read())

    async def hear(self, count):
        while True:
            if self._opened:
                data, self._opened = self._opened[:count], self._opened[count:]
                return data
            try:
                return self._tls.read(count)  # b"" for close_notify
            except ssl.SSLWantReadError:
                self._sealed_in.write(await self._sealed())
            except ssl.SSLZeroReturnError:
                return b""

    async def end(self):
        with contextlib.suppress(ssl.SSLError):
            while data := self._tls.read(READ_BYTES):  # unwrap() would trip over it
                self._opened += data
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()  # wants the other's close_notify, which hear() will meet
        with contextlib.suppress(*GONE):
            await self._let_out()
        self.cut()

    async def _sealed(self):
        data = await super().hear(READ_BYTES)
        if not data:
            raise Broken  # without close_notify
        return data

    async def _let_out(self):
        async with self._turn:
            if sealed := self._sealed_out.read():
                await super().send(sealed)


class Together:
    """Where the two ends of a session meet, to act at the same moment."""

    def __init__(self):
        self.arrived = set()
        self.both = asyncio.Event()

    def arrive(self, who):
        self.arrived.add(who)
        if len(self.arrived) == 2:
            self.both.set()


class Player:
    """One end of a session, as its part of the plan says."""

    def __init__(self, wire, end, due, together):
        self.wire, self.end, self.due, self.together = wire, end, due, together
        self.story = Story()
        self.written = 0  # on the wire
        self.pauses = sorted(end.pauses.items(), reverse=True)
        self.over = asyncio.Event()  # nothing more is to be heard
        self.heard_half = asyncio.Event()
        if due.total == 0:
            self.heard_half.set()

    async def play(self):
        listening = asyncio.create_task(self.listen())
        try:
            act = await self.send()
        except GONE:
            self.story.sent_all = False
            act = ""
        self.together.arrive(self)
        if act in ("reset", "hard", "close_hard"):
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
            if act == "reset":
                self.wire.reset()
            else:
                self.wire.close()
            return
        await listening
        self.wire.close()

    async def write(self, data):
        """In pieces of random sizes, with pauses in between."""
        at = 0
        while at < len(data):
            while self.pauses and self.written >= self.pauses[-1][0]:
                await asyncio.sleep(self.pauses.pop()[1])
            piece = data[at : at + self.end.dice.randint(*self.end.writes)]
            await self.wire.send(piece)
            self.written += len(piece)
            at += len(piece)

    async def trigger(self):
        match self.end.trigger:
            case "moment":
                await asyncio.sleep(self.end.moment)
            case "half":
                await self.heard_half.wait()
            case "together":
                self.together.arrive(self)
                await self.together.both.wait()

    async def listen(self):
        stalls = sorted(self.end.stalls.items(), reverse=True)
        try:
            while True:
                while stalls and self.story.heard >= stalls[-1][0]:
                    await asyncio.sleep(stalls.pop()[1])
                data = await self.wire.hear(self.end.dice.randint(*self.end.reads))
                if not data:
                    self.story.ended = "properly"
                    return
                self.hear(data)
        except (Broken, ssl.SSLError):
            self.story.ended = "broken"
        finally:
            self.over.set()
            self.heard_half.set()

    def check(self, payload):
        """Holds what came against what is due."""
        story = self.story
        if not story.complaints and (fault := self.due.fault(story.heard, payload)):
            story.complaints.append(fault)
        story.heard += len(payload)
        if 2 * story.heard >= self.due.total:
            self.heard_half.set()


class Service(Player):
    def __init__(self, wire, plan, together, spoil):
        super().__init__(wire, plan.service, plan.client.stream, together)
        self.spoil = spoil

    def hear(self, data):
        self.check(self.spoil(data) if self.spoil else data)

    async def send(self):
        """All it has, and then its act, which is told to the caller."""
        stream, story = self.end.stream, self.story
        while story.sent < stream.total and not self.over.is_set():
            piece = stream.bytes(story.sent, min(READ_BYTES, stream.total - story.sent))
            await self.write(piece)
            story.sent += len(piece)
        if self.end.act == "none":
            self.together.arrive(self)
            await self.over.wait()
            return ""
        await self.trigger()
        if self.over.is_set():
            return ""
        story.act = self.end.act
        if story.act == "fin":
            await self.wire.end()
        elif story.act == "cut":
            self.wire.cut()
        return story.act


class Client(Player):
    def __init__(self, wire, plan, together):
        super().__init__(wire, plan.client, plan.service.stream, together)
        self.plan = plan
        self.story.code = plan.close_code
        self.frames = iter(plan.frames)
        self.told = asyncio.Event()  # Close has come, or the end
        self.answers = b""  # to pings
        self.pongs = -1  # the newest of our pings that was answered
        self.rest = b""  # a head that has come only in part
        self.left = 0  # bytes of the frame that is under way
        self.opcode = 0
        self.control = b""

    # --- what it says ---

    def next_frames(self, most):
        """Up to `most` of them in one piece; nothing when there are no more."""
        taken = list(itertools.islice(self.frames, most))
        self.story.sent += sum(size for _, size, _ in taken)
        self.story.messages_sent += sum(messages for _, _, messages in taken)
        return b"".join(on_wire for on_wire, _, _ in taken)

    async def send(self):
        """All it has, or what it has said when it is told of the end; and then its act, which is told to the caller."""
        plan, story = self.plan, self.story
        await self.request
        while not (self.told.is_set() and not plan.sends_on):
            answers, self.answers = self.answers, b""
            frames = self.next_frames(self.end.dice.choice([1, 1, 5, 50]))
            if not frames:
                break
            await self.write(answers + frames)
        act = self.end.act
        if act != "none":
            await self.trigger()
        else:
            self.together.arrive(self)
            await self.told.wait()
        if self.told.is_set():
            story.replied = True
            act = act if act != "none" else plan.reply
        if self.over.is_set():
            return ""  # to whom?
        if act in ("close", "close_hard"):
            await self.write(close(plan.close_code) + plan.tail)
        elif act == "breach":
            await self.write(frame(BINARY, b"unmasked", mask=None))
        elif act == "fin":
            await self.wire.end()
        elif act == "cut":
            self.wire.cut()
        story.act = act
        return act

    # --- what it hears ---

    async def listen(self):
        try:
            await super().listen()
        finally:
            self.told.set()

    def hear(self, data):
        self.rest += data
        while self.rest:
            if self.left == 0 and not self.begins_frame():
                return
            piece, self.rest = self.rest[: self.left], self.rest[self.left :]
            self.left -= len(piece)
            if self.opcode == BINARY:
                self.check(piece)
            else:
                self.control += piece
                if self.left == 0:
                    self.on_control(self.control)

    def begins_frame(self):
        """Reads the head of a frame, if all of it is there."""
        first, second = (self.rest + b"\0\0")[:2]
        size = {126: 4, 127: 10}.get(second, 2)
        if len(self.rest) < size:
            return False
        self.left = second if size == 2 else int.from_bytes(self.rest[2:size], "big")
        self.rest = self.rest[size:]
        self.opcode, self.control = first & 0x0F, b""
        if first not in (0x80 | BINARY, 0x80 | CLOSE, 0x80 | PING, 0x80 | PONG) or second > 127:
            self.story.complaints.append(f"a frame that begins with {first:#04x} {second:#04x}")
        if self.story.close_heard:
            self.story.complaints.append("a frame behind the Close")
        if self.opcode == BINARY:
            self.story.messages_heard += 1
            if self.left > FRAME_BYTES_MAX.get(self.plan.route, FRAME_BYTES_MAX_ELSE):
                self.story.complaints.append(f"a frame of {self.left} bytes")
        elif self.left == 0:
            self.on_control(b"")
        return True

    def on_control(self, payload):
        if self.opcode == CLOSE:
            self.story.close_heard = int.from_bytes(payload[:2], "big")
            self.told.set()
            self.heard_half.set()  # no more will come
        elif self.opcode == PING and self.plan.answers_pings:
            self.answers += frame(PONG, payload)
        elif self.opcode == PONG:
            # The newest answers for those before (RFC 6455, section 5.5.3), but none is answered twice.
            number = int.from_bytes(payload[:4], "big")
            if not self.pongs < number or payload[4:].strip(b"\0"):
                self.story.complaints.append(f"a pong {payload[:20]!r} behind that of ping {self.pongs}")
            self.pongs = number


class Stage:
    """Where sessions are played: the addresses of a bascule, what TLS takes, and a port for each service."""

    def __init__(self, addresses, folder, spoil=None):
        self.addresses = addresses
        self.spoil = spoil
        self.client_tls = ssl.create_default_context(cafile=folder / "service.pem")
        self.service_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.service_tls.load_cert_chain(folder / "service.pem", folder / "service.key")
        self.listeners = {}

    @contextlib.contextmanager
    def listener(self, end):
        """One that nobody else uses meanwhile. Its sizes hold for all that it accepts, so each is kept for sessions of
        the same ones."""
        free = self.listeners.setdefault((end.receive_buffer, end.send_buffer, end.segment), [])
        if free:
            listener = free.pop()
        else:
            listener = socket.create_server((SERVICE_HOST, 0))
            listener.setblocking(False)
            set_sizes(listener, end)
        yield listener
        free.append(listener)  # a session that fails takes its own with it

    async def play(self, seed):
        """(seed, story of the client, story of the service)"""
        plan = plan_of(seed)
        with self.listener(plan.service) as listener:
            client, service = await self.open(plan, listener)
            await asyncio.gather(client.play(), service.play())
        return seed, client.story, service.story

    async def open(self, plan, listener):
        loop = asyncio.get_running_loop()
        together = Together()
        sock = socket.socket()
        sock.setblocking(False)
        set_sizes(sock, plan.client)
        host, port = self.addresses["tls" if plan.client_tls else "plain"].split(":")
        await loop.sock_connect(sock, (host, int(port)))
        if plan.client_tls:
            wire = TlsWire(sock, self.client_tls, server_hostname="localhost")
            await wire.shake_hands()
        else:
            wire = Wire(sock)
        client = Client(wire, plan, together)
        path = f"/{plan.route}/{listener.getsockname()[1]}/{plan.seed}"
        early = client.next_frames(3) if plan.early else b""
        head = "".join(f"{name}: {value}\r\n" for name, value in upgrade("localhost"))
        request = f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
        client.request = asyncio.create_task(wire.send(request + early))  # what is too early waits until it is read
        client.request.add_done_callback(lambda sent: sent.cancelled() or sent.exception())

        sock, _ = await loop.sock_accept(listener)
        if plan.route == "tls":
            service = TlsWire(sock, self.service_tls, server_side=True)
            await service.shake_hands()
        else:
            service = Wire(sock)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += (await wire.hear(READ_BYTES)) or b"\r\n\r\n"
        head, behind = answer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        client.hear(behind)
        return client, Service(service, plan, together, self.spoil)

    async def play_patiently(self, seed):
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self.play(seed)
        except TimeoutError:
            wrong = Story(complaints=[f"nothing more happened within {PATIENCE_SECONDS} s"])
        except Exception:
            wrong = Story(complaints=[traceback.format_exc()])
        return seed, wrong, Story()

    async def play_all(self, seeds, at_once=AT_ONCE):
        stories = []
        seeds = iter(seeds)

        async def one_after_the_other():
            for seed in seeds:
                stories.append(await self.play_patiently(seed))

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        return stories


def set_sizes(sock, end):
    if end.receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, end.receive_buffer)
    if end.send_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, end.send_buffer)
    if end.segment:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, end.segment)


def make_certificate(folder):
    """service.pem and service.key, for both sides of bascule."""
    words = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=localhost"
    alternative = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(
        ["openssl", "req", *words.split(), "-addext", alternative, "-keyout", "service.key", "-out", "service.pem"],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def _play_share(addresses, folder, spoil, seeds, at_once):
    return asyncio.run(Stage(addresses, folder, spoil).play_all(seeds, at_once))


def play(bascule, folder, seeds, processes=2, spoil=None, at_once=AT_ONCE):
    """Plays sessions of these seeds, each once, through a bascule with random_plan.rules(). {seed: what was wrong}"""
    addresses = {name: bascule.address_of(name) for name in ("plain", "tls")}
    share = functools.partial(_play_share, addresses, folder, spoil, at_once=at_once)
    # What terminates the pool at an interrupt is SIGTERM, which the suite takes for one.
    with multiprocessing.get_context("fork").Pool(processes, signal.signal, (signal.SIGTERM, signal.SIG_DFL)) as pool:
        stories = sum(pool.map(share, [seeds[i::processes] for i in range(processes)], 1), [])
    with contextlib.suppress(AssertionError):  # who has no record is told below
        bascule.wait_for_count(len(seeds), "session")
    records = {int(record["path"].rsplit("/", 1)[1]): record for record in bascule.logged("session")}
    wrong = {seed: complaints(client, service, records.get(seed)) for seed, client, service in stories}
    return {seed: texts for seed, texts in wrong.items() if texts}


def told(wrong):
    """As text, each with the command that plays it again."""
    lines = []
    for seed, texts in sorted(wrong.items())[:20]:
        lines += [f"seed {seed}: {text}" for text in texts]
        lines.append(f"  again: /usr/bin/python3 -B test/faults/random_sessions.py --times 50 {seed}")
    if len(wrong) > 20:
        lines.append(f"and {len(wrong) - 20} more")
    return "\n".join(lines)


def new_seeds(count):
    first = random.SystemRandom().randrange(1 << 40)
    return range(first, first + count)


def show(plan):
    for field in dataclasses.fields(plan):
        value = getattr(plan, field.name)
        print(f"  {field.name}: {f'{len(value)} frames' if field.name == 'frames' else value}")


def play_once(folder, seeds, asked):
    """How many of them went wrong; tells what happened."""
    bascule = harness.Bascule(folder, rules())
    try:
        began = time.monotonic()
        wrong = play(bascule, folder, seeds, at_once=asked.at_once)
        print(f"{len(seeds)} sessions in {time.monotonic() - began:.1f} s, {len(wrong)} of them wrong")
        for record in bascule.logged("session") if asked.seeds else ():
            print(f"  {record}")
        if wrong:
            print(told(wrong))
        bascule.stop()
        return len(wrong)
    finally:
        bascule.child.kill()  # if something else went wrong


def main():
    parser = argparse.ArgumentParser(description="Plays random sessions through bascule.")
    parser.add_argument("--times", type=int, default=1, help="how often each is played")
    parser.add_argument("--count", type=int, default=0, help="so many new ones")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="in each of two processes")
    parser.add_argument("seeds", nargs="*", type=int, metavar="SEED")
    asked = parser.parse_args()
    seeds = [*asked.seeds, *new_seeds(asked.count)]
    for seed in asked.seeds:
        show(plan_of(seed))
    with tempfile.TemporaryDirectory(prefix="bascule-random-") as name:
        folder = pathlib.Path(name)
        make_certificate(folder)
        failures = 0
        for _ in range(asked.times):
            failures += play_once(folder, seeds, asked)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
