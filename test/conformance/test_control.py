"""Pings and pongs, and signs of life: RFC 6455, sections 5.5.2 and 5.5.3."""

import os
import socket
import threading

from cases import MIB, some_bytes
from conformance import Conformance
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, close, frame

FRAME_BYTES_MAX = 256 * 1024  # `frames.max`, where a route says nothing


class Pings(Conformance):
    def both_ends(self):
        """A session with the echo, one through the bridge."""
        yield self.session()
        yield self.bridge()[0]

    def test_every_length(self):
        """a ping of each length from 0 to 125 is answered with its payload, text or not; a longer one is an error"""
        for session in self.both_ends():
            with session:
                payloads = [os.urandom(size) for size in range(126)]
                session.send(b"".join(frame(PING, payload) for payload in payloads))
                self.assertEqual([session.whole() for _ in payloads], [(PONG, payload) for payload in payloads])
        for size in (126, 127, 65535, 65536):
            for opcode in (PING, PONG):
                self.breaks(frame(PING, b"first") + frame(opcode, bytes(size)), 1002, [(PONG, b"first")])

    def test_octet_by_octet(self):
        """a ping that comes octet by octet, each read by itself, is answered once, when it is whole"""
        for session in self.both_ends():
            with session:
                wire = frame(PING, b"octet by octet")
                session.send_and_wait(*(wire[at : at + 1] for at in range(len(wire))))
                self.assertEqual(session.whole(), (PONG, b"octet by octet"))
                self.assertEqual(session.farewell().all, [(CLOSE, 1000)])

    def test_pongs(self):
        """pongs that nobody asked for, of each length, are not answered, and no error"""
        for session in self.both_ends():
            with session:
                session.send(b"".join(frame(PONG, bytes(size)) for size in range(126)) + frame(PING, b"last"))
                self.assertEqual(session.whole(), (PONG, b"last"))
                self.assertEqual(session.farewell().all, [(CLOSE, 1000)])

    def test_many(self):
        """of a client that reads, each of a thousand pings is answered, in their order, also amid its messages"""
        payloads = [b"%d" % count for count in range(1000)]
        with self.session() as session:
            session.send(b"".join(frame(PING, one) + frame(BINARY, one) for one in payloads))
            wanted = [item for one in payloads for item in ((PONG, one), (BINARY, one))]
            self.assertEqual([session.whole() for _ in wanted], wanted)

    def test_of_one_who_does_not_read(self):
        """of a client who does not read, the newest ping is answered, and of the others some, in their order"""
        session, served = self.bridge()
        with session, served:
            sending = threading.Thread(target=served.send, args=(some_bytes(64 * MIB),))
            sending.start()
            session.send(b"".join(frame(PING, b"%120d" % count) for count in range(500)))
            session.send(b"".join(frame(PING, b"%120d" % count) for count in range(500, 1000)))
            pongs, heard = [], 0
            while heard < 64 * MIB or pongs[-1:] != [999]:
                one = session.frame()
                heard += len(one.payload) if one.opcode == BINARY else 0
                pongs += [int(one.payload)] if one.opcode == PONG else []
            sending.join()
            self.assertEqual(pongs, sorted(set(pongs)))

    def test_amid_a_large_answer(self):
        """a ping amid a flood from the service is answered at the next border of a frame, and none has over 256 KiB"""
        flood = 96 * MIB
        session, served = self.bridge()
        with session, served:
            sending = threading.Thread(target=served.send, args=(bytes(flood),))
            sending.start()
            heard, ponged_at = 0, None
            while heard < flood:
                one = session.frame()
                if one.opcode == PONG:
                    ponged_at = heard
                    continue
                self.assertLessEqual(len(one.payload), FRAME_BYTES_MAX)
                if not heard:
                    session.send(frame(PING, b"now"))
                heard += len(one.payload)
            sending.join()
            self.assertIsNotNone(ponged_at, "what the kernels hold by themselves is less than the flood")


class SignsOfLife(Conformance):
    timeouts = "ping: 30ms, pong: 2s"

    def test_anything_is_one(self):
        """the answer to a ping, to an older one, to none at all, and any byte of any frame keep a session alive"""
        message = frame(BINARY, b"in two halves")
        with self.session() as session:
            payloads = []
            answers = (
                lambda: frame(PONG, payloads[-1]),
                lambda: frame(PONG, payloads[0]),
                lambda: frame(PONG, b"what nobody asked"),
                lambda: frame(PONG),
                lambda: message[:1],
                lambda: message[1:7],
                lambda: message[7:],
                lambda: frame(PING, b"and you?"),
            )
            # Longer than `pong` in all: any of these that did not count would have been the end.
            while len(payloads) < 80:
                one = session.frame()
                if one.opcode == PING:
                    payloads.append(one.payload)
                    session.send(answers[len(payloads) % len(answers)]())
                else:
                    self.assertIn(one.opcode, (PONG, BINARY, CONTINUATION))
            self.assertEqual(len(set(payloads)), len(payloads), "nobody can foresee what the next one says")


class Silence(Conformance):
    timeouts = "ping: 100ms, pong: 200ms, close: 200ms"

    def test_silence(self):
        """who does not answer a ping either is told so by Close 1001, and the session is over"""
        session, served = self.bridge()
        with session, served, self.session() as echo:
            for end in (session, echo):
                heard = end.to_the_end().all
                self.assertEqual([opcode for opcode, _ in heard], [PING, CLOSE])
                self.assertEqual(heard[-1], (CLOSE, 1001))
            self.assertEqual(served.to_the_end(), (b"", False))
            served.socket.close()
            self.assertEqual(len(self.server.wait_for_count(2, "session", ending="client_silent")), 2)


class PausedByUs(Conformance):
    timeouts = "ping: 200ms, pong: 200ms, stall: 700ms, close: 300ms"

    def test_no_clock_against_one_we_do_not_read(self):
        """a client whom we do not read, for his service takes nothing, ends by `stall` and not by his silence"""
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        wire = frame(BINARY, bytes(96 * MIB)) + frame(PING, b"behind")  # more than all kernels on its way hold
        session, served = self.bridge()
        with session, served:
            session.send(wire)
            self.assertEqual(self.server.wait_for("session")["ending"], "service_stalled")
            session.socket.close()


class Paused(Conformance):
    def test_pongs_stop_with_the_service(self):
        """a ping behind what a service does not take is answered once it does: a client can tell that it waits"""
        size = 32 * MIB
        session, served = self.bridge()
        with session, served:
            session.send(frame(BINARY, bytes(size)) + frame(PING, b"behind") + close(1000))
            self.assertEqual(served.to_the_end(), (bytes(size), False))
            self.over(session, [(PONG, b"behind"), (CLOSE, 1000)])
