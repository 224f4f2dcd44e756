"""What the cases of this suite stand on: a bascule that echoes and bridges, handshakes that are wrong in one place, and
a visitor who holds every byte of the server against RFC 6455.

Whatever a case is about, its visitor checks each frame he hears: never masked, no reserved bits, a known opcode, the
length in its shortest form, control frames whole and short, fragments in their order, text that is UTF-8, a Close that
may be sent, and nothing behind it.
"""

import copy
import socket
import struct
import textwrap
import threading

from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, chopped, close, frame, length_field, take_frame
from harness import Case, PATIENCE_SECONDS
from unread import wait_until_read
from visitor import Visit, upgrade

ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # for the key of visitor.upgrade(): RFC 6455, section 1.3
INLINE_BYTES = 1 << 16  # more is sent by a thread, while the case listens


def may_be_sent(code):
    """RFC 6455, sections 7.4.1 and 7.4.2, and the codes that IANA has registered since (1012 to 1014)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


class Heard:
    """Everything that came until the connection was over. `all`: (opcode, payload) of each whole message and of each
    control frame, in the order in which they ended; of a Close the payload is its code."""

    def __init__(self):
        self.all = []
        self.unfinished = None  # payload of a message whose last frame never came
        self.was_reset = False

    @property
    def code(self):
        """The Close's, which ends it all; None where there was none."""
        return self.all[-1][1] if self.all and self.all[-1][0] == CLOSE else None


class Session(Visit):
    """One visitor by WebSocket, who trusts nothing of what he hears."""

    def __init__(self, address, path="/echo", fields=(), protocols=(), **how):
        super().__init__(address, path, upgrade(address, protocols=protocols, more=fields), **how)
        assert self.status == 101, f"{path}: {self.status} {self.fields}"
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._at = 0  # how much of _rest has been taken
        self._within = False  # a message whose last frame has not come
        self._kind = None  # of the message that whole() has begun to hear
        self._parts = []
        self._closed = False
        self._sending = None

    def __exit__(self, *_):
        self.socket.close()
        if self._sending:
            self._sending.join()

    def send(self, data, sizes=None):
        """`sizes`: of the writes, over and over. What may not fit into the kernel's buffers goes out meanwhile."""
        pieces = chopped(data, sizes) if sizes else [data]
        if len(data) <= INLINE_BYTES:
            for piece in pieces:
                self.socket.sendall(piece)
            return
        if self._sending:
            self._sending.join()
        self._sending = threading.Thread(target=self._send_all, args=(pieces,), daemon=True)
        self._sending.start()

    def _send_all(self, pieces):
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except OSError:
            pass  # whoever listens sees how it ended

    def send_and_wait(self, *pieces):
        """Each piece is read by itself."""
        for piece in pieces:
            self.socket.sendall(piece)
            wait_until_read(self.socket, PATIENCE_SECONDS)

    def frame_or_end(self):
        while True:
            heard, size = take_frame(memoryview(self._rest)[self._at :])
            if heard:
                self._at += size
                self._check(heard)
                return heard
            try:
                more = self.socket.recv(1 << 18)
            except ConnectionResetError:
                self.was_reset = True
                more = b""
            if not more:
                rest = self._rest[self._at :]
                assert self.was_reset or not rest, f"the connection ended within a frame: {rest[:40]!r}"
                return None
            self._rest = self._rest[self._at :] + more
            self._at = 0

    def rest(self):
        self._rest, self._at = self._rest[self._at :], 0
        return super().rest()

    def _check(self, heard):
        assert not self._closed, f"{heard} behind a Close (RFC 6455, 5.5.1)"
        assert not heard.masked, f"{heard} of a server is masked (5.1)"
        assert heard.rsv == 0, f"{heard} has reserved bits, and nothing was negotiated (5.2)"
        assert heard.opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), f"{heard}: unknown opcode (5.2)"
        shortest = {1: 7, 3: 16, 9: 64}[len(length_field(len(heard.payload)))]
        assert heard.form == shortest, f"{heard}: its length takes {heard.form} bits (5.2)"
        if heard.opcode >= CLOSE:
            assert heard.fin and len(heard.payload) <= 125, f"{heard}: a control frame (5.5)"
        else:
            within = "continues nothing" if heard.opcode == CONTINUATION else "inside of another message"
            assert self._within == (heard.opcode == CONTINUATION), f"{heard} {within} (5.4)"
            self._within = not heard.fin
        if heard.opcode == CLOSE:
            self._closed = True
            assert len(heard.payload) != 1, "half a code (5.5.1)"
            assert not heard.payload or may_be_sent(heard.code), f"code {heard.code} on the wire (7.4)"
            heard.reason  # decodes it

    def whole(self):
        """(opcode, payload) of the next message as a whole, or of the next control frame; None at the end."""
        while heard := self.frame_or_end():
            if heard.opcode >= CLOSE:
                return heard.opcode, (heard.code if heard.opcode == CLOSE else heard.payload)
            self._kind = heard.opcode or self._kind
            self._parts.append(heard.payload)
            if heard.fin:
                kind, payload = self._kind, b"".join(self._parts)
                self._kind, self._parts = None, []
                if kind == TEXT:
                    payload.decode()  # a server's text is UTF-8 as well (8.1)
                return kind, payload
        return None

    def part(self, count):
        """At least so many bytes of a message that goes on."""
        while sum(map(len, self._parts)) < count:
            heard = self.frame()
            assert heard.opcode < CLOSE and not heard.fin, f"{heard} where a message was to go on"
            self._kind = heard.opcode or self._kind
            self._parts.append(heard.payload)
        return b"".join(self._parts)

    def next_part(self, count):
        """Likewise, of what has not been asked for before."""
        self._parts = []
        return self.part(count)

    def to_the_end(self):
        heard = Heard()
        while item := self.whole():
            heard.all.append(item)
        heard.unfinished = b"".join(self._parts) if self._kind is not None else None
        heard.was_reset = self.was_reset
        return heard

    def farewell(self):
        """Says Close 1000, and hears all to the end."""
        self.send(close(1000))
        return self.to_the_end()


class Served:
    """The service's end of one bridged session."""

    def __init__(self, connection):
        self.socket = connection
        connection.settimeout(PATIENCE_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def take(self, count):
        """So many bytes."""
        taken = bytearray()
        while len(taken) < count:
            more = self.socket.recv(min(1 << 20, count - len(taken)))
            assert more, f"the service's connection ended {count - len(taken)} bytes too early"
            taken += more
        return bytes(taken)

    def to_the_end(self):
        """(all bytes, whether the end was a reset)."""
        taken = []
        try:
            while more := self.socket.recv(1 << 20):
                taken.append(more)
        except ConnectionResetError:
            return b"".join(taken), True
        return b"".join(taken), False

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Request:
    """A handshake that is right, and what becomes of it when something about it is changed."""

    def __init__(self, address, path="/echo"):
        self.line = f"GET {path} HTTP/1.1"
        self.fields = dict(upgrade(address))
        self.more = ""

    def but(self, line=None, more="", **fields):
        """Another first line, other fields (None: without it; `_` stands for `-`), and lines as they are."""
        changed = copy.deepcopy(self)
        changed.line = line or self.line
        changed.more += more
        for name, value in fields.items():
            changed.fields[name.replace("_", "-")] = value
        return changed

    def __bytes__(self):
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.fields.items() if value is not None)
        return f"{self.line}\r\n{lines}{self.more}\r\n".encode("latin-1")


class Answer:
    """One answer of HTTP."""

    def __init__(self, data):
        head, _, self.behind = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.line = first
        self.status = int(first.split(" ")[1])
        self.pairs = [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines)]

    def all(self, name):
        return [value for name_, value in self.pairs if name_ == name]

    def __getitem__(self, name):
        return ", ".join(self.all(name))

    def __contains__(self, name):
        return bool(self.all(name))


class Conformance(Case):
    """A case with one bascule: /echo, and three ways to one service: /bridge takes binary, /both text as well, /match
    answers with the kind that came last."""

    rules = """\
        listen: 127.0.0.1:0
        defaults: {{limits: {{frames: none, control_frames: none}}, timeouts: {{{timeouts}}}}}
        routes:
          - {{name: echo, path: /echo, auth: none, to: "echo:"}}
          - {{name: bridge, path: /bridge, auth: none, to: "127.0.0.1:{service}"}}
          - {{name: both, path: /both, auth: none, to: "127.0.0.1:{service}", frames: {{from_client: [binary, text]}}}}
          - name: match
            path: /match
            auth: none
            to: "127.0.0.1:{service}"
            frames: {{from_client: [binary, text], to_client: match}}
        """
    timeouts = ""
    more_routes = ""

    def setUp(self):
        super().setUp()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.settimeout(PATIENCE_SECONDS)
        self.addCleanup(self.listener.close)
        self.service_port = self.listener.getsockname()[1]
        self.server = self.serve(self.written_rules())
        self.address = self.server.address
        self.port = int(self.address.rsplit(":", 1)[1])

    def written_rules(self):
        more = textwrap.indent(textwrap.dedent(self.more_routes), "  ")
        return (textwrap.dedent(self.rules) + more).format(**self.words())

    def words(self):
        """What stands in braces in the rules. A case that needs files or services of its own makes them here."""
        return {"service": self.service_port, "timeouts": self.timeouts, "folder": self.folder}

    # --- sessions ---

    def session(self, path="/echo", **how):
        """At the echo, unless told."""
        session = Session(self.address, path, **how)
        self.addCleanup(session.socket.close)
        return session

    def bridge(self, path="/bridge", **how):
        """(the visitor's end, the service's end) of a session through the bridge."""
        session = self.session(path, **how)
        served = self.accept()
        return session, served

    def accept(self):
        served = Served(self.listener.accept()[0])
        self.addCleanup(served.socket.close)
        return served

    def nobody_came(self):
        """No connection to the service and no byte: the next that it gets is the one that comes now."""
        session, served = self.bridge()
        with session, served:
            session.send(frame(BINARY, b"the first"))
            self.assertEqual(served.take(9), b"the first")
            session.leave()
            self.assertEqual(served.to_the_end(), (b"", False))

    def breaks(self, wire, code, before=(), upstream=b"", sizes=None):
        """That this is a breach of the protocol, at the echo and at the bridge: what stands before it is heard, then
        Close with the code, and nothing else; the service gets what stands before it, and a reset."""
        with self.session() as session:
            session.send(wire, sizes)
            self.over(session, [*before, (CLOSE, code)])
        session, served = self.bridge("/both")
        with session, served:
            session.send(wire, sizes)
            self.assertEqual(session.to_the_end().all[-1:], [(CLOSE, code)], wire[:40])
            self.assertEqual(served.to_the_end(), (upstream, True), wire[:40])

    def over(self, session, wanted, unfinished=None):
        """That this is all that is heard before the server ends the connection, and that it ends it properly."""
        heard = session.to_the_end()
        self.assertEqual(heard.all, wanted)
        self.assertEqual(heard.unfinished, unfinished)
        self.assertFalse(heard.was_reset, "a reset destroys what is on its way to the client")
        return heard

    # --- requests ---

    def request(self, path="/echo"):
        return Request(self.address, path)

    def ask(self, *pieces):
        """All bytes of the answer until the server ends the connection, which it must do without a reset. Of several
        pieces each is read before the next one is sent."""
        with socket.create_connection(self.address.rsplit(":", 1), PATIENCE_SECONDS) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces[:-1]:
                client.sendall(piece)
                wait_until_read(client, PATIENCE_SECONDS)
            client.sendall(pieces[-1])
            data = b""
            while more := client.recv(1 << 16):
                data += more
            return data

    def refused(self, status, request, *behind):
        """That this request, with whatever follows it, gets one such answer, as every answer that refuses has to be,
        and that then the connection ends. The answer."""
        told = f"{bytes(request)[:300]!r}"
        data = self.ask(bytes(request) + b"".join(behind))
        self.assertTrue(data, f"no answer: {told}")
        answer = Answer(data)
        self.assertEqual(answer.status, status, told)
        head_only = bytes(request).startswith(b"HEAD ")
        self.assertEqual(answer.all("content-length"), [answer["content-length"]], told)
        if head_only:
            self.assertEqual(answer.behind, b"", told)
        else:
            self.assertEqual(len(answer.behind), int(answer["content-length"]), f"{told}: {answer.behind!r}")
        self.assertIn("close", answer["connection"].split(", "), told)
        self.assertEqual(answer["cache-control"], "no-store", told)
        for word in bytes(request).split():  # the names of fields are not the visitor's words
            if len(word) > 8 and not word.endswith(b":") and word.lower() != b"websocket":
                self.assertNotIn(word.lower(), data.lower(), "an answer repeats nothing of the request")
        for name in ("server", "set-cookie", "transfer-encoding", "sec-websocket-accept"):
            self.assertNotIn(name, answer, told)
        return answer

    def admitted(self, request, *pieces):
        """The 101 to this request, whose connection is a session: it echoes. `pieces`: the request cut into these."""
        with socket.create_connection(self.address.rsplit(":", 1), PATIENCE_SECONDS) as client:
            for piece in pieces or [bytes(request)]:
                client.sendall(piece)
                wait_until_read(client, PATIENCE_SECONDS)
            return self.admitted_on(client, bytes(request)[:300])

    def admitted_on(self, client, told=""):
        data = b""
        while b"\r\n\r\n" not in data:
            more = client.recv(1 << 16)
            self.assertTrue(more, f"no answer: {told!r}")
            data += more
        answer = Answer(data)
        self.assertEqual(answer.status, 101, told)
        self.assertEqual(answer["sec-websocket-accept"], ACCEPT, told)
        self.assertEqual(answer.behind, b"", told)
        client.sendall(frame(BINARY, b"there?") + close(1000))
        data = b""
        while more := client.recv(1 << 16):
            data += more
        self.assertEqual(data, b"\x82\x06there?\x88\x02\x03\xe8", told)
        return answer
