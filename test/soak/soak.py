"""500 sessions that come, talk, stall and go, for minutes, and what bascule has kept of them when they are gone.

    scripts/soak [MINUTES]

They come plain and by TLS: random sessions as in test/faults, each held against its model, echoes, sessions that rest,
visitors with tickets, good and used ones, visitors who are refused, and readers of pages. The rules are taken anew
every few seconds. Memory must not grow with the number of sessions that have been; descriptors and threads must be
what they were before.
"""

import argparse
import asyncio
import base64
import collections
import contextlib
import dataclasses
import hashlib
import hmac
import json
import os
import pathlib
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

TEST = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TEST / "faults"), str(TEST / "support")]

import harness  # noqa: E402  (found through the lines above)
import random_plan  # noqa: E402
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, close, frame, take_frame  # noqa: E402
from random_model import complaints  # noqa: E402
from random_sessions import READ_BYTES, Stage, TlsWire, Wire, make_certificate, new_seeds  # noqa: E402
from visitor import upgrade  # noqa: E402

AT_ONCE = 500
RELOAD_SECONDS = 3
LOOK_SECONDS = 1
BLOCK_SECONDS = 10  # looks that lie so close are no independent witnesses; their mean is one
# What 1,000 sessions may leave behind. The smallest block of the heap, lost in each of them, would be 23 KiB.
HEAP_TOLERANCE_KIB = 1.0
RESIDENT_TOLERANCE_KIB = 8.0  # the heap takes some pages more now and then, because of what meets by chance
AT_REST_KIB = 128  # what bascule keeps for a while and then again may differ by this much
PAGE = "<!doctype html><title>soak</title>" + "a page of some length " * 500


class Bascule(harness.Bascule):
    """One whose log does not gather in memory."""

    def taken(self):
        """The events since the last time."""
        with self._changed:
            events, self.events = self.events, []
            self.said = self.said[-40:]
        return events

    def heap_kib(self):
        """In use, as heap.cpp tells it; None without."""
        told = self.rules_file.with_name("heap")
        return int(told.read_text()) / 1024 if told.exists() else None

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


def rules(echo_port, generation):
    """`generation`: something is different each time."""
    common = random_plan.rules()
    service = f"{random_plan.SERVICE_HOST}:{echo_port}"
    return f"""\
auth:
  invite: {{ticket: {{secret: {{file: ticket.key}}, max_age: 60s}}}}
{common}\
  - {{name: echo, path: /echo, auth: none, to: "echo:"}}
  - {{name: rest, path: /rest, auth: none, to: "{service}", timeouts: {{ping: 1s, pong: 60s}}}}
  - {{name: desk, path: /desk, auth: invite, to: "{service}"}}
  - {{name: pages, path: /pages/*, auth: none, files: {{folder: pages}}}}
  - {{name: generation, path: /generation/{generation}, auth: none, to: "echo:", limits: {{sessions: {generation}}}}}
"""


def furnish(folder):
    """Puts there what the rules name; the key of the tickets."""
    key = secrets.token_hex(32).encode()
    (folder / "ticket.key").write_bytes(key)
    (folder / "ticket.key").chmod(0o600)
    (folder / "pages").mkdir()
    (folder / "pages/index.html").write_text(PAGE)
    make_certificate(folder)
    return key


def ticket(key):
    """As an application makes them: rules/README.md, "Tickets"."""

    def base64url(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    content = {"route": "desk", "exp": int(time.time()) + 10, "id": secrets.token_hex(16)}
    body = "bt1." + base64url(json.dumps(content).encode())
    return f"{body}.{base64url(hmac.new(key, body.encode(), hashlib.sha256).digest())}"


class Call:
    """One connection, and the requests on it."""

    def __init__(self, wire):
        self.wire = wire
        self.rest = b""

    async def ask(self, path, fields):
        """The status, and the body of what is no upgrade."""
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        await self.wire.send(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        while b"\r\n\r\n" not in self.rest:
            await self.more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        count = int(length[1]) if length else 0
        while len(self.rest) < count:
            await self.more()
        body, self.rest = self.rest[:count], self.rest[count:]
        return int(head.split(b" ")[1]), body

    async def more(self):
        data = await self.wire.hear(READ_BYTES)
        assert data, f"the connection ended behind {self.rest[-80:]!r}"
        self.rest += data

    async def next_frame(self):
        """The next one that is no ping; those are answered."""
        while True:
            heard, size = take_frame(self.rest)
            if not heard:
                await self.more()
                continue
            self.rest = self.rest[size:]
            if heard.opcode != PING:
                return heard
            await self.wire.send(frame(PONG, heard.payload))

    async def echoes(self, payload):
        await self.wire.send(frame(BINARY, payload))
        answer = b""
        while len(answer) < len(payload):
            heard = await self.next_frame()
            assert heard.opcode in (BINARY, CONTINUATION), f"{heard} instead of an echo"
            answer += heard.payload
        assert answer == payload, "the echo is not what was said"

    async def leave(self):
        await self.wire.send(close(1000))
        heard = await self.next_frame()
        assert (heard.opcode, heard.code) == (CLOSE, 1000), f"{heard} instead of Close 1000"
        assert not await self.wire.hear(READ_BYTES), "something came behind the Close"
        self.wire.close()


class Visitors:
    """Every kind of visitor, each a coroutine of its own; `weights` tells how often which comes."""

    def __init__(self, stage, key):
        self.stage, self.key = stage, key
        self.seeds = iter(new_seeds(1 << 40))
        self.stories, self.records = {}, {}  # of random sessions, by their seeds, until both are there
        self.came = collections.Counter()
        self.inside = 0
        self.troubles = collections.Counter()
        self.leaving = asyncio.Event()
        self.weights = {
            self.random_session: 30,
            self.echo: 20,
            self.rests: 25,
            self.by_ticket: 10,
            self.refused: 8,
            self.page: 7,
        }

    async def one_after_the_other(self):
        while not self.leaving.is_set():
            kind = random.choices(list(self.weights), self.weights.values())[0]
            await self.comes(kind)

    async def comes(self, kind):
        self.inside += 1
        try:
            async with asyncio.timeout(harness.PATIENCE_SECONDS * 2):
                await kind()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            notes = " ".join(getattr(error, "__notes__", []))
            self.troubles[f"{kind.__name__}: line {where.lineno} of {where.filename}: {error!r} {notes}"] += 1
        self.inside -= 1
        self.came[kind.__name__] += 1

    async def pause(self, least, most):
        """Stays for a while; less long once all are leaving."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.leaving.wait(), random.uniform(least, most))

    async def call(self, path, *more, origin=None, to="websocket"):
        """(call, status, body)"""
        by_tls = random.random() < 0.25
        loop = asyncio.get_running_loop()
        host, port = self.stage.addresses["tls" if by_tls else "plain"].split(":")
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, (host, int(port)))
        wire = TlsWire(sock, self.stage.client_tls, server_hostname="localhost") if by_tls else Wire(sock)
        if by_tls:
            await wire.shake_hands()
        call = Call(wire)
        fields = upgrade("localhost", origin) if to == "websocket" else [("Host", "localhost")]
        return (call, *await call.ask(path, [*fields, *more]))

    async def inside_by(self, path):
        call, status, _ = await self.call(path)
        assert status == 101, f"{path}: {status}"
        return call

    def judge(self, events, all_of_them=False):
        """Holds the random sessions that have ended against their records, and looks for what nobody has asked for.
        `all_of_them`: no more events will come."""
        for event in events:
            if event.get("level") == "error":
                self.troubles[f"bascule says: {event['event']}: {event.get('text', event)}"] += 1
            if event["event"] == "session" and event["route"] in random_plan.ROUTES:
                self.records[int(event["path"].rsplit("/", 1)[1])] = event
        for seed in [*self.stories] if all_of_them else self.stories.keys() & self.records.keys():
            found = complaints(*self.stories.pop(seed), self.records.pop(seed, None))
            self.troubles.update(f"seed {seed}: {text}" for text in found)

    # --- the kinds ---

    async def random_session(self):
        seed = next(self.seeds)
        try:
            self.stories[seed] = (await self.stage.play(seed))[1:]
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise

    async def echo(self):
        call = await self.inside_by("/echo")
        for _ in range(8):
            await call.echoes(random.randbytes(random.choice([1, 200, 70_000])))
            await self.pause(0.2, 1.2)
        await call.leave()

    async def rests(self):
        """Says something, is silent long enough to be asked for a sign of life, and is still there."""
        call = await self.inside_by("/rest")
        await call.echoes(random.randbytes(3000))
        await self.pause(3, 12)
        await call.echoes(random.randbytes(100))
        await call.leave()

    async def by_ticket(self):
        """Comes in by a ticket, which lets nobody else in."""
        path = f"/desk?ticket={ticket(self.key)}"
        call = await self.inside_by(path)
        await call.echoes(random.randbytes(1000))
        used, status, _ = await self.call(path)
        used.wire.close()
        assert status == 401, f"a used ticket: {status}"
        await self.pause(2, 6)
        await call.leave()

    async def refused(self):
        for path, origin, due in (
            ("/nothing", None, 404),
            ("/echo", "https://evil.example", 403),
            ("/desk?ticket=bt1.e30.e30", None, 401),
        ):
            call, status, _ = await self.call(path, origin=origin)
            call.wire.close()
            assert status == due, f"{path}: {status} instead of {due}"

    async def page(self):
        call, status, body = await self.call("/pages/", to="page")
        for _ in range(3):
            assert (status, body.decode()) == (200, PAGE), f"{status}, {len(body)} bytes: {body[:60]!r}"
            await self.pause(0.2, 2)
            status, body = await call.ask("/pages/", [("Host", "localhost")])
        call.wire.close()


@dataclasses.dataclass
class Look:
    seconds: float
    sessions: int  # that have been
    heap_kib: float
    resident_kib: int
    descriptors: int
    threads: int


def slope(points):
    """(slope, its uncertainty: twice the standard error) of the line through these (x, y), by least squares."""
    count = len(points)
    mean_x, mean_y = (sum(p[i] for p in points) / count for i in range(2))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residue = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points)
    return rise, 2 * (residue / (count - 2) / spread) ** 0.5


def blocks(looks):
    """The means of looks that lie close together."""
    size = BLOCK_SECONDS // LOOK_SECONDS
    for at in range(0, len(looks) - size + 1, size):
        block = [dataclasses.astuple(look) for look in looks[at : at + size]]
        yield Look(*(sum(column) / size for column in zip(*block)))


class Soak:
    def __init__(self, folder, minutes):
        self.folder, self.seconds = folder, minutes * 60
        self.heap = folder / "heap.so"
        words = "-std=c++20 -O2 -shared -fPIC -pthread -o".split()
        subprocess.run(["g++", *words, self.heap, TEST / "soak/heap.cpp"], check=True)
        self.warm_up_seconds = 90  # a used ticket is remembered for 70 s
        self.looks = []  # while it soaks
        self.phase = ""
        self.descriptors = 0  # at rest
        self.reloads = 0
        self.bascule = None

    def end(self):
        """Leaves nothing behind, whatever has happened."""
        if self.bascule and self.bascule.child.poll() is None:
            self.bascule.child.kill()

    async def run(self):
        """The verdict."""
        key = furnish(self.folder)
        service = await asyncio.start_server(echo_service, random_plan.SERVICE_HOST, 0)
        self.port = service.sockets[0].getsockname()[1]
        told = {"LD_PRELOAD": self.heap, "SOAK_HEAP": self.folder / "heap"}
        self.bascule = Bascule(self.folder, rules(self.port, 1), told)
        addresses = {name: self.bascule.address_of(name) for name in ("plain", "tls")}
        self.visitors = Visitors(Stage(addresses, self.folder), key)

        await self.rehearse()
        others = [asyncio.create_task(work()) for work in (self.reload, self.look)]
        await self.wave("warming up", self.warm_up_seconds, others)
        before = await self.at_rest()
        await self.wave("soaking", self.seconds, others)
        after = await self.at_rest()
        for task in others:
            task.cancel()
        if (code := self.bascule.stop()) != 0:
            self.visitors.troubles[f"bascule ended with {code}"] += 1
        self.visitors.judge(self.bascule.taken(), all_of_them=True)
        return self.verdict(before, after)

    async def rehearse(self):
        """Each kind of visitor once, one after the other; what is missing shows here."""
        self.descriptors = self.now().descriptors
        self.visitors.leaving.set()  # nobody stays
        for kind in self.visitors.weights:
            await self.visitors.comes(kind)

    async def wave(self, phase, seconds, others):
        """So many at once for so long. `others` are under way meanwhile, and end only by failing."""
        self.visitors.leaving.clear()
        slots = [asyncio.create_task(self.visitors.one_after_the_other()) for _ in range(AT_ONCE)]
        self.phase = phase
        await asyncio.wait(others, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        self.phase = "leaving"
        self.visitors.leaving.set()
        await asyncio.gather(*slots)
        for task in others:
            if task.done():
                task.result()

    async def at_rest(self):
        """Once the last one has been let go, or after a long wait for it."""
        deadline = time.monotonic() + harness.PATIENCE_SECONDS
        while self.now().descriptors > self.descriptors and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)  # the heap's figure is of the last half second
        return self.now()

    def now(self):
        process = self.bascule
        came = self.visitors.came.total()
        return Look(
            time.monotonic(),
            came,
            process.heap_kib(),
            process.resident_kib(),
            process.descriptors(),
            process.threads(),
        )

    async def take_rules(self, generation):
        self.bascule.write_rules(rules(self.port, generation))
        os.kill(self.bascule.pid, signal.SIGHUP)
        self.reloads += 1

    async def reload(self):
        for generation in range(3, 1 << 30):
            await asyncio.sleep(RELOAD_SECONDS)
            await self.take_rules(generation)

    async def look(self):
        began = shown = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.visitors.judge(self.bascule.taken())
            look = self.now()
            if self.phase == "soaking":
                self.looks.append(look)
            if look.seconds - shown >= BLOCK_SECONDS:
                shown = look.seconds
                print(
                    f"    {look.seconds - began:4.0f} s, {self.phase}: {look.sessions} sessions were, "
                    f"{self.visitors.inside} are; {look.heap_kib:.0f} KiB in use of {look.resident_kib}, "
                    f"{look.descriptors} descriptors, {look.threads} threads, {self.reloads} times new rules, "
                    f"{self.visitors.troubles.total()} went wrong",
                    file=sys.stderr,
                    flush=True,
                )

    def verdict(self, before, after):
        visitors = self.visitors
        told = ", ".join(f"{count} {name}" for name, count in sorted(visitors.came.items()))
        print(f"{visitors.came.total()} sessions: {told.replace('_', ' ')}; {self.reloads} times new rules")
        wrong = [f"{visitors.troubles.total()} times something went wrong"] if visitors.troubles else []
        for trouble, times in visitors.troubles.most_common(10):
            print(f"  {times} times: {trouble[:500]}")

        means = list(blocks(self.looks))[2:]  # until as many as can be are there
        if len(means) < 5:
            wrong.append("too short to tell a slope: let it run for 2 minutes or more")
            means = []
        for name, figure, tolerance in (
            ("heap in use in KiB", "heap_kib", HEAP_TOLERANCE_KIB),
            ("resident memory in KiB", "resident_kib", RESIDENT_TOLERANCE_KIB),
            ("descriptors", "descriptors", None),
            ("threads", "threads", None),
        ):
            first, last = getattr(before, figure), getattr(after, figure)
            print(f"{name}: at rest {first:.0f} after the warm-up and {last:.0f} at the end", end="")
            if means:
                rise, uncertainty = slope([(look.sessions / 1000, getattr(look, figure)) for look in means])
                print(f"; meanwhile {rise:+.2f} ± {uncertainty:.2f} for 1,000 sessions more", end="")
                if tolerance is not None and rise - uncertainty > tolerance:
                    wrong.append(f"{name} grows (tolerated: {tolerance:g} for 1,000 sessions)")
            print()
            if tolerance is None and first != last:
                wrong.append(f"{name}: {first} at rest, and then {last}")
        kept, soaked = after.heap_kib - before.heap_kib, (after.sessions - before.sessions) / 1000
        if kept > AT_REST_KIB + HEAP_TOLERANCE_KIB * soaked:
            wrong.append(f"{kept:.0f} KiB of the heap are in use at rest that were not {soaked:.0f},000 sessions ago")
        print("FAILED: " + "; ".join(wrong) if wrong else "passed: nothing is kept of a session that is over")
        return not wrong


async def echo_service(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Changing sessions, and what is kept of them.")
    parser.add_argument("minutes", type=float, nargs="?", default=10, metavar="MINUTES", help="10 unless told")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="bascule-soak-") as folder:
        soak = Soak(pathlib.Path(folder), asked.minutes)
        try:
            return 0 if asyncio.run(soak.run()) else 1
        except KeyboardInterrupt:
            return 130
        finally:
            soak.end()


if __name__ == "__main__":
    sys.exit(main())
