"""What a bridge owes to both of its sides: every byte, in order, and an end that is told as what it was."""

import os
import re
import struct
import threading

from cases import MIB, some_bytes
from conformance import Conformance
from frames import BINARY, CLOSE, TEXT, close, frame


class Ends(Conformance):
    def test_service_ends(self):
        """all bytes before the service's end come before Close 1000"""
        for size in (0, 1, 3 * MIB):
            payload = some_bytes(size)
            session, served = self.bridge()
            with session, served:
                sending = threading.Thread(target=lambda: (served.send(payload), served.end()))
                sending.start()
                heard = b""
                while (item := session.whole())[0] == BINARY:
                    heard += item[1]
                sending.join()
                self.assertEqual(item, (CLOSE, 1000))
                self.assertEqual(heard, payload)
                session.send(frame(BINARY, b"a last word") + close(1000))
                self.assertEqual(served.to_the_end(), (b"a last word", False))
                self.over(session, [])

    def test_client_closes(self):
        """all bytes before a client's Close reach the service before its FIN, also a service that reads late"""
        for size in (0, 1, 3 * MIB):
            payload = some_bytes(size)
            session, served = self.bridge()
            with session, served:
                session.send(frame(BINARY, payload) + close(1000))
                self.over(session, [(CLOSE, 1000)])
                self.assertEqual(served.to_the_end(), (payload, False))

    def test_closed_while_the_service_speaks(self):
        """a client that closes amid what the service says has its Close at once, and the service its proper end"""
        session, served = self.bridge()
        with session, served:
            sending = threading.Thread(target=self.send_until_it_fails, args=(served,))
            sending.start()
            self.assertEqual(session.whole()[0], BINARY)
            session.send(close(1000))
            heard = session.to_the_end()
            self.assertEqual(heard.code, 1000)
            self.assertFalse(heard.was_reset)
            self.assertEqual(served.to_the_end()[0], b"")
            served.socket.close()
            sending.join()
        self.assertEqual(self.server.wait_for("session")["ending"], "client_closed")

    def send_until_it_fails(self, served):
        try:
            for _ in range(64):
                served.send(bytes(MIB))
        except OSError:
            pass

    def test_service_resets(self):
        """a reset of the service is Close 1011 with its reason, behind what it had said; never 1000"""
        for said in (b"", b"so far"):
            session, served = self.bridge()
            with session, served:
                served.send(said)
                if said:
                    self.assertEqual(session.whole(), (BINARY, said))
                served.reset()
                one = session.frame()
                self.assertEqual((one.opcode, one.code), (CLOSE, 1011))
                self.assertEqual(one.reason, "the service reset the connection")


class Order(Conformance):
    def test_a_million_messages(self):
        """a million messages, each with its number: the service gets every one, once, in order"""
        count = 1_000_000
        numbers = struct.pack(f"!{count}Q", *range(count))
        key = b"\x5a\x01\xff\x80"
        twice = int.from_bytes(key * 2, "big")
        head = b"\x82\x88" + key
        wire = b"".join(head + struct.pack("!Q", number ^ twice) for number in range(count))
        session, served = self.bridge()
        with session, served:
            session.send(wire + close(1000))
            data, was_reset = served.to_the_end()
            self.assertTrue(data == numbers and not was_reset)
            self.over(session, [(CLOSE, 1000)])
        record = self.server.wait_for("session")
        self.assertEqual((record["from_client_messages"], record["from_client_bytes"]), (count, count * 8))

    def test_echo_of_many(self):
        """a hundred thousand messages of both kinds come back as they were, each once, in order"""
        messages = [((TEXT, BINARY)[count % 3 == 0], b"%d" % count) for count in range(100_000)]
        wire = b"".join(frame(kind, payload) for kind, payload in messages)
        with self.session() as session:
            session.send(wire + close(1000))
            self.over(session, [*messages, (CLOSE, 1000)])


class NothingHeldBack(Conformance):
    def written_rules(self):
        return super().written_rules() + "process: {workers: 1}\n"

    def serve(self, rules, env=None, **how):
        self.trace = self.folder / "trace"
        options = f"{os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"  # which cannot be looked for under strace
        under = ("strace", "--follow-forks", "--output", self.trace, "--trace", "setsockopt,accept4,connect")
        return super().serve(rules, {"ASAN_OPTIONS": options}, under=under, **how)

    def test_no_delay(self):
        """TCP_NODELAY is set on both sides of a session, so that no byte waits for others"""
        session, served = self.bridge()
        with session, served:
            for count in range(50):
                session.send(frame(BINARY, b"%02d" % count))
                self.assertEqual(served.take(2), b"%02d" % count)
                served.send(b"%02d" % count)
                self.assertEqual(session.whole(), (BINARY, b"%02d" % count))
            session.leave()
        self.server.stop()
        trace = self.trace.read_text()
        without_delay = set(re.findall(r"setsockopt\((\d+), \w+, TCP_NODELAY, \[1\]", trace))
        listening = set(re.findall(r"accept4\((\d+), \{sa_family", trace))  # what it accepts has the same options
        dialling = set(re.findall(r"connect\((\d+), \{sa_family=AF_INET", trace))
        self.assertEqual((len(listening), len(dialling)), (1, 1))
        self.assertLessEqual(listening | dialling, without_delay)
