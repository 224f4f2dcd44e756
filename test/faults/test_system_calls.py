"""The kernel and the C library say no: by strace, which makes single calls fail in the running process; by libfiu,
which makes any of them fail at random; and by an `operator new` that has no memory when it is told so."""

import contextlib
import errno
import mmap
import os
import pathlib
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from frames import BINARY, CLOSE, frame
from ground import Answering, Faulty, exactly
from harness import PATIENCE_SECONDS, eventually, sanitized
from services import EchoService

LARGE_ONES_FAIL = -1  # to failing_new.cpp


class Injecting(Faulty):
    ONE_WORKER = "process: {workers: 1}\n"

    @contextlib.contextmanager
    def failing(self, bascule, *calls):
        """Meanwhile these calls fail in each thread: `"connect:error=EMFILE:when=1"`. self.trace: what strace saw."""
        self.trace = self.folder / "trace"
        names = ",".join(call.split(":")[0] for call in calls)
        words = ["strace", "-f", "-o", self.trace, "-e", f"trace={names}", "-p", str(bascule.pid)]
        for call in calls:
            words += ["-e", f"inject={call}"]
        strace = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            said = strace.stderr.readline()
            assert "attached" in said, f"strace could not look into another process; that takes root: {said}"
            tasks = pathlib.Path(f"/proc/{bascule.pid}/task")
            # The line says it of the first thread; the others follow.
            eventually(
                lambda: all(f"TracerPid:\t{strace.pid}" in (task / "status").read_text() for task in tasks.iterdir()),
                "strace holds every thread",
            )
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.stderr.read()
            strace.stderr.close()
            strace.wait(PATIENCE_SECONDS)

    def injected(self):
        return self.trace.read_text().count("(INJECTED)")


class Accepting(Injecting):
    PASSING = ("ECONNABORTED", "EPROTO", "EINTR", "ENETDOWN")
    SHORTAGES = ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")

    def test_accept_fails(self):
        """accept fails three times in a row, in every way it can: the visitor comes in after all; a shortage is told"""
        bascule = self.serve_well(
            "listen: 127.0.0.1:0\nroutes:\n  - {name: echo, path: /echo, auth: none, to: 'echo:'}\n" + self.ONE_WORKER
        )
        for name in self.PASSING + self.SHORTAGES:
            with self.subTest(name):
                with self.failing(bascule, f"accept4:error={name}:when=1..3"):
                    self.assert_serves(bascule)
                self.assertEqual(self.injected(), 3)
        told = bascule.wait_for_count(1, "shortage")
        self.assertIn("new visitors wait", told[0]["text"])

    def test_a_shortage_that_lasts(self):
        """no descriptor for a second while a visitor waits: no busy loop, sessions go on, then he comes in"""
        service = self.played()
        bascule = self.bridge(service.port, more=self.ONE_WORKER)
        visit, connection = self.session(bascule, service)
        admitted = threading.Event()

        def come_in():
            self.assert_serves(bascule)
            admitted.set()

        with self.failing(bascule, "accept4:error=EMFILE"):
            waiting = threading.Thread(target=come_in)
            waiting.start()
            eventually(lambda: self.injected() >= 3, "accept has failed")
            before, began = self.injected(), time.monotonic()
            time.sleep(1)  # the span in which failures are counted
            self.assertLess(self.injected() - before, 100 * (time.monotonic() - began))
            connection.sendall(b"going on")
            self.assertEqual(visit.frame().payload, b"going on")
            self.assertFalse(admitted.is_set())
        waiting.join(PATIENCE_SECONDS)
        self.assertTrue(admitted.is_set())
        connection.close()
        visit.leave()


class Dialling(Injecting):
    OUTCOMES = {
        ("socket", "EMFILE"): (503, "service_unavailable"),
        ("socket", "ENFILE"): (503, "service_unavailable"),
        ("socket", "ENOBUFS"): (503, "service_unavailable"),
        ("socket", "ENOMEM"): (503, "service_unavailable"),
        ("connect", "EADDRNOTAVAIL"): (503, "service_unavailable"),
        ("connect", "ENOBUFS"): (503, "service_unavailable"),
        ("connect", "EACCES"): (502, "service_refused"),
        ("connect", "ENETUNREACH"): (502, "service_refused"),
        ("connect", "ECONNREFUSED"): (502, "service_refused"),
        ("connect", "ETIMEDOUT"): (504, "service_timeout"),
    }

    def test_socket_and_connect_fail(self):
        """no descriptor, no port, no memory to dial with: 503; what the network says: 502 or 504; each with its word"""
        service = self.played()
        bascule = self.bridge(service.port, more=self.ONE_WORKER)
        for (call, name), (status, refusal) in self.OUTCOMES.items():
            with self.subTest(f"{call} {name}"):
                with self.failing(bascule, f"{call}:error={name}:when=1"):
                    record = self.refusal(bascule, status)
                self.assertEqual(record["refusal"], refusal)
                self.assertIn(os.strerror(getattr(errno, name)), record["detail"])


class Carrying(Injecting):
    def one(self, service, bascule, call):
        """The record of a session of some rounds during which a call fails."""
        visit, connection = self.session(bascule, service)
        done = len(bascule.logged("session", route="ws"))
        with self.failing(bascule, call):
            # A send that failed though nobody has gone leaves both to wait for each other, until one of them gives up.
            visit.socket.settimeout(5)
            connection.settimeout(0.5)
            try:
                for number in range(6):
                    visit.send(frame(BINARY, b"question %d" % number))
                    exactly(connection, 10)
                    connection.sendall(b"an answer")
                    if visit.frame().opcode == CLOSE:
                        break
            except (OSError, AssertionError):
                pass  # it broke
            self.assertGreaterEqual(self.injected(), 1)
        visit.socket.close()
        connection.close()
        return bascule.wait_for_count(done + 1, "session", route="ws")[done]

    def test_receiving_and_sending_fail(self):
        """recv or send fails at its nth call: the session ends once, with the kernel's word, and no other notices"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {close: 200ms, ping: 1s, pong: 10s}", more=self.ONE_WORKER)
        other, other_end = self.session(bascule, service)
        others = Answering(other)
        sessions = 0
        for call, names in {
            "recvfrom": ("ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH"),
            "sendto": ("ECONNRESET", "ETIMEDOUT", "ENOBUFS"),
        }.items():
            for name in names:
                for nth in (1, 2):
                    with self.subTest(f"{call} {nth} {name}"):
                        sessions += 1
                        record = self.one(service, bascule, f"{call}:error={name}:when={nth}")
                        self.assertIn(record["ending"], ("client_vanished", "service_error"))
                        self.assertEqual(record["error"], os.strerror(getattr(errno, name)))
        other_end.sendall(b"nothing to me")
        eventually(lambda: others.data == b"nothing to me", "the other session carries")
        self.assertEqual(len(bascule.logged("session", route="ws")), sessions)
        other_end.close()
        others.join()

    def test_interrupted_calls(self):
        """EINTR from recv, send and epoll_wait, every second call: nothing is lost, nothing ends"""
        echo = EchoService()
        self.addCleanup(echo.close)
        bascule = self.bridge(echo.port, more=self.ONE_WORKER)
        every_second = [f"{call}:error=EINTR:when=1+2" for call in ("recvfrom", "sendto", "epoll_wait")]
        with self.failing(bascule, *every_second), self.visit(bascule) as visit:
            for _ in range(50):
                self.assertTrue(visit.echoes())
            visit.leave()
        self.assertGreater(self.injected(), 150)
        bascule.wait_for("session", route="ws", ending="client_closed", from_client_bytes=5000, to_client_bytes=5000)


class Bulk(Injecting):
    """What a service sends much of goes from socket to socket by splice(2)."""

    BLOCK = bytes(range(256)) * 1024
    BLOCKS_MAX = 4096

    def flow(self, connection, visit, enough):
        """Blocks from the service to the visitor until it is enough; what the visitor got, and whether all of it."""
        sent = 0

        def sends():
            nonlocal sent
            with contextlib.suppress(OSError):
                while not enough() and sent < self.BLOCKS_MAX:
                    connection.sendall(self.BLOCK)
                    sent += 1
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=sends)
        sending.start()
        got, ending = 0, None
        with contextlib.suppress(OSError):
            while heard := visit.frame_or_end():
                if heard.opcode == CLOSE:
                    ending = heard.code
                    break
                self.assertEqual(heard.opcode, BINARY)
                begin = got % len(self.BLOCK)
                expected = (self.BLOCK * (2 + len(heard.payload) // len(self.BLOCK)))[begin : begin + len(heard.payload)]
                self.assertEqual(heard.payload, expected)
                got += len(heard.payload)
        visit.socket.close()
        sending.join(PATIENCE_SECONDS)
        self.assertFalse(sending.is_alive())
        return got == sent * len(self.BLOCK), ending

    def one(self, bascule, service, call):
        visit, connection = self.session(bascule, service)
        visit.socket.settimeout(5)
        done = len(bascule.logged("session", route="ws"))
        with self.failing(bascule, call):
            whole, ending = self.flow(connection, visit, enough=lambda: self.injected() >= 1)
            self.assertGreaterEqual(self.injected(), 1, "nothing went by splice")
        connection.close()
        return whole, ending, bascule.wait_for_count(done + 1, "session", route="ws")[done]

    def test_splice_is_not_to_be_had(self):
        """splice is not in the kernel, not allowed, has no memory, is interrupted: all bytes, and a clean end"""
        service = self.played()
        bascule = self.bridge(service.port, more=self.ONE_WORKER)
        for name in ("ENOSYS", "EPERM", "EINVAL", "ENOMEM", "EINTR", "EAGAIN"):
            for which in ("1+2", "2+2"):  # reading from the service, writing to the client
                if (name, which) == ("EAGAIN", "1+2"):
                    continue  # would be a kernel that keeps to itself what has come
                with self.subTest(f"{name} {which}"):
                    whole, ending, _ = self.one(bascule, service, f"splice:error={name}:when={which}")
                    self.assertTrue(whole)
                    self.assertEqual(ending, 1000)

    def test_a_connection_that_breaks_within_it(self):
        """a reset that only splice hears of is no clean end: service_error or client_vanished, with the kernel's word"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {close: 200ms}", more=self.ONE_WORKER)
        for name in ("ECONNRESET", "ETIMEDOUT"):
            for which, endings in (("1", ("service_error",)), ("2", ("client_vanished",))):
                with self.subTest(f"{name} {which}"):
                    # As above: nobody has gone, so both wait for each other until one of them gives up.
                    whole, ending, record = self.one(bascule, service, f"splice:error={name}:when={which}")
                    self.assertFalse(whole and ending == 1000)
                    self.assertIn(record["ending"], endings)
                    self.assertEqual(record["error"], os.strerror(getattr(errno, name)))


class AtRandom(Injecting):
    def test_any_call_may_fail(self):
        """libfiu lets 1 in 50 of socket, connect and recv fail for 300 visits: each has an end, then all is well"""
        libraries = [pathlib.Path(f"/usr/lib/fiu/fiu_{name}_preload.so") for name in ("run", "posix")]
        self.assertTrue(all(library.exists() for library in libraries), "libfiu is not there: install fiu-utils")
        if sanitized():  # whose library does not bear others before it
            libraries.insert(0, self.command("g++", "-print-file-name=libasan.so").stdout.strip())
        echo = EchoService()
        self.addCleanup(echo.close)
        control = self.folder / "fiu"
        bascule = self.bridge(
            echo.port,
            "timeouts: {close: 200ms, head: 2s, connect: 2s, ping: 1s, pong: 1s}",
            env={"LD_PRELOAD": ":".join(map(str, libraries)), "FIU_CTRL_FIFO": control},
        )

        def tell(words):
            self.command("fiu-ctrl", "-f", control, "-c", words, bascule.pid, seconds=30)

        ends = {}
        calls = ("socket", "connect", "recv")  # a failed send whose connection could still be read is no kernel's doing
        for call in calls:
            tell(f"enable_random name=posix/io/net/{call},probability=0.02,failinfo={errno.ECONNRESET}")
        for _ in range(300):
            try:
                with self.visit(bascule) as visit:
                    visit.socket.settimeout(20)
                    end = visit.status
                    if end == 101:
                        end = "echoed" if visit.echoes() else "closed"
            except (OSError, AssertionError) as error:
                self.assertNotIsInstance(error, TimeoutError, "a visitor was left without an end")
                end = "broke"
            ends[end] = ends.get(end, 0) + 1
        for call in calls:
            tell(f"disable name=posix/io/net/{call}")
        self.assertGreater(ends["echoed"], 100, ends)
        self.assertGreater(len(ends), 1, f"nothing has failed: {ends}")


class Memory(Faulty):
    def failing_new(self):
        library = self.folder / "failing_new.so"
        source = pathlib.Path(__file__).parent / "failing_new.cpp"
        self.command("g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl")
        shared = self.folder / "countdown"
        shared.write_bytes(bytes(8))
        with open(shared, "r+b") as file:
            self.countdown = mmap.mmap(file.fileno(), 8)
        self.addCleanup(self.countdown.close)
        return {"LD_PRELOAD": str(library), "FAILING_NEW": shared}

    def fail_in(self, count):
        self.countdown[:8] = struct.pack("q", count)

    def has_failed(self):
        return struct.unpack("q", self.countdown[:8])[0] <= 0

    def one_visit(self, bascule, path):
        """What became of it."""
        try:
            with self.visit(bascule, path) as visit:
                if visit.status != 101:
                    return visit.status
                if not visit.echoes():
                    return "closed"
                visit.leave()
                return "echoed"
        except (OSError, AssertionError) as error:
            self.assertNotIsInstance(error, TimeoutError, "the visitor was left without an end")
            return "broke"

    def test_no_memory_at_the_nth_allocation(self):
        """the 1st, 2nd, 3rd ... allocation of a visit fails, until none does: at most that visit ends"""
        echo = EchoService()
        self.addCleanup(echo.close)
        bascule = self.bridge(echo.port, "timeouts: {close: 200ms}", env=self.failing_new())
        with self.visit(bascule) as standing:
            self.assertTrue(standing.echoes())
            for path in ("/ws", "/echo", "/nowhere"):
                ends = {}
                for nth in range(1, 2000):
                    self.fail_in(nth)
                    end = self.one_visit(bascule, path)
                    ends[end] = ends.get(end, 0) + 1
                    self.assertIsNone(bascule.child.poll(), f"{path}, allocation {nth}: {ends}\n{bascule.said[-3:]}")
                    if not self.has_failed():
                        break
                self.assertFalse(self.has_failed(), "there is no end to the allocations of one visit")
                self.fail_in(0)
                self.assertTrue(standing.echoes())
            standing.leave()

    def test_an_address_space_that_is_used_up(self):
        """no more memory to be had: who comes is refused or cut, who is in goes on, and all is well with room again"""
        service = self.played()
        bascule = self.bridge(
            service.port,
            "timeouts: {close: 200ms, head: 5m, ping: 5m}\nlimits: {head_size: 1MiB}",
            more="process: {workers: 1}\n",
            env=self.failing_new(),
        )
        standing, standing_end = self.session(bascule, service)
        self.use_up(bascule)
        visitors = []
        host, port = bascule.address.split(":")

        def somebody_is_cut():
            visitor = socket.create_connection((host, int(port)), PATIENCE_SECONDS)
            visitors.append(visitor)
            with contextlib.suppress(OSError):
                visitor.sendall(b"GET /ws HTTP/1.1\r\nX: " + b"x" * 1_000_000)
            return any(is_over(visitor) for visitor in visitors)

        while not somebody_is_cut():
            self.assertLess(len(visitors), 1000, "so much memory was not to be had")
        standing_end.sendall(b"still here")
        self.assertEqual(standing.frame().payload, b"still here")
        self.assertIsNone(bascule.child.poll())
        self.give_back(bascule)
        for visitor in visitors:
            visitor.close()
        standing_end.close()
        standing.leave()

    def use_up(self, bascule):
        if sanitized():  # whose own memory, terabytes that it never touches, no limit fits
            self.fail_in(LARGE_ONES_FAIL)
            return
        status = pathlib.Path(f"/proc/{bascule.pid}/status").read_text()
        used = int(re.search(r"VmSize:\s+(\d+)", status)[1]) << 10
        resource.prlimit(bascule.pid, resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))

    def give_back(self, bascule):
        self.fail_in(0)
        resource.prlimit(bascule.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def is_over(connection):
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        return connection.recv(1) == b""
    except OSError:
        return True
