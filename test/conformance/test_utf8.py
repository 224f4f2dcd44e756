"""Text is UTF-8, and is failed at the first byte that cannot be: RFC 6455, section 8.1; RFC 3629."""

import itertools

from cases import OCTETS, UTF8_SECTIONS, is_utf8
from conformance import Conformance
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame, message, splits

TEXTS = [text for texts in UTF8_SECTIONS.values() for text in texts]


# Whatever begins a character is finished by some of these: they are the ends of all ranges in RFC 3629, section 4.
ENDS = (0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF)
FINISHING = [bytes(more) for size in range(4) for more in itertools.product(ENDS, repeat=size)]


def good_start(data):
    """How many bytes at its front may begin a text: there is a way to go on from them. (Python's incremental decoder
    takes one byte too many of a surrogate.)"""
    for size in range(1, len(data) + 1):
        if not any(is_utf8(data[:size] + more) for more in FINISHING):
            return size - 1
    return len(data)


class Texts(Conformance):
    def test_all_characters(self):
        """every character there is, in one message, in one frame and octet by octet"""
        everything = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000)))).encode()
        session, served = self.bridge("/both")
        with session, served, self.session() as echo:
            for end in (session, echo):
                end.send(frame(TEXT, everything))
            self.assertEqual(echo.whole(), (TEXT, everything))
            self.assertEqual(served.take(len(everything)), everything)
            borders = (*range(0x7E, 0x82), *range(0x7FE, 0x802), 0xD7FF, *range(0xFFFD, 0x10002))
            some = "".join(map(chr, borders)).encode()
            for first, second in splits(some):
                for end in (session, echo):
                    end.send(message(TEXT, first, second))
                self.assertEqual(echo.whole(), (TEXT, some))
                self.assertEqual(served.take(len(some)), some)
            echo.send(message(TEXT, *(bytes([octet]) for octet in some)), OCTETS)
            self.assertEqual(echo.whole(), (TEXT, some))

    def test_on_the_bridge(self):
        """what is UTF-8 reaches the service as its bytes; what is not ends the session with 1007 and a reset"""
        good, wanted = self.bridge("/both")
        with good, wanted:
            for text in TEXTS:
                if is_utf8(text):
                    good.send(frame(TEXT, text))
                    self.assertEqual(wanted.take(len(text)), text)
                    continue
                session, served = self.bridge("/both")
                with session, served:
                    session.send(frame(TEXT, text))
                    self.over(session, [(CLOSE, 1007)])
                    self.assertTrue(served.to_the_end()[1], "unclean in, unclean out")
            good.send(close(1000))
            self.assertEqual(wanted.to_the_end(), (b"", False))

    def test_at_the_first_wrong_byte(self):
        """a fragment that ends in front of a wrong byte is fine, one that ends behind it is failed at once"""
        for text in TEXTS:
            good = good_start(text)
            for path in ("/echo", "/both"):
                with self.session(path) as session:
                    session.send(frame(TEXT, b"<", fin=False))
                    session.send(frame(CONTINUATION, text[:good], fin=False) + frame(PING))
                    while (item := session.frame()).opcode != PONG:  # the echo of what has come
                        self.assertFalse(item.fin)
                        self.assertEqual(path, "/echo")
                    if good < len(text):
                        session.send(frame(CONTINUATION, text[good : good + 1], fin=False))
                        self.over(session, [(CLOSE, 1007)])

    def test_second_bytes(self):
        """each first byte above ASCII with each kind of second byte, failed or not when the second has come"""
        seconds = (0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF)
        for first in range(0x80, 0x100):
            for second in seconds:
                pair = bytes([first, second])
                fine = good_start(pair) == 2
                with self.session("/both") as session:
                    session.send(frame(TEXT, pair, fin=False) + frame(PING) + close(1000))
                    wanted = [(PONG, b""), (CLOSE, 1000)] if fine else [(CLOSE, 1007)]
                    self.over(session, wanted)
                self.accept().socket.close()

    def test_unfinished_character(self):
        """a message that ends within a character is failed; the next message cannot finish it, nor can a ping help"""
        for char in "ü€𝄞":
            whole = char.encode()
            for size in range(1, len(whole)):
                for wire in (
                    frame(TEXT, whole[:size]),
                    message(TEXT, whole[:size], b""),
                    frame(TEXT, whole[:size], fin=False) + frame(PING, whole[size:]) + frame(CONTINUATION, b""),
                    frame(TEXT, whole[:size]) + frame(TEXT, whole[size:]),
                ):
                    with self.session("/both") as session:
                        session.send(wire)
                        self.assertEqual(session.to_the_end().code, 1007)
                    self.accept().socket.close()

    def test_binary(self):
        """what is no text passes as binary, whatever its bytes are"""
        session, served = self.bridge("/both")
        with session, served, self.session() as echo:
            for text in TEXTS:
                echo.send(frame(BINARY, text))
                self.assertEqual(echo.whole(), (BINARY, text))
                session.send(frame(BINARY, text))
                self.assertEqual(served.take(len(text)), text)


class Kinds(Conformance):
    def test_text_where_binary_is_wanted(self):
        """text on a route for binary: Close 1003 at its first frame, empty or not, and no byte of it for the service"""
        for text in (
            frame(TEXT, b"text"),
            frame(TEXT),
            frame(TEXT, b"te", fin=False),
            frame(TEXT, b"", fin=False),
            frame(TEXT, b"\xff"),
            frame(TEXT, b"text" * 100000),
        ):
            for before in (b"", frame(BINARY, b"before"), message(BINARY, b"be", b"fore")):
                session, served = self.bridge()
                with session, served:
                    session.send(before + text + frame(BINARY, b"behind"))
                    self.over(session, [(CLOSE, 1003)])
                    self.assertEqual(served.to_the_end(), (b"before" if before else b"", True))

    def test_binary_to_the_client(self):
        """the service's bytes are binary messages, though they are text and though the client has sent text"""
        session, served = self.bridge("/both")
        with session, served:
            session.send(frame(TEXT, b"text"))
            self.assertEqual(served.take(4), b"text")
            served.send("Grüße".encode())
            self.assertEqual(session.whole(), (BINARY, "Grüße".encode()))

    def test_text_to_the_client(self):
        """where the route answers in kind, text is cut between characters only, however the service writes it"""
        text = "aü€𝄞".encode() * 40
        session, served = self.bridge("/match")
        with session, served:
            served.send(b"at first")
            self.assertEqual(session.whole(), (BINARY, b"at first"))
            session.send(frame(TEXT, b"text"))
            self.assertEqual(served.take(4), b"text")
            for at in range(len(text)):
                served.send(text[at : at + 1])
            heard = b""
            while len(heard) < len(text):
                kind, more = session.whole()  # which has decoded it
                self.assertEqual(kind, TEXT)
                heard += more
            self.assertEqual(heard, text)
            served.send(b"\xff\xfe")
            self.assertEqual(session.whole(), (BINARY, b"\xff\xfe"))
