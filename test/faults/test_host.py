"""What the machine does to the process: signals, a clock that jumps, a disk that is full, a reader that is gone, too
few descriptors, too many visitors, no time to run."""

import datetime
import os
import pathlib
import resource
import select
import signal
import socket
import threading
import time

from frames import PING, PONG, frame
from ground import Faulty, reset
from harness import PATIENCE_SECONDS, answers, bascule_binary, eventually, free_port
from visitor import Visit, upgrade

ECHO = "routes:\n  - {name: echo, path: /echo, auth: none, to: 'echo:'}\n"


class Signals(Faulty):
    def test_those_that_mean_nothing(self):
        """SIGPIPE, SIGUSR1, SIGUSR2, SIGCHLD, SIGURG, SIGWINCH: no death, no session notices"""
        service = self.played()
        bascule = self.bridge(service.port)
        visit, connection = self.session(bascule, service)
        for number in (signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH):
            os.kill(bascule.pid, number)
            connection.sendall(b"here")
            self.assertEqual(visit.frame().payload, b"here", number.name)
            self.assert_serves(bascule)
        connection.close()
        visit.leave()

    def test_a_stop_while_rules_are_read(self):
        """SIGTERM while a reload runs: it ends, with exit code 0"""
        many = "".join(f"  - {{name: r{n}, path: /r{n}, auth: none, to: 'echo:'}}\n" for n in range(2000))
        for after_ms in (0, 55, 80):
            with self.subTest(after_ms=after_ms):
                bascule = self.serve("listen: 127.0.0.1:0\nprocess: {drain: 5s}\n" + ECHO + many)
                os.kill(bascule.pid, signal.SIGHUP)
                time.sleep(after_ms / 1000)  # before, within and after the reading; any of them will do
                self.assertEqual(bascule.stop(), 0)

    def test_kill_and_start_again(self):
        """kill -9 with sessions open: the next process has the same port at once, and serves"""
        port = free_port()
        rules = f"listen: 127.0.0.1:{port}\n" + ECHO
        first = self.serve(rules)
        visits = [self.visit(first, "/echo") for _ in range(20)]
        self.assertTrue(all(visit.echoes() for visit in visits))
        first.stopped = True
        os.kill(first.pid, signal.SIGKILL)
        first.child.wait()
        second = self.serve(rules)
        self.assert_serves(second)
        for visit in visits:
            visit.frames_to_the_end()
            visit.socket.close()


class Frozen(Faulty):
    def pinging(self, timeouts):
        """One worker, who has all visitors, and asks after them so often."""
        echo = ECHO.replace("'echo:'}", f"'echo:', timeouts: {{{timeouts}}}}}")
        return self.serve_well("listen: 127.0.0.1:0\nprocess: {workers: 1}\n" + echo)

    def stopped_for(self, seconds, process):
        os.kill(process, signal.SIGSTOP)
        try:
            time.sleep(seconds)  # the length of the fault
        finally:
            os.kill(process, signal.SIGCONT)

    def test_a_stop_that_is_longer_than_every_patience(self):
        """SIGSTOP for three times ping + pong: nobody is taken for dead, those who were asked just before neither"""
        bascule = self.pinging("ping: 500ms, pong: 800ms")
        visitors = Crowd(bascule, 600)
        self.addCleanup(visitors.close)
        visitors.wait_for_pings()
        stopping = threading.Thread(target=self.stopped_for, args=(4, bascule.pid))
        stopping.start()
        while stopping.is_alive():
            visitors.answer_for(0.1)
        visitors.answer_for(2)
        self.assertEqual(bascule.logged("session", ending="client_silent"), [])
        self.assertEqual(visitors.gone, 0)

    def test_a_stop_in_which_nobody_could_answer(self):
        """the whole machine stands still, visitors too: then they have their time to answer, and nobody is dropped"""
        bascule = self.pinging("ping: 500ms, pong: 2s")
        visitors = Crowd(bascule, 600)
        self.addCleanup(visitors.close)
        visitors.wait_for_pings()  # which nobody answers before the machine stops
        self.stopped_for(4, bascule.pid)
        visitors.answer_for(2)
        self.assertEqual(bascule.logged("session", ending="client_silent"), [])
        self.assertEqual(visitors.gone, 0)

    def test_clients_that_left_before_they_were_taken(self):
        """100 visitors who reset their connection before it was accepted, and 100 who ended it: nobody else notices"""
        bascule = self.serve_well("listen: 127.0.0.1:0\n" + ECHO)
        host, port = bascule.address.split(":")
        os.kill(bascule.pid, signal.SIGSTOP)
        try:
            for number in range(200):
                visitor = socket.create_connection((host, int(port)), PATIENCE_SECONDS)
                if number % 2:
                    visitor.sendall(b"GET /echo HT")
                    reset(visitor)
                else:
                    visitor.close()
        finally:
            os.kill(bascule.pid, signal.SIGCONT)
        self.assert_serves(bascule)

    def test_both_cores_are_taken_by_others(self):
        """programs that take all the processor: slower, and nobody is taken for dead"""
        bascule = self.pinging("ping: 200ms, pong: 5s")
        for number in range(2 * os.cpu_count()):
            self.start("/bin/sh", "-c", "while :; do :; done", log=f"spin-{number}.log")
        visitors = Crowd(bascule, 50)
        self.addCleanup(visitors.close)
        visitors.answer_for(3)
        self.assertGreater(visitors.answered, 50)
        self.assertEqual(visitors.gone, 0)


class Crowd:
    """Many visitors of /echo who answer pings when they are let."""

    def __init__(self, bascule, count):
        host, port = bascule.address.split(":")
        head = "".join(f"{name}: {value}\r\n" for name, value in upgrade(bascule.address))
        self.poll = select.poll()
        self.visitors = {}
        self.answered = 0
        self.gone = 0
        for _ in range(count):
            visitor = socket.create_connection((host, int(port)), PATIENCE_SECONDS)
            visitor.sendall(f"GET /echo HTTP/1.1\r\n{head}\r\n".encode())
            self.visitors[visitor.fileno()] = visitor
        for visitor in self.visitors.values():
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += visitor.recv(1)
            assert answer.startswith(b"HTTP/1.1 101"), answer
            self.poll.register(visitor, select.POLLIN)

    def wait_for_pings(self):
        def all_were_asked():
            return len(self.poll.poll(0)) == len(self.visitors)

        eventually(all_were_asked, "all are asked")

    def answer_for(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for number, _ in self.poll.poll(left * 1000):
                visitor = self.visitors[number]
                heard = visitor.recv(6)  # a ping of four bytes, or the beginning of a Close
                if len(heard) < 6 or heard[0] & 0x0F != PING:
                    self.gone += 1
                    self.poll.unregister(number)
                    continue
                visitor.send(frame(PONG, heard[2:]))
                self.answered += 1

    def close(self):
        for visitor in self.visitors.values():
            visitor.close()


class Clock(Faulty):
    LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

    def test_a_clock_that_jumps(self):
        """the clock goes 30 days ahead, then 2 hours back: no session notices; records and tickets have the new time"""
        self.assertTrue(pathlib.Path(self.LIBRARY).exists(), "libfaketime is not there: install faketime")
        key = self.folder / "ticket.key"
        key.write_text(os.urandom(32).hex())
        key.chmod(0o600)
        now = self.folder / "now"
        now.write_text("+0d")
        clock = {
            "LD_PRELOAD": self.LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": now,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        service = self.played()
        bascule = self.serve_well(
            f"""\
            listen: 127.0.0.1:0
            auth:
              invite: {{ticket: {{secret: {{file: {key}}}}}}}
            routes:
              - {{name: echo, path: /echo, auth: none, to: 'echo:'}}
              - name: ws
                path: /ws
                auth: none
                to: 127.0.0.1:{service.port}
                timeouts: {{ping: 300ms, pong: 60s, idle: 10m, lifetime: 1h, stall: 60s}}
              - {{name: invited, path: /invited, auth: invite, to: 'echo:'}}
            """,
            env=clock,
        )

        def ticket():
            return self.bascule("ticket", bascule.rules_file, "invite", "--route", "invited", "--user", "ada").strip()

        def admitted(shown):
            with self.visit(bascule, f"/invited?ticket={shown}") as visit:
                return visit.status

        self.assertEqual(admitted(ticket()), 101)
        unused = ticket()
        visit, connection = self.session(bascule, service)
        for jump in ("+30d", "-2h"):
            now.write_text(jump)
            with self.visit(bascule, "/nowhere") as nobody:
                told = bascule.wait_for("refused", reference=nobody.reference)["time"]
            days = datetime.datetime.fromisoformat(told) - datetime.datetime.now(datetime.timezone.utc)
            expected = {"+30d": datetime.timedelta(days=30), "-2h": datetime.timedelta(hours=-2)}[jump]
            self.assertLess(abs(days - expected), datetime.timedelta(minutes=10))
            connection.sendall(b"still here")
            while (heard := visit.frame()).opcode == PING:
                visit.send(frame(PONG, heard.payload))
            self.assertEqual(heard.payload, b"still here")
            self.assertEqual(admitted(unused), 401)
            self.assert_serves(bascule)
        self.assertEqual(bascule.logged("session", route="ws"), [])
        visit.leave()

    def test_stamps_are_utc(self):
        """wherever the machine says it is: records have UTC"""
        bascule = self.serve_well("listen: 127.0.0.1:0\n" + ECHO, env={"TZ": "Pacific/Kiritimati"})
        told = bascule.wait_for("session")["time"]
        self.assertTrue(told.endswith("Z"), told)
        away = abs(datetime.datetime.fromisoformat(told) - datetime.datetime.now(datetime.timezone.utc))
        self.assertLess(away, datetime.timedelta(minutes=10))


class Log(Faulty):
    """stderr is not what it should be: lines are lost, and nothing else."""

    def serving(self, shell, pass_fds=(), words=()):
        """bascule with its stderr as a line of shell has it, where "$@" is its command."""
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        rules = self.folder / "rules.yaml"
        rules.write_text(f"listen: {self.address}\n{ECHO}")
        command = [bascule_binary(), "serve", rules]
        process = self.start(*words, "/bin/sh", "-c", shell, "sh", *command, pass_fds=pass_fds, log="bascule.log")
        process.wait_until(lambda: answers(self.port), "listens")
        return process

    def visits(self, count):
        for _ in range(count):
            with Visit(self.address, "/echo", upgrade(self.address)) as visit:
                self.assertEqual(visit.status, 101)
                self.assertTrue(visit.echoes())
                visit.leave()

    def lives(self, process):
        self.assertIsNone(process.child.poll())
        self.visits(1)
        self.assertEqual(process.stop(), 0)

    def test_a_device_that_is_always_full(self):
        """stderr is /dev/full: all visitors are served, exit code 0"""
        process = self.serving('exec "$@" 2>/dev/full')
        self.visits(300)
        self.lives(process)

    def test_a_disk_that_runs_full_and_has_room_again(self):
        """the log's disk runs full: all are served; with room again lines come again, one says how many were lost"""
        disk = self.folder / "disk"
        disk.mkdir()
        process = self.serving(
            f'mount -t tmpfs -o size=64k none {disk} && exec "$@" 2>>{disk}/log', words=("unshare", "-m", "--")
        )
        log = pathlib.Path(f"/proc/{process.child.pid}/root{disk}/log")
        self.visits(400)
        eventually(lambda: log.stat().st_size >= 60_000, "the disk is full")
        os.truncate(log, 0)
        self.visits(1)
        eventually(lambda: "lines_dropped" in log.read_text(), "the log tells of what was lost")
        broken = [line for line in log.read_text().splitlines() if line and not (line[0] == "{" and line[-1] == "}")]
        self.assertEqual(broken, [])
        self.lives(process)

    def test_a_reader_that_does_not_read(self):
        """whoever should read the log stops reading: all are served, and when he reads again the lines are there"""
        reading, writing = os.pipe()
        process = self.serving(f'exec "$@" 2>/dev/fd/{writing}', pass_fds=(writing,))
        os.close(writing)
        self.visits(500)
        with open(reading, "rb") as lines:
            sessions = 0
            while sessions < 500:
                sessions += b'"event":"session"' in lines.readline()
            self.lives(process)

    def test_nobody_reads_at_the_end(self):
        """nobody reads the log, and the process is told to stop: it ends all the same, with 0"""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        process = self.serving(f'exec "$@" 2>/dev/fd/{writing}', pass_fds=(writing,))
        os.close(writing)
        self.visits(500)
        self.lives(process)

    def test_a_reader_that_is_gone(self):
        """whoever read the log is gone: no SIGPIPE, all are served"""
        reading, writing = os.pipe()
        process = self.serving(f'exec "$@" 2>/dev/fd/{writing}', pass_fds=(writing,))
        os.close(writing)
        os.close(reading)
        self.visits(100)
        self.lives(process)

    def test_no_stderr_at_all(self):
        """started with stdin, stdout and stderr closed: no connection takes the place of the log, all are served"""
        process = self.serving('exec "$@" <&- >&- 2>&-')
        with Visit(self.address, "/echo", upgrade(self.address)) as visit:
            self.assertTrue(visit.echoes())
            self.visits(20)
            self.assertTrue(visit.echoes())  # and no line of the log came to it instead
        for number in range(3):
            self.assertEqual(os.readlink(f"/proc/{process.child.pid}/fd/{number}"), "/dev/null")
        self.lives(process)


class Crowded(Faulty):
    def test_few_descriptors(self):
        """64 descriptors: as many sessions as they are enough for, then 503; those live, and there is room again"""
        bascule = self.serve_well("listen: 127.0.0.1:0\n" + ECHO, limits={resource.RLIMIT_NOFILE: 64})
        visits = []
        while True:
            visit = self.visit(bascule, "/echo")
            if visit.status != 101:
                break
            visits.append(visit)
        self.assertEqual((len(visits), visit.status), ((64 - 16) // 2, 503))
        self.assertIn("retry-after", visit.fields)
        bascule.wait_for("refused", refusal="process_full", reference=visit.reference)
        visit.socket.close()
        for visit in visits:
            self.assertTrue(visit.echoes())
            visit.leave()

    def test_thousands_at_once(self):
        """5,000 visitors in one moment, more than the kernel's queue has places for: all of them get their session"""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreater(most[1], 11_500, "this case needs more descriptors: ulimit -Hn")
        resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, most)
        bascule = self.serve_well("listen: 127.0.0.1:0\n" + ECHO)
        host, port = bascule.address.split(":")
        head = "".join(f"{name}: {value}\r\n" for name, value in upgrade(bascule.address))
        request = f"GET /echo HTTP/1.1\r\n{head}\r\n".encode()
        poll = select.epoll()
        self.addCleanup(poll.close)
        visitors = {}
        for _ in range(5000):
            visitor = socket.socket()
            self.addCleanup(visitor.close)
            visitor.setblocking(False)
            visitor.connect_ex((host, int(port)))
            visitors[visitor.fileno()] = visitor
            poll.register(visitor, select.EPOLLOUT)
        admitted = 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while admitted < 5000 and time.monotonic() < deadline:
            for number, events in poll.poll(1):
                if events & select.EPOLLIN:
                    self.assertTrue(visitors[number].recv(4096).startswith(b"HTTP/1.1 101"))
                    admitted += 1
                    poll.unregister(number)
                elif events & select.EPOLLOUT:
                    visitors[number].send(request)
                    poll.modify(number, select.EPOLLIN)
        self.assertEqual(admitted, 5000)
        for visitor in visitors.values():
            visitor.close()
        bascule.wait_for_count(5000, "session", ending="client_vanished")
