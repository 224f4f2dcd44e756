"""Messages in fragments: RFC 6455, section 5.4."""

import itertools

from cases import MIB, OCTETS, some_bytes
from conformance import Conformance
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame, message
from harness import sanitized

# What a binary with sanitizers keeps of memory that it has given back is not the program's.
ROOM_KIB = 300 * 1024 if sanitized() else 4 * 1024


class Whole(Conformance):
    def test_every_cut(self):
        """a message in two and in three fragments, wherever it is cut, empty fragments too, is the same message"""
        payload = b"a message"
        session, served = self.bridge("/both")
        with session, served, self.session() as echo:
            for first in range(len(payload) + 1):
                for second in range(first, len(payload) + 1):
                    parts = (payload[:first], payload[first:second], payload[second:])
                    for kind in (TEXT, BINARY):
                        echo.send(message(kind, *parts) + message(kind, parts[0], payload[first:]))
                        session.send(message(kind, *parts))
                        self.assertEqual([echo.whole(), echo.whole()], [(kind, payload)] * 2, parts)
                        self.assertEqual(served.take(len(payload)), payload, parts)

    def test_three_ways_to_write(self):
        """in one write, a frame in each, an octet in each"""
        parts = (b"frag", b"", b"men", b"t")
        frames = [frame(BINARY if at == 0 else CONTINUATION, part, fin=at == 3) for at, part in enumerate(parts)]
        with self.session() as session:
            session.send(b"".join(frames))
            self.assertEqual(session.whole(), (BINARY, b"fragment"))
            session.send_and_wait(*frames)
            self.assertEqual(session.whole(), (BINARY, b"fragment"))
            session.send(b"".join(frames), OCTETS)
            self.assertEqual(session.whole(), (BINARY, b"fragment"))

    def test_control_frames_between(self):
        """a ping between fragments is answered before the message goes on, and a Close there ends it cleanly"""
        for size in (0, 10):
            for session in (self.session(), self.bridge()[0]):
                with session:
                    for count in range(5):
                        part = frame(BINARY if count == 0 else CONTINUATION, bytes(size), fin=False)
                        session.send(part + frame(PING, b"%d" % count))
                        self.assertEqual(session.whole(), (PONG, b"%d" % count))
                    session.send(close(1001))
                    heard = session.to_the_end()
                    self.assertEqual(heard.all, [(CLOSE, 1001)])

    def test_borders_on_the_bridge(self):
        """the service sees bytes, no borders; an empty message is nothing to it, and no error"""
        session, served = self.bridge("/both")
        with session, served:
            session.send(frame(BINARY) + frame(TEXT) + message(BINARY, b"", b"", b"") + frame(PING))
            self.assertEqual(session.whole(), (PONG, b""))
            session.send(message(BINARY, *(bytes([octet]) for octet in range(256))))
            session.send(frame(BINARY) + frame(BINARY, b"and one"))
            session.send(close(1000))
            self.assertEqual(served.to_the_end(), (bytes(range(256)) + b"and one", False))
            self.over(session, [(CLOSE, 1000)])


class Wrong(Conformance):
    def test_continuations_of_nothing(self):
        """a continuation where nothing has begun, or what began has ended, last or not, empty or not: an error"""
        for fin, payload in itertools.product((True, False), (b"", b"x", b"x" * 200)):
            bad = frame(CONTINUATION, payload, fin=fin)
            self.breaks(bad + frame(TEXT, b"behind"), 1002)
            self.breaks(bad + bad, 1002, sizes=OCTETS)
            self.breaks(frame(PING) + bad, 1002, [(PONG, b"")])
            for whole in (frame(TEXT, b"whole"), message(TEXT, b"who", b"le")):
                self.breaks(whole + bad + frame(TEXT, b"behind"), 1002, [(TEXT, b"whole")], b"whole")

    def test_new_message_inside(self):
        """a message that begins within another: an error, whatever their kinds and however far the first has come"""
        for outer, inner, fin in itertools.product((TEXT, BINARY), (TEXT, BINARY), (True, False)):
            for begun in ((b"outer",), (b"out", b"er"), (b"out", b"er", b"")):
                frames = [frame(outer if at == 0 else CONTINUATION, part, fin=False) for at, part in enumerate(begun)]
                wire = b"".join(frames) + frame(inner, b"inner", fin=fin) + frame(CONTINUATION, b"x")
                with self.session() as session:
                    session.send(wire)
                    self.over(session, [(CLOSE, 1002)], unfinished=b"outer")
                session, served = self.bridge("/both")
                with session, served:
                    session.send(wire)
                    self.over(session, [(CLOSE, 1002)])
                    self.assertEqual(served.to_the_end(), (b"outer", True))

    def test_control_frames_in_fragments(self):
        """a ping, a pong or a Close without its FIN: an error, alone and within a message"""
        for opcode, payload in itertools.product((PING, PONG, CLOSE), (b"", b"\x03\xe8", b"\x03\xe8x" * 40)):
            bad = frame(opcode, payload, fin=False) + frame(CONTINUATION, b"")
            self.breaks(bad, 1002)
            self.breaks(frame(TEXT, b"first") + bad, 1002, [(TEXT, b"first")], b"first")
            with self.session() as session:
                session.send(frame(TEXT, b"frag", fin=False) + bad)
                self.over(session, [(CLOSE, 1002)], unfinished=b"frag")


class Memory(Conformance):
    def test_many_fragments(self):
        """65536 fragments of 64 bytes cross the bridge unchanged, and the memory stays where it was"""
        payload = some_bytes(4 * MIB)
        wire = message(BINARY, *(payload[at : at + 64] for at in range(0, len(payload), 64)))
        session, served = self.bridge()
        with session, served:
            session.send(wire)
            self.assertEqual(served.take(len(payload)), payload)
            before_kib = self.server.resident_kib()
            session.send(wire)
            self.assertEqual(served.take(len(payload)), payload)
            self.assertLess(self.server.resident_kib() - before_kib, ROOM_KIB)

    def test_endless_message(self):
        """64 MiB of a message that never ends cross the bridge, and come back from the echo, in flat memory"""
        part = some_bytes(MIB)
        session, served = self.bridge()
        with session, served, self.session() as echo:
            session.send(frame(BINARY, part, fin=False))
            self.assertEqual(served.take(MIB), part)
            echo.send(frame(BINARY, part, fin=False))
            self.assertEqual(echo.next_part(MIB), part)
            before_kib = self.server.resident_kib()
            for _ in range(64):
                session.send(frame(CONTINUATION, part, fin=False))
                self.assertEqual(served.take(MIB), part)
                echo.send(frame(CONTINUATION, part, fin=False))
                self.assertEqual(echo.next_part(MIB), part)
            self.assertLess(self.server.resident_kib() - before_kib, ROOM_KIB)
