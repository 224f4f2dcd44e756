"""A visitor who says exactly what a case wants said, byte by byte, and from the address that it wants."""

import os
import re
import socket
import struct

from frames import BINARY, CLOSE, Frame, close, frame, take_frame
from sockets import reset

PATIENCE_SECONDS = 60


def upgrade(host, origin=None, protocols=(), more=()):
    """The header fields of a WebSocket handshake, as pairs: (name, value)."""
    fields = [
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    if origin is not None:
        fields.append(("Origin", origin))
    if protocols:
        fields.append(("Sec-WebSocket-Protocol", ", ".join(protocols)))
    return [*fields, *more]


class Visit:
    """One request and its answer. `status` is 0 where the connection was closed without one."""

    def __init__(self, address, target, fields, source="127.0.0.1", tls=None, name=None, before=b""):
        """`tls`: a context of the ssl module; `name`: the one that is asked for by TLS, the address unless told;
        `before`: what goes ahead of the request, such as a PROXY header."""
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_SECONDS, source_address=(source, 0))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name or host)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.status = 0
        self.fields = {}
        self.was_reset = False
        self._rest = b""
        try:
            self.socket.sendall(before + f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
            self._read_head()
        except (ConnectionResetError, BrokenPipeError):
            pass  # closed before it was read: no answer either

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _read_head(self):
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(1 << 16)
            if not more:
                assert not data, f"the connection ended within a head: {data!r}"
                return
            data += more
        head, self._rest = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split(" ")[1])
        self.fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}

    @property
    def reference(self):
        return self.fields["bascule-reference"]

    def body(self):
        return self._take(int(self.fields.get("content-length", 0)))

    def send(self, data):
        self.socket.sendall(data)

    def echoes(self):
        """Whether a random message comes back as it was sent."""
        return self.close_code_unless_it_echoes() is None

    def close_code_unless_it_echoes(self):
        """None where a random message comes back as it was sent; the code where a Close comes instead."""
        sent = os.urandom(100)
        self.send(frame(BINARY, sent))
        heard = self.frame()
        if heard.opcode == CLOSE:
            return heard.code
        assert (heard.opcode, heard.payload) == (BINARY, sent), f"sent {sent!r}, and {heard} came back"
        return None

    def said(self):
        """(opcode, payload) of the next frame."""
        heard = self.frame()
        return heard.opcode, heard.payload

    def frame(self) -> Frame:
        """The next frame."""
        heard = self.frame_or_end()
        assert heard, "the connection ended where a frame was expected"
        return heard

    def frame_or_end(self):
        """The next frame; None where the connection has ended instead, `was_reset` tells how."""
        while True:
            heard, size = take_frame(self._rest)
            if heard:
                self._rest = self._rest[size:]
                return heard
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError:
                self.was_reset = True
                more = b""
            if not more:
                assert self.was_reset or not self._rest, f"the connection ended within a frame: {self._rest[:40]!r}"
                return None
            self._rest += more

    def frames_to_the_end(self):
        """All frames until the connection has ended."""
        return list(iter(self.frame_or_end, None))

    def rest(self):
        """All bytes until the connection has ended."""
        try:
            while more := self.socket.recv(1 << 16):
                self._rest += more
        except ConnectionResetError:
            self.was_reset = True
        taken, self._rest = self._rest, b""
        return taken

    def reset(self):
        """Is gone with a RST."""
        reset(self.socket)

    def leave(self):
        """Says Close, and is gone when the other side has closed the connection."""
        self.send(close(1000))
        self.rest()
        self.socket.close()

    def _take(self, count):
        while len(self._rest) < count:
            more = self.socket.recv(1 << 16)
            assert more, f"the connection ended {count - len(self._rest)} bytes too early"
            self._rest += more
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken


def proxy_v2(source, destination, tls=False):
    """A header of PROXY protocol version 2 that tells of a visitor by TCP over IPv4 (its section 2.2)."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    told = addresses + struct.pack("!HH", source[1], destination[1])
    if tls:
        told += struct.pack("!BHBI", 0x20, 5, 0x01, 0)  # PP2_TYPE_SSL: PP2_CLIENT_SSL, and nothing verified
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(told)) + told


def host_of_client(record):
    """The visitor's address in a record of the log, without its port."""
    return re.sub(r":\d+$", "", record["client"])
