"""Services that refuse, break off, say nothing or take nothing: what the visitor hears, and what the record says."""

import random
import socket
import threading
import time

from chaos import Bandwidth, Chaos, Latency, Limit, Reset, Slices, SlowClose
from frames import BINARY, CLOSE, PING, PONG, close, frame
from ground import Answering, Faulty, digest, endless_frame, exactly, fill, how_it_ends, reset
from harness import PATIENCE_SECONDS
from services import EchoService, closed_port

SOON = "timeouts: {close: 200ms}"  # a visitor who does not answer our Close is not waited for


class Absent(Faulty):
    def test_a_refusal_is_told_at_once(self):
        """a closed port: 502 at once, `service_refused`, and the record has the kernel's word"""
        bascule = self.bridge(closed_port(), "timeouts: {connect: 5m}")
        record = self.refusal(bascule, 502)
        self.assertEqual((record["refusal"], record["ended_by"]), ("service_refused", "bascule"))
        self.assertIn("Connection refused", record["detail"])

    def test_one_that_restarts_all_the_time(self):
        """a service that comes and goes every 50 ms: each visitor gets a session or a 502, and nothing piles up"""
        port = closed_port()
        stop = threading.Event()

        def restart():
            while not stop.is_set():
                with socket.create_server(("127.0.0.1", port)) as listener:
                    listener.settimeout(0.05)
                    try:
                        while True:
                            connection, _ = listener.accept()
                            connection.sendall(b"hello")
                            reset(connection) if random.random() < 0.5 else connection.close()
                    except OSError:
                        pass
                stop.wait(0.05)

        bascule = self.bridge(port, SOON)
        restarting = threading.Thread(target=restart)
        restarting.start()
        self.addCleanup(restarting.join)
        self.addCleanup(stop.set)
        statuses = set()
        visits = 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while visits < 200 or (statuses != {101, 502} and time.monotonic() < deadline):
            with self.visit(bascule) as visit:
                statuses.add(visit.status)
                if visit.status == 101:
                    Answering(visit).join()
            visits += 1
        self.assertEqual(statuses, {101, 502})


class Breaking(Faulty):
    def test_a_reset_before_a_byte(self):
        """accepts, then resets before a byte: Close 1011, `service_error` with the kernel's word"""
        service = self.played()
        bascule = self.bridge(service.port, SOON)
        visit, connection = self.session(bascule, service)
        reset(connection)
        self.assertEqual(visit.frame().code, 1011)
        record = bascule.wait_for("session", ending="service_error")
        self.assertEqual((record["ended_by"], record["close_sent"], record["to_client_bytes"]), ("service", 1011, 0))
        self.assertEqual(record["error"], "Connection reset by peer")

    def test_a_reset_in_mid_stream(self):
        """a reset after n bytes: exactly these reach the visitor, then Close 1011"""
        service = self.played()
        chaos = self.between(Chaos(service.port))
        bascule = self.bridge(chaos.port, SOON)
        for after in (1, 1000, 100_000):
            with self.subTest(after=after):
                chaos.to_client = []
                visit, connection = self.session(bascule, service)
                chaos.to_client = [Reset(after)]
                data = random.randbytes(after + 5000)
                connection.sendall(data)
                *messages, last = visit.frames_to_the_end()
                self.assertEqual(b"".join(m.payload for m in messages), data[:after])
                self.assertEqual((last.opcode, last.code), (CLOSE, 1011))
                bascule.wait_for("session", ending="service_error", to_client_bytes=after, close_sent=1011)

    def test_a_reset_while_megabytes_wait_for_it(self):
        """a reset while our queue to the service is full: Close 1011 once, no SIGPIPE, no busy loop"""
        service = self.played()
        bascule = self.bridge(service.port, SOON)
        visit, connection = self.session(bascule, service)
        visit.send(endless_frame())
        self.assertGreater(fill(visit.socket), 1 << 20)
        cpu = bascule.cpu_seconds()
        reset(connection)
        closing = [f for f in visit.frames_to_the_end() if f.opcode == CLOSE]
        self.assertLessEqual(len(closing), 1)  # his bytes, which nobody reads any more, may reset him before it
        record = bascule.wait_for("session", ending="service_error", close_sent=1011)
        self.assertEqual(record["error"], "Connection reset by peer")
        self.assertLess(bascule.cpu_seconds() - cpu, 1.0)

    def test_both_end_at_once(self):
        """both sides end at the same moment, 100 times: each gets a clean end, and there is one record of each"""
        service = self.played()
        bascule = self.bridge(service.port)
        for number in range(100):
            visit, connection = self.session(bascule, service)
            first, second = (lambda: visit.send(close(1000))), (lambda: connection.shutdown(socket.SHUT_WR))
            for end in random.sample((first, second), 2):
                end()
            frames = visit.frames_to_the_end()
            self.assertEqual([(f.opcode, f.code) for f in frames], [(CLOSE, 1000)], f"session {number}")
            self.assertEqual(how_it_ends(connection), (b"", "end"))
            connection.close()
            visit.socket.close()
        bascule.wait_for_count(101, "session")
        endings = {record["ending"] for record in bascule.logged("session")}
        self.assertLessEqual(endings, {"client_closed", "service_closed"})

    def test_the_client_goes_while_megabytes_come(self):
        """the visitor closes while the service still sends 10 MiB: he is answered, the service gets its end"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {close: 2s}")
        visit, connection = self.session(bascule, service)

        def send():
            try:
                connection.sendall(bytes(10 << 20))
            except OSError:
                pass  # nobody is there any more

        sending = threading.Thread(target=send)
        sending.start()
        self.assertEqual(visit.frame().opcode, BINARY)
        visit.send(frame(BINARY, b"last words") + close(1000))
        frames = visit.frames_to_the_end()
        self.assertEqual((frames[-1].opcode, frames[-1].code), (CLOSE, 1000))
        self.assertEqual(exactly(connection, 10), b"last words")
        bascule.wait_for("session", ending="client_closed", close_received=1000, close_sent=1000)
        sending.join()

    def test_ends_its_direction_and_never_closes(self):
        """a service that ends its direction, and a visitor who never answers: over after `half_close`"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {half_close: 300ms, close: 200ms}")
        visit, connection = self.session(bascule, service)
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(visit.frame().code, 1000)
        visit.send(frame(BINARY, b"still sending"))
        self.assertEqual(exactly(connection, 13), b"still sending")
        how_it_ends(connection)
        record = bascule.wait_for("session", ending="service_closed")
        self.assertEqual(record["from_client_bytes"], 13)
        self.assertGreaterEqual(record["duration_ms"], 300)


class Sluggish(Faulty):
    def test_one_that_takes_nothing(self):
        """a service that accepts and never reads: what it sends still comes, then `service_stalled` and Close 1008"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {stall: 1s, close: 500ms}")
        resident = bascule.resident_kib()
        visit, connection = self.session(bascule, service)
        visit.send(endless_frame())
        fill(visit.socket)
        connection.sendall(b"I can speak")
        self.assertEqual(visit.frame().payload, b"I can speak")
        visit.frames_to_the_end()
        bascule.wait_for("session", ending="service_stalled", close_sent=1008)
        self.assertLess(bascule.resident_kib() - resident, 8 << 10)

    def test_one_whose_window_stays_closed(self):
        """a peer that acknowledges probes of its closed window for ever is not waited for: `client_stalled`"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {stall: 1s, close: 200ms}")
        visit, connection = self.session(bascule, service)
        self.assertGreater(fill(connection), 1 << 16)  # and the visitor reads nothing
        record = bascule.wait_for("session", ending="client_stalled")
        self.assertEqual(record["detail"], "the client takes no data")

    def test_one_that_is_silent(self):
        """a service that says nothing: the session lives while the visitor answers pings, and still carries"""
        service = self.played()
        bascule = self.bridge(service.port, "timeouts: {ping: 100ms, pong: 10s}")
        visit, connection = self.session(bascule, service)
        for _ in range(10):
            heard = visit.frame()
            self.assertEqual(heard.opcode, PING)
            visit.send(frame(PONG, heard.payload))
        connection.sendall(b"at last")
        self.assertEqual(next(f.payload for f in iter(visit.frame, None) if f.opcode == BINARY), b"at last")
        self.assertEqual(bascule.logged("session", route="ws"), [])

    def test_one_that_sends_single_bytes(self):
        """100,000 single bytes: all arrive in order, at a cost that grows with their number and no faster"""
        service = self.played()
        bascule = self.bridge(service.port)
        data = random.randbytes(100_000)
        visit, connection = self.session(bascule, service)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener = Answering(visit)
        spent = []
        for half in (data[:50_000], data[50_000:]):
            before = bascule.cpu_seconds()
            for value in half:
                connection.send(bytes([value]))
            spent.append(bascule.cpu_seconds() - before)
        connection.close()
        listener.join()
        self.assertEqual((listener.data, listener.close_code), (data, 1000))
        self.assertLess(spent[1], 3 * spent[0] + 0.5)

    def test_much_to_a_slow_visitor(self):
        """more than memory should hold, to a visitor of 8 MB/s: memory stays flat, hashes are equal"""
        self.carry(down=True)

    def test_much_to_a_slow_service(self):
        """the same upward, to a service of 8 MB/s"""
        self.carry(down=False)

    def carry(self, down):
        data = random.randbytes(24 << 20)
        service = self.played()
        bascule = self.bridge(service.port)
        slow = self.between(Chaos(int(bascule.address.split(":")[1]), to_client=[Bandwidth(8e6)]))
        slow_service = self.between(Chaos(service.port, to_service=[Bandwidth(8e6)]))
        if not down:
            bascule.write_rules(bascule.rules_file.read_text().replace(str(service.port), str(slow_service.port)))
            self.bascule("reload", bascule.rules_file)
        resident = bascule.resident_kib()
        most = [0]
        visit, connection = self.session(bascule, service, f"127.0.0.1:{slow.port}" if down else None)
        if down:
            sending = threading.Thread(target=lambda: (connection.sendall(data), connection.close()))
            listener = Answering(visit)
        else:
            sending = threading.Thread(target=lambda: visit.send(frame(BINARY, data) + close(1000)))
        sending.start()
        if down:
            while listener.close_code is None:
                most[0] = max(most[0], bascule.resident_kib())
                time.sleep(0.05)
            listener.join()
            received = listener.data
        else:
            received = b""
            while more := connection.recv(1 << 20):
                received += more
                most[0] = max(most[0], bascule.resident_kib())
        sending.join()
        self.assertEqual(digest(received), digest(data))
        self.assertLess(most[0] - resident, 4 << 10, "KiB more than before")


class Weather(Faulty):
    """Each of what a proxy in between can do, on either side of bascule."""

    KINDS = {
        "latency and jitter": [Latency(0.1, jitter=0.05)],
        "single bytes": [Slices(1)],
        "little bandwidth": [Bandwidth(20_000)],
        "slow close": [SlowClose(0.5)],
        "all of it": [Latency(0.05, jitter=0.05), Slices(7), Bandwidth(50_000), SlowClose(0.2)],
    }

    def test_slow_ways_lose_nothing(self):
        """latency, jitter, slices, little bandwidth, slow ends, on either side of us: all bytes, clean ends"""
        echo = EchoService()
        self.addCleanup(echo.close)
        behind = self.between(Chaos(echo.port, seed=7))
        bascule = self.bridge(behind.port)
        before = self.between(Chaos(int(bascule.address.split(":")[1]), seed=8))
        for name, faults in self.KINDS.items():
            for chaos in (before, behind):
                with self.subTest(name, where="before us" if chaos is before else "behind us"):
                    chaos.to_service, chaos.to_client = faults, faults
                    with self.visit(bascule, address=f"127.0.0.1:{before.port}") as visit:
                        sent = random.randbytes(5000)
                        visit.send(frame(BINARY, sent[:100]) + frame(BINARY, sent[100:]))
                        received = b""
                        while len(received) < len(sent):
                            received += visit.frame().payload
                        visit.send(close(1000))
                        self.assertEqual([f.code for f in visit.frames_to_the_end()], [1000])
                    self.assertEqual(received, sent)
                    chaos.to_service, chaos.to_client = [], []
        bascule.wait_for_count(2 * len(self.KINDS), "session", route="ws", ending="client_closed")

    def test_a_limit_behind_us(self):
        """a connection to the service that is closed after n bytes: these, then Close 1000"""
        service = self.played()
        chaos = self.between(Chaos(service.port, to_client=[Limit(4000)]))
        bascule = self.bridge(chaos.port)
        visit, connection = self.session(bascule, service)
        connection.sendall(bytes(9000))
        listener = Answering(visit)
        listener.join()
        self.assertEqual((len(listener.data), listener.close_code), (4000, 1000))
        bascule.wait_for("session", ending="service_closed", to_client_bytes=4000)
