"""Frames that lie, trickle, flood, or are none."""

import contextlib
import socket
import struct
import threading
import time

from abuse import SEED, Abuse, frames_in, reset, rest_of, sent_all
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame, message
from harness import eventually, sanitized
from services import EchoService, Service

ECHO = '- {name: desk, path: /desk, auth: none, to: "echo:"}'
IDLE = '- {name: desk, path: /desk, auth: none, to: "echo:", timeouts: {idle: 1s, lifetime: 8s, close: 300ms}}'
STALLING = '- {{name: desk, path: /desk, auth: none, to: "127.0.0.1:{}", timeouts: {{stall: 1s, close: 200ms}}}}'
KEY = b"\x37\xfa\x21\x3d"


def header(length, opcode=BINARY):
    """The header of a frame in the form of 64 bits, whatever it claims."""
    return bytes([0x80 | opcode, 0xFF]) + struct.pack("!Q", length) + KEY


class Flood:
    """Sends the same again and again while its block runs; `taken`: how many of them. What comes back is dropped,
    unless `reads` says otherwise."""

    def __init__(self, visit, unit, reads=True):
        self.socket, self.unit, self.reads = visit.socket, unit, reads
        self.bytes_taken = 0
        self._over = False

    @property
    def taken(self):
        return self.bytes_taken // len(self.unit)

    def __enter__(self):
        self.socket.settimeout(0.1)
        self._threads = [threading.Thread(target=self._send)]
        if self.reads:
            self._threads.append(threading.Thread(target=self._drop))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over = True
        for thread in self._threads:
            thread.join()

    def _send(self):
        blob = self.unit * (1 + 60_000 // len(self.unit))
        at = 0
        while not self._over:
            try:
                sent = self.socket.send(blob[at:])
            except TimeoutError:
                continue
            except OSError:
                return
            self.bytes_taken += sent
            at = (at + sent) % len(blob)

    def _drop(self):
        while not self._over:
            try:
                if not self.socket.recv(1 << 16):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


class Blasting(Service):
    """Sends for as long as it is taken, and reads nothing."""

    def talk(self, connection):
        while True:
            connection.sendall(bytes(1 << 16))


class Lengths(Abuse):
    def test_claims(self):
        """A frame that claims up to 2^63 - 1 bytes and never comes is a session that is idle, and holds no memory"""
        with self.besieged(IDLE) as house:
            claims = [0x7FFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFF0, 1 << 62, (1 << 32) - 1, 1 << 31, 0xFFFFFFFF0]
            visits = [house.visit() for _ in claims]
            before_kib = house.bascule.resident_kib()
            for visit, claim in zip(visits, claims):
                visit.send(header(claim) + b"so much")
            house.others_are_served()
            self.assertLess(house.bascule.resident_kib(), before_kib + (65536 if sanitized() else 1024))
            for visit in visits:
                heard = frames_in(rest_of(visit.socket))
                self.assertEqual((heard[-1].opcode, heard[-1].code), (CLOSE, 1001))

    def test_claims_beyond_63_bits(self):
        """A length with its first bit set, up to 2^64 - 1, is a 1002 as soon as it is told"""
        with self.besieged(ECHO) as house:
            for claim in (1 << 63, 0xFFFFFFFFFFFFFFFC, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFF1, (1 << 63) + 14):
                visit = house.visit()
                visit.send(header(claim))
                heard = visit.frame()
                self.assertEqual((heard.opcode, heard.code), (CLOSE, 1002), hex(claim))
                visit.socket.close()

    def test_a_header_in_trickles(self):
        """A frame that comes byte by byte harms nobody; where the route has `idle`, it ends for want of payload"""
        with self.besieged(IDLE) as house:
            visit = house.visit()
            for byte in header(100_000):
                if not sent_all(visit.socket, bytes([byte])):
                    break
                time.sleep(0.1)
            heard = frames_in(rest_of(visit.socket))
            self.assertEqual(heard[-1].code, 1001)


class Floods(Abuse):
    """The default limits are those under test: 10,000 frames and 100 control frames a second and session."""

    def flooded(self, unit, before=b"", sessions=1, target="echo:", most_share=0.25, reads=True):
        """Each of so many sessions sends `unit` as fast as it is taken, for two seconds."""
        routes = f'- {{name: desk, path: /desk, auth: none, to: "{target}"}}'
        with self.besieged(routes) as house, contextlib.ExitStack() as floods:
            visits = [house.visit() for _ in range(sessions)]
            before_kib = house.bascule.resident_kib()
            running = []
            for visit in visits:
                visit.send(before)
                running.append(floods.enter_context(Flood(visit, unit, reads)))
            eventually(lambda: all(flood.bytes_taken for flood in running), "floods that flow")
            used = house.bascule.cpu_seconds()
            began = time.monotonic()
            while time.monotonic() - began < 2:
                house.others_are_served()
                self.assertLess(house.bascule.resident_kib(), before_kib + (65536 if sanitized() else 2048))
            share = (house.bascule.cpu_seconds() - used) / (time.monotonic() - began)
            if not sanitized():
                self.assertLess(share, most_share, "of a CPU")
            floods.close()
            for visit in visits:
                reset(visit.socket)
            house.bascule.wait_for_count(sessions, "session", route="desk")

    def test_empty_messages(self):
        """Ten sessions that send empty messages without end cost less than a quarter of a CPU, and no memory"""
        self.flooded(frame(BINARY, b""), sessions=10)

    def test_empty_fragments(self):
        """Ten sessions that send empty fragments without end cost less than a quarter of a CPU, and no memory"""
        self.flooded(frame(CONTINUATION, b"", fin=False), frame(BINARY, b"x", fin=False), sessions=10)

    def test_tiny_fragments(self):
        """Ten sessions that send fragments of one byte without end cost less than half a CPU, and no memory"""
        service = EchoService()
        self.addCleanup(service.close)
        self.flooded(
            frame(CONTINUATION, b"x", fin=False),
            frame(BINARY, b"x", fin=False),
            sessions=10,
            target=f"127.0.0.1:{service.port}",
            most_share=0.5,
        )

    def test_tiny_fragments_in_their_longest_form(self):
        """A fragment of one byte whose length takes eight is a 1002: no form of overhead but the mask"""
        with self.besieged(ECHO) as house:
            for form in (16, 64):
                visit = house.visit()
                visit.send(frame(BINARY, b"x", fin=False, form=form))
                self.assertEqual(visit.frame().code, 1002)
                visit.socket.close()

    def test_pings(self):
        """Pings as fast as they are taken, from one who reads nothing: one pong waits at most, and nothing grows"""
        self.flooded(frame(PING, b"p" * 125), sessions=10, reads=False)

    def test_pings_without_a_limit(self):
        """Where pings are not limited, who reads no pong is not read from either, and is left at `stall`"""
        routes = """
            - name: desk
              path: /desk
              auth: none
              to: "echo:"
              limits: {control_frames: none}
              timeouts: {stall: 1s, close: 300ms}
        """
        with self.besieged(routes) as house:
            visit = house.visit()
            before_kib = house.bascule.resident_kib()
            with Flood(visit, frame(PING, b"p" * 125), reads=False):
                record = house.bascule.wait_for("session", route="desk")
                self.assertEqual(record["ending"], "client_stalled")
                self.assertLess(house.bascule.resident_kib(), before_kib + (65536 if sanitized() else 2048))

    def test_pongs(self):
        """Pongs that nobody asked for are counted like pings, and ignored"""
        self.flooded(frame(PONG, b"p" * 125), sessions=10)

    def test_behind_a_close(self):
        """What a client sends behind its Close is read for `close` at most, and nothing of it is kept"""
        with self.besieged(ECHO, above="defaults: {timeouts: {close: 500ms}}") as house:
            visits = [house.visit() for _ in range(5)]
            for visit in visits:
                visit.send(close(1000))
            before_kib = house.bascule.resident_kib()
            with contextlib.ExitStack() as floods:
                for visit in visits:
                    floods.enter_context(Flood(visit, frame(BINARY, bytes(60_000))))
                records = house.bascule.wait_for_count(5, "session", route="desk")
                house.others_are_served()
                self.assertLess(house.bascule.resident_kib(), before_kib + (65536 if sanitized() else 2048))
            self.assertEqual({record["ending"] for record in records}, {"client_closed"})

    def test_closes(self):
        """A thousand Closes in one go are answered by one"""
        with self.besieged(ECHO) as house:
            visit = house.visit()
            visit.send(b"".join(close(1000 + i % 2) for i in range(1000)))
            with contextlib.suppress(OSError):
                visit.socket.shutdown(socket.SHUT_WR)
            heard = frames_in(rest_of(visit.socket))
            self.assertEqual([(f.opcode, f.code) for f in heard], [(CLOSE, 1000)])

    def idle_though_it_pings(self, pause_seconds):
        """A client that sends pings and pongs and nothing else is told 1001 long before its `lifetime` is over."""
        with self.besieged(IDLE) as house:
            visit = house.visit()
            over = threading.Event()

            def ping():
                while not over.wait(pause_seconds) and sent_all(visit.socket, frame(PING, b"") + frame(PONG, b"")):
                    pass

            pinging = threading.Thread(target=ping)
            pinging.start()
            try:
                heard = frames_in(rest_of(visit.socket))
            finally:
                over.set()
                pinging.join()
            self.assertEqual((heard[-1].opcode, heard[-1].code), (CLOSE, 1001))
            self.assertEqual(house.bascule.wait_for("session", route="desk")["ending"], "idle")

    def test_pings_do_not_hide_idleness(self):
        """Pings and pongs keep a client from being taken for dead, and not from being idle"""
        self.idle_though_it_pings(0.1)

    def test_a_flood_of_pings_does_not_hide_idleness(self):
        """More pings than the route takes do not keep a client from being idle either"""
        self.idle_though_it_pings(0)


class OneSided(Abuse):
    def test_a_client_that_never_reads(self):
        """20 clients that read nothing while their service sends without end: flat memory, and their end at `stall`"""
        service = Blasting()
        self.addCleanup(service.close)
        routes = STALLING.format(service.port)
        with self.besieged(routes, slack_kib=8192) as house:
            visits = [house.visit() for _ in range(20)]
            house.others_are_served()
            records = house.bascule.wait_for_count(20, "session", route="desk")
            self.assertEqual({record["ending"] for record in records}, {"client_stalled"})
            for visit in visits:
                visit.socket.close()

    def test_a_service_that_never_reads(self):
        """20 clients that send without end to a service that reads nothing: the mirror of it, with a Close 1008"""
        with socket.create_server(("127.0.0.1", 0), backlog=100) as service:
            port = service.getsockname()[1]
            with self.besieged(STALLING.format(port), slack_kib=8192) as house, contextlib.ExitStack() as floods:
                visits = [house.visit() for _ in range(20)]
                for visit in visits:
                    floods.enter_context(Flood(visit, frame(BINARY, bytes(60_000))))
                house.others_are_served()
                records = house.bascule.wait_for_count(20, "session", route="desk")
                self.assertEqual({record["ending"] for record in records}, {"service_stalled"})


class Noise(Abuse):
    """What a decoder says of noise is the fuzzer's (test/fuzz); here it goes through a whole process."""

    ALLOWED = {1000, 1002, 1003, 1005, 1007}

    def storm(self, house, path, inputs):
        """Each input in a session of its own; every frame that comes back is whole, and every Close one of those that
        may be sent."""
        for number, data in inputs:
            with house.bare_visit(path) as visit:
                sent_all(visit.socket, data)
                with contextlib.suppress(OSError):
                    visit.socket.shutdown(socket.SHUT_WR)
                for heard in frames_in(rest_of(visit.socket)):
                    self.assertIn(heard.opcode, (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), number)
                    self.assertFalse(heard.masked or heard.rsv, number)
                    if heard.opcode == CLOSE:
                        self.assertIn(heard.code, self.ALLOWED, f"seed {SEED}, input {number}")
                        self.assertRegex(heard.payload[2:], rb"^[ -~]*$")

    def routes(self):
        service = EchoService()
        self.addCleanup(service.close)
        return ECHO + f'\n- {{name: tcp, path: /tcp, auth: none, to: "127.0.0.1:{service.port}"}}'

    def test_random_bytes(self):
        """1,000 sessions of random bytes end with 1002, 1003 or 1007, or with the connection"""
        with self.besieged(self.routes(), slack_kib=4096) as house:
            noise = [self.random.randbytes(self.random.randrange(1, 3000)) for _ in range(500)]
            # Half of them begin like frames that are right, or nobody would come far.
            noise += [bytes([0x80 | self.random.choice([1, 2, 9, 10, 0, 8]), 0x80 | self.random.randrange(126)]) + rest
                      for rest in noise]  # fmt: skip
            self.storm(house, "/desk", enumerate(noise[::2]))
            self.storm(house, "/tcp", enumerate(noise[1::2]))
            house.others_are_served()

    def mutated(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice([1, 1, 1, 2, 5, 20])):
            at = self.random.randrange(len(data))
            kind = self.random.randrange(6)
            if kind == 0:
                data[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                data[at] = self.random.choice([0, 0x7F, 0x80, 0xFF])
            elif kind == 2:
                del data[at : at + self.random.randrange(1, 9)]
            elif kind == 3:
                data[at:at] = self.random.randbytes(self.random.randrange(1, 9))
            elif kind == 4:
                data[at:at] = data[at : at + self.random.randrange(1, 60)]
            else:
                del data[at + 1 :]
            data = data or bytearray(b"\x82")
        return bytes(data)

    def test_mutated_sessions(self):
        """1,000 mutations of a right session do the same"""
        right = b"".join(
            [
                frame(TEXT, "grüße".encode()),
                message(BINARY, b"in ", b"three ", b"fragments"),
                frame(PING, b"still there?"),
                frame(BINARY, bytes(range(256))),
                message(TEXT, "ü".encode()[:1], "ü".encode()[1:]),
                frame(PONG, b""),
                frame(BINARY, bytes(70_000))[:200] + bytes(69_814),
                close(1000, b"bye"),
            ]
        )
        with self.besieged(self.routes(), slack_kib=4096) as house:
            self.storm(house, "/desk", ((i, self.mutated(right)) for i in range(500)))
            self.storm(house, "/tcp", ((i, self.mutated(right)) for i in range(500)))
            house.others_are_served()

    def test_what_is_not_taken(self):
        """Reserved bits without an extension are a 1002, and text where the route takes binary only a 1003"""
        routes = ECHO + '\n- {name: vnc, path: /vnc, auth: none, protocol: vnc, to: "127.0.0.1:%d"}'
        service = EchoService()
        self.addCleanup(service.close)
        with self.besieged(routes % service.port) as house:
            for rsv in range(1, 8):
                for opcode in (TEXT, BINARY, PING, CLOSE):
                    visit = house.visit()
                    visit.send(frame(opcode, b"", rsv=rsv))
                    self.assertEqual(visit.frame().code, 1002, (rsv, opcode))
                    visit.socket.close()
            visit = house.visit("/vnc")
            visit.send(frame(TEXT, b"hello"))
            self.assertEqual(visit.frame().code, 1003)

    def test_reasons_are_ours(self):
        """What a service has said stands in no Close: its reasons are sentences of ours"""

        class Breaks(Service):
            def talk(self, connection):
                connection.sendall(b"PASSWORD\xff\x00")
                connection.recv(1)
                reset(connection)

        service = Breaks()
        self.addCleanup(service.close)
        routes = f'- {{name: desk, path: /desk, auth: none, to: "127.0.0.1:{service.port}"}}'
        with self.besieged(routes) as house:
            visit = house.visit()
            self.assertEqual(visit.said(), (BINARY, b"PASSWORD\xff\x00"))
            visit.send(frame(BINARY, b"x"))
            heard = visit.frame()
            self.assertEqual(heard.code, 1011)
            self.assertRegex(heard.payload[2:], rb"^[a-z ]*$")
        self.assertNotIn("PASSWORD", "".join(house.bascule.said))
