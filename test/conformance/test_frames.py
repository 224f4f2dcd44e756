"""Frames: their lengths, their masks, their reserved bits and opcodes, and where they are cut. RFC 6455, 5.1 to 5.3."""

import itertools
import os

from cases import OCTETS, some_bytes, some_text
from conformance import Conformance
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame, length_field, message, splits

KEY = b"\x37\xfa\x21\x3d"
FIRST = [(TEXT, b"first")]


class Lengths(Conformance):
    def test_borders(self):
        """messages at and around each border of the forms of length come back, and get through the bridge"""
        sizes = (0, 1, 2, 125, 126, 127, 128, 65534, 65535, 65536, 65537)
        session, served = self.bridge("/both")
        with session, served, self.session() as echo:
            for kind, make in ((TEXT, some_text), (BINARY, some_bytes)):
                for size in sizes:
                    payload = make(size)
                    echo.send(frame(kind, payload))
                    self.assertEqual(echo.whole(), (kind, payload), size)
                    session.send(frame(kind, payload))
                    self.assertEqual(served.take(size), payload, size)
                    served.send(payload)
                    heard = b""
                    while len(heard) < size:
                        kind_heard, more = session.whole()
                        self.assertEqual(kind_heard, BINARY)
                        heard += more
                    self.assertEqual(heard, payload, size)
            self.assertEqual(echo.farewell().all, [(CLOSE, 1000)])

    def test_every_small_length(self):
        """every length from 0 to 300 comes back whole, in frames whose own length takes the shortest form"""
        with self.session() as session:
            session.send(b"".join(frame(BINARY, some_bytes(size)) for size in range(301)))
            self.assertEqual([session.whole() for _ in range(301)], [(BINARY, some_bytes(size)) for size in range(301)])

    def test_not_the_shortest_form(self):
        """a length that would fit into a shorter form is an error, of data and of control frames, whole or begun"""
        for size in (0, 1, 125):
            for form in (16, 64):
                payload = b"\x03\xe8" + bytes(size - 2) if size > 1 else bytes(size)
                for opcode in (BINARY, TEXT, PING, PONG, CLOSE):
                    self.breaks(frame(opcode, payload, form=form), 1002)
        for size in (126, 127, 65535):
            self.breaks(frame(BINARY, bytes(size), form=64), 1002)
            self.breaks(frame(BINARY, form=64, claim=size), 1002)
        self.breaks(frame(TEXT, b"first") + frame(BINARY, b"x", form=16), 1002, FIRST, b"first")

    def test_top_bit(self):
        """a length of 64 bits whose top bit is set is an error, before any of its payload has come"""
        for claim in (1 << 63, (1 << 63) + 1, (1 << 64) - 1):
            self.breaks(frame(BINARY, form=64, claim=claim), 1002)
            self.breaks(frame(BINARY, b"payload", form=64, claim=claim), 1002)

    def test_large_claims(self):
        """frames that claim up to 2^63-1 bytes pass what they bring, and cost no memory for what they promise"""
        self.session().leave()
        before_kib = self.server.resident_kib()
        claims = [1 << bits for bits in (16, 31, 32, 33, 40, 62)] + [(1 << bits) - 1 for bits in (31, 32, 63)]
        open_ones = []
        for claim in claims * 5:
            session, served = self.bridge()
            session.send(frame(BINARY, b"the beginning", claim=claim))
            self.assertEqual(served.take(13), b"the beginning", claim)
            echo = self.session()
            echo.send(frame(TEXT, b"the beginning", claim=claim))
            self.assertEqual(echo.part(13), b"the beginning", claim)
            open_ones += [(session, served, echo)]
        self.assertLess(self.server.resident_kib() - before_kib, 8 * 1024)
        for session, served, echo in open_ones:  # what follows is payload of theirs, whatever it looks like
            session.send(close(1000))
            self.assertEqual(len(served.take(8)), 8)
            for end in (session, served, echo):
                end.socket.close()


class Masks(Conformance):
    def test_keys(self):
        """each frame has a key of its own; a key of zeros is one as well"""
        keys = [bytes(4), b"\xff" * 4, b"\0\0\0\1", b"\1\0\0\0", *(os.urandom(4) for _ in range(60))]
        payloads = [os.urandom(size) for size in range(len(keys))]
        wire = b"".join(frame(BINARY, payload, mask=key) for payload, key in zip(payloads, keys))
        with self.session() as session:
            session.send(wire)
            self.assertEqual([session.whole() for _ in payloads], [(BINARY, payload) for payload in payloads])
        session, served = self.bridge()
        with session, served:
            session.send(wire + close(1000))
            self.assertEqual(served.to_the_end(), (b"".join(payloads), False))

    def test_every_split(self):
        """a payload that is read in two parts, wherever it is cut, is unmasked as if it were read at once"""
        payload = bytes(range(67))
        session, served = self.bridge()
        with session, served, self.session() as echo:
            for at, (first, second) in enumerate(splits(frame(BINARY, payload, mask=KEY))):
                for end in (session, echo):
                    end.send_and_wait(first, second)
                self.assertEqual(served.take(len(payload)), payload, f"cut at {at + 1}")
                self.assertEqual(echo.whole(), (BINARY, payload), f"cut at {at + 1}")

    def test_every_phase(self):
        """parts of 1, 2, 3, 5 and 7 bytes, so that each begins at another byte of the key"""
        payload = some_bytes(64)
        session, served = self.bridge()
        with session, served:
            for size in (1, 2, 3, 5, 7):
                wire = frame(BINARY, payload, mask=KEY)
                session.send_and_wait(*(wire[at : at + size] for at in range(0, len(wire), size)))
                self.assertEqual(served.take(64), payload, f"in parts of {size}")

    def test_unmasked(self):
        """a frame without a mask is an error, of any kind and length, and nothing of it or behind it is heard"""
        first = frame(TEXT, b"first")
        for opcode, payload in itertools.product((TEXT, BINARY, PING, PONG), (b"", b"x", b"bare" * 30)):
            self.breaks(first + frame(opcode, payload, mask=None) + frame(PING, b"x"), 1002, FIRST, b"first")
        self.breaks(close(1000, mask=None), 1002)
        self.breaks(frame(BINARY, bytes(70000), mask=None), 1002)
        begun = frame(TEXT, b"frag", fin=False)
        with self.session() as session:
            session.send(begun + frame(CONTINUATION, b"ment", mask=None))
            self.over(session, [(CLOSE, 1002)], unfinished=b"frag")


class Bits(Conformance):
    def test_reserved_bits(self):
        """each of the seven ways to set reserved bits, on each kind of frame, empty or not: an error"""
        begun = frame(TEXT, b"first", fin=False)
        for rsv, payload in itertools.product(range(1, 8), (b"", b"x" * 100)):
            for opcode in (TEXT, BINARY, PING, PONG, CLOSE):
                bad = frame(opcode, payload, rsv=rsv)
                self.breaks(frame(TEXT, b"first") + bad + frame(PING, b"behind"), 1002, FIRST, b"first")
            for fin in (True, False):
                with self.session() as session:
                    session.send(begun + frame(CONTINUATION, payload, rsv=rsv, fin=fin))
                    self.over(session, [(CLOSE, 1002)], unfinished=b"first")

    def test_opcodes(self):
        """each of the ten opcodes that nobody has defined, empty or not, last or not, alone or mid-stream: an error"""
        for opcode, payload, fin in itertools.product((3, 4, 5, 6, 7, 11, 12, 13, 14, 15), (b"", b"x" * 100), (1, 0)):
            bad = frame(opcode, payload, fin=fin)
            self.breaks(bad, 1002)
            behind = frame(PING, b"behind") + frame(BINARY, b"behind") + close(1000)
            self.breaks(frame(TEXT, b"first") + bad + behind, 1002, FIRST, b"first")
            with self.session() as session:
                session.send(frame(TEXT, b"first", fin=False) + bad + behind)
                self.over(session, [(CLOSE, 1002)], unfinished=b"first")

    def test_all_first_bytes(self):
        """of the 256 first bytes of a frame seven begin one where no message is under way; each other is an error"""
        good = 0
        for first in range(0x100):
            wire = bytes([first]) + frame(0, b"")[1:]
            opcode, fin = first & 0x0F, bool(first & 0x80)
            fits = not first & 0x70 and (opcode in (TEXT, BINARY) or (fin and opcode in (CLOSE, PING, PONG)))
            good += fits
            if not fits:
                with self.session() as session:
                    session.send(wire)
                    self.over(session, [(CLOSE, 1002)])
        self.assertEqual(good, 7)

    def test_seen_before_its_payload(self):
        """what is wrong in the first two bytes of a frame is failed when they are there, not when the frame is whole"""
        for bad in (
            frame(TEXT, b"x", rsv=1),
            frame(3, b"x"),
            frame(CONTINUATION, b"x"),
            frame(BINARY, b"x", mask=None),
            frame(PING, b"x", fin=False),
            frame(PING, b"x" * 126),
        ):
            self.breaks(bad[:2], 1002)


class Behind(Conformance):
    """What stands behind a frame that is wrong, or behind a Close, is never acted on; what stands before it, always."""

    def test_nothing_behind(self):
        """neither pings nor messages nor a Close behind a bad frame count, in the same segment or in later ones"""
        many = b"".join(frame(BINARY, b"%d" % count) for count in range(100))
        behind = frame(PING, b"behind") + many + close(1000)
        bad = frame(BINARY, b"bad", rsv=4)
        before = frame(PING, b"before") + many
        heard = [(PONG, b"before"), *((BINARY, b"%d" % count) for count in range(100))]
        upstream = b"".join(b"%d" % count for count in range(100))
        for sizes in (None, (1000,), (7,)):
            with self.session() as session:
                session.send(before + bad + behind, sizes)
                self.over(session, [*heard, (CLOSE, 1002)])
            session, served = self.bridge()
            with session, served:
                session.send(before + bad + behind, sizes)
                self.over(session, [(PONG, b"before"), (CLOSE, 1002)])
                self.assertEqual(served.to_the_end(), (upstream, True))
        with self.session() as session:
            session.send_and_wait(bad, behind, behind)
            self.over(session, [(CLOSE, 1002)])


class Segments(Conformance):
    def test_headers_at_every_byte(self):
        """a header that is cut at any of its bytes, with each form of length, is the same header"""
        session, served = self.bridge()
        with session, served, self.session() as echo:
            for size in (5, 200, 65536):
                payload = some_bytes(size)
                wire = frame(BINARY, payload)
                for at in range(1, len(wire) - size + 1):
                    for end in (session, echo):
                        end.send_and_wait(wire[:at])
                        end.send(wire[at:])
                    self.assertEqual(served.take(size), payload, f"{size} bytes, cut at {at}")
                    self.assertEqual(echo.whole(), (BINARY, payload), f"{size} bytes, cut at {at}")

    def test_everything_at_every_byte(self):
        """a conversation with every kind of frame, cut in two at each byte, is answered alike"""
        wire = b"".join(
            (
                frame(TEXT, "Grüße".encode()),
                frame(PING, b"between"),
                message(BINARY, b"frag", b"", b"ment"),
                frame(PONG, b"x"),
                frame(BINARY, bytes(130)),
                close(4000, b"done"),
            )
        )
        wanted = [
            (TEXT, "Grüße".encode()),
            (PONG, b"between"),
            (BINARY, b"fragment"),
            (BINARY, bytes(130)),
            (CLOSE, 4000),
        ]
        for first, second in splits(wire):
            with self.session() as session:
                session.send_and_wait(first)
                session.send(second)
                self.over(session, wanted)
        with self.session() as session:
            session.send(wire, OCTETS)
            self.over(session, wanted)

    def test_coalesced(self):
        """a thousand tiny frames in one segment, and the first half of another behind them"""
        payloads = [b"%d" % count for count in range(1000)]
        rest = frame(BINARY, b"the last")
        wire = b"".join(frame(BINARY, payload) for payload in payloads)
        with self.session() as session:
            for cut in range(1, len(rest)):
                session.send_and_wait(wire + rest[:cut])
                session.send(rest[cut:])
                heard = [session.whole() for _ in range(1001)]
                self.assertEqual(heard, [(BINARY, payload) for payload in (*payloads, b"the last")])
        session, served = self.bridge()
        with session, served:
            session.send(wire + rest + close(1000))
            self.assertEqual(served.to_the_end(), (b"".join(payloads) + b"the last", False))

    def test_lengths_of_ours(self):
        """what the service sends is framed with lengths in their shortest form, at and around each border"""
        session, served = self.bridge()
        with session, served:
            for size in (1, 124, 125, 126, 127, 65534, 65535, 65536, 65537):
                served.send(some_bytes(size))
                heard = b""
                while len(heard) < size:
                    heard += session.frame().payload  # each is checked for its form
                self.assertEqual(heard, some_bytes(size))
            self.assertEqual([len(length_field(size)) for size in (125, 126, 65535, 65536)], [1, 3, 3, 9])
