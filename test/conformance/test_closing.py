"""How sessions end: RFC 6455, sections 5.5.1 and 7."""

import signal
import socket

from cases import MIB, OCTETS, some_bytes
from conformance import Conformance, may_be_sent
from frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, close, frame, splits
from harness import PATIENCE_SECONDS, eventually


class Codes(Conformance):
    def test_every_code(self):
        """every code from 0 to 5100 and some above: one that may be sent is answered with the same one, else 1002"""
        borders = [1 << bits for bits in range(13, 16)] + [(1 << bits) - 1 for bits in range(13, 17)]
        for code in (*range(5101), *borders):
            with self.session() as session:
                session.send(close(code))
                self.over(session, [(CLOSE, code if may_be_sent(code) else 1002)])

    def test_on_the_bridge(self):
        """a good Close is a proper end to the service, a bad one is a reset"""
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
            session, served = self.bridge()
            with session, served:
                session.send(frame(BINARY, b"before") + close(code, b"a reason"))
                self.over(session, [(CLOSE, code)])
                self.assertEqual(served.to_the_end(), (b"before", False), code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
            self.breaks(frame(TEXT, b"first") + close(code), 1002, [(TEXT, b"first")], b"first")


class Bodies(Conformance):
    def test_without(self):
        """a Close without a body is answered without one"""
        for session in (self.session(), self.bridge()[0]):
            with session:
                session.send(close())
                self.assertEqual([one.payload for one in session.frames_to_the_end()], [b""])

    def test_half_a_code(self):
        """half a code is an error"""
        for octet in (0, 3, 255):
            self.breaks(frame(CLOSE, bytes([octet])), 1002)

    def test_reasons(self):
        """a reason of every length up to 123 bytes is taken; a Close of more than 125 bytes in all is an error"""
        for size in range(124):
            with self.session() as session:
                session.send(close(3000, b"*" * size))
                self.over(session, [(CLOSE, 3000)])
        for size in (124, 125, 200, 65534):
            self.breaks(close(1000, b"*" * size), 1002)

    def test_reasons_that_are_no_text(self):
        """a reason that is not UTF-8 is 1007, also one that ends within a character"""
        wrong = (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\x80", b"ok \xe2\x82", b"\xf4\x90\x80\x80", b"\xf0\x9f\x98")
        for reason in wrong:
            self.breaks(close(1000, reason), 1007)
        for reason in ("ü€𝄞", "\0", "\U0010ffff", "é" * 61 + "x"):
            with self.session() as session:
                session.send(close(1000, reason.encode()))
                self.over(session, [(CLOSE, 1000)])

    def test_cut_anywhere(self):
        """a Close that comes in two parts, or octet by octet, is one Close"""
        wire = close(4321, b"in parts")
        for first, second in splits(wire):
            with self.session() as session:
                session.send_and_wait(first)
                session.send(second)
                self.over(session, [(CLOSE, 4321)])
        with self.session() as session:
            session.send(wire, OCTETS)
            self.over(session, [(CLOSE, 4321)])


class BehindAClose(Conformance):
    def test_nothing_counts(self):
        """behind a Close: pings, messages, a second one, what is no frame at all; no answer, nothing for the service"""
        for behind in (
            frame(PING, b"behind"),
            frame(TEXT, b"behind"),
            frame(BINARY, b"behind" * 50000),
            close(1001),
            close(1005),
            frame(3),
            b"\0" * 1000,
            bytes(self.request()),
        ):
            for sizes in (None, (1000,)):
                with self.session() as session:
                    session.send(frame(TEXT, b"first") + close(1000) + behind, sizes)
                    self.over(session, [(TEXT, b"first"), (CLOSE, 1000)])
                session, served = self.bridge()
                with session, served:
                    session.send(frame(BINARY, b"first") + close(1000) + behind, sizes)
                    self.over(session, [(CLOSE, 1000)])
                    self.assertEqual(served.to_the_end(), (b"first", False))

    def test_in_later_segments(self):
        """and so in segments of their own"""
        with self.session() as session:
            session.send_and_wait(close(1000), frame(PING, b"behind"), frame(TEXT, b"behind"), close(1000))
            self.over(session, [(CLOSE, 1000)])

    def test_within_a_message(self):
        """a Close within a message that has not ended is a clean end: what had come of it is delivered"""
        session, served = self.bridge()
        with session, served:
            session.send(frame(BINARY, b"frag", fin=False) + close(1000) + frame(CONTINUATION, b"ment"))
            self.over(session, [(CLOSE, 1000)])
            self.assertEqual(served.to_the_end(), (b"frag", False))
        self.assertEqual(self.server.wait_for("session")["ending"], "client_closed")

    def test_much_before_it(self):
        """8 MiB, then a Close at once: all of it comes back before the Close is answered"""
        payload = some_bytes(8 * MIB)
        with self.session() as session:
            session.send(frame(BINARY, payload) + close(1000))
            self.over(session, [(BINARY, payload), (CLOSE, 1000)])


class WhoEndsTheConnection(Conformance):
    def test_the_server_first(self):
        """the server ends its direction behind its Close; a client that goes on and on is read until it ends its own"""
        for wire, code in ((close(1000), 1000), (frame(3), 1002)):
            with self.session() as session:
                session.send(wire)
                self.over(session, [(CLOSE, code)])
                for _ in range(8):  # more than fits anywhere, so it is taken
                    session.socket.sendall(bytes(MIB))
                session.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(session.rest(), b"")
                self.assertFalse(session.was_reset)

    def test_end_without_close(self):
        """a connection that ends without a Close is no clean end: the log says so, and the service has a reset"""
        for leave in (lambda session: session.socket.shutdown(socket.SHUT_WR), lambda session: session.reset()):
            session, served = self.bridge()
            with session, served:
                session.send(frame(BINARY, b"what had come"))
                self.assertEqual(served.take(13), b"what had come")
                leave(session)
                self.assertEqual(served.to_the_end(), (b"", True))
        with self.session() as session:
            session.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(session.frames_to_the_end(), [])
        for record in self.server.wait_for_count(3, "session"):
            self.assertEqual((record["ending"], record["ended_by"]), ("client_vanished", "client"))
            self.assertNotIn("close_received", record)

    def test_end_within_a_frame(self):
        """an end within a header, a payload, a message or a control frame is no clean end either"""
        good = frame(BINARY, b"first")
        in_a_header, in_a_payload = frame(BINARY, bytes(200))[:3], frame(BINARY, b"second")[:9]
        for begun in (in_a_header, in_a_payload, frame(TEXT, b"x", fin=False), close(1000)[:7]):
            session, served = self.bridge("/both")
            with session, served:
                session.send(good + begun)
                session.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(session.frames_to_the_end(), [])
                data, was_reset = served.to_the_end()
                self.assertTrue(data.startswith(b"first") and was_reset)

    def test_both_at_once(self):
        """both sides say Close before they have heard the other's: one Close each, one record, a clean end"""
        for count in range(1, 21):
            session, served = self.bridge()
            with session, served:
                served.send(b"bye")
                served.socket.shutdown(socket.SHUT_WR)
                session.send(close(1000))
                heard = session.to_the_end()
                said = [(BINARY, b"bye")] if len(heard.all) > 1 else []  # which of the two was read first
                self.assertEqual(heard.all, [*said, (CLOSE, 1000)])
                self.assertFalse(heard.was_reset)
                self.assertEqual(served.to_the_end(), (b"", False))
            records = self.server.wait_for_count(count, "session")
            self.assertEqual(len(records), len({record["id"] for record in records}))
            self.assertIn(records[-1]["ending"], ("client_closed", "service_closed"))

    def test_drain(self):
        """a bascule that stops tells its clients by Close 1001, and ends well when they have answered"""
        session, served = self.bridge()
        with session, served, self.session() as echo:
            self.server.child.send_signal(signal.SIGTERM)
            for end in (session, echo):
                self.assertEqual(end.whole(), (CLOSE, 1001))
                end.send(close(1001))
                self.assertEqual(end.to_the_end().all, [])
            self.assertEqual(served.to_the_end(), (b"", False))
            served.socket.close()
            for end in (session, echo):
                end.socket.close()
            self.server.stopped = True
            self.assertEqual(self.server.child.wait(PATIENCE_SECONDS), 0)


class NoReply(Conformance):
    timeouts = "close: 200ms, half_close: 200ms"

    def test_no_reply(self):
        """a client that never answers our Close is left after `close`, and nothing is kept for it"""
        self.session().leave()
        self.server.wait_for("session")
        before = self.server.descriptors()
        silent = []
        for _ in range(20):
            session, served = self.bridge()
            served.end()
            silent.append(session)
        for session in silent:
            self.assertEqual(session.whole(), (CLOSE, 1000))
            self.assertEqual(session.to_the_end().all, [])
        records = self.server.wait_for_count(20, "session", route="bridge")
        self.assertEqual({record["ending"] for record in records}, {"service_closed"})
        eventually(lambda: self.server.descriptors() <= before, "the descriptors are back")
