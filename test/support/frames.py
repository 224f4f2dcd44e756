"""Frames of WebSocket as a case wants them: right, or wrong in just one place (RFC 6455, section 5.2)."""

import itertools
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def xor(payload, key):
    """Masks and unmasks."""
    if not any(key) or not payload:
        return bytes(payload)
    mask = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(len(payload), "little")


def length_field(length, form=None):
    """The length with the mask bit clear: in its shortest form, or in that of `form` bits (7, 16, 64)."""
    if form == 7 or (form is None and length < 126):
        return bytes([length])
    if form == 16 or (form is None and length < 1 << 16):
        return bytes([126]) + struct.pack("!H", length)
    return bytes([127]) + struct.pack("!Q", length)


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", form=None, claim=None):
    """One frame of a client. `rsv`: the three reserved bits, 4 for RSV1; `mask`: None for none; `claim`: another length
    than the payload's."""
    length = bytearray(length_field(len(payload) if claim is None else claim, form))
    length[0] |= 0x80 if mask is not None else 0
    return bytes([fin << 7 | rsv << 4 | opcode]) + length + (mask + xor(payload, mask) if mask is not None else payload)


def close(code=None, reason=b"", **how):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason, **how)


def message(opcode, *fragments, **how):
    """One message in these fragments."""
    last = len(fragments) - 1
    return b"".join(
        frame(opcode if i == 0 else CONTINUATION, part, fin=i == last, **how) for i, part in enumerate(fragments)
    )


class Frame:
    """One that the server has sent."""

    def __init__(self, first, masked, form, payload):
        self.fin, self.rsv, self.opcode = bool(first & 0x80), first >> 4 & 7, first & 0x0F
        self.masked, self.form, self.payload = masked, form, payload

    @property
    def code(self):
        """A Close's; 1005 where it has none (RFC 6455, section 7.1.5)."""
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else 1005

    @property
    def reason(self):
        return self.payload[2:].decode()

    def __repr__(self):
        shown = self.payload[:40]
        return f"Frame(fin={self.fin}, rsv={self.rsv}, opcode={self.opcode}, {len(self.payload)} bytes {shown!r})"


def take_frame(data):
    """(frame, how many bytes it took) of the first in `data`; (None, 0) while it is not whole."""
    if len(data) < 2:
        return None, 0
    form = {126: 16, 127: 64}.get(data[1] & 0x7F, 7)
    start = 2 + form // 8
    if len(data) < start:
        return None, 0
    length = data[1] & 0x7F if form == 7 else int.from_bytes(data[2:start], "big")
    masked = bool(data[1] & 0x80)
    key = bytes(data[start : start + 4]) if masked else b""
    start += len(key)
    if len(data) < start + length:
        return None, 0
    payload = bytes(data[start : start + length])
    return Frame(data[0], masked, form, xor(payload, key) if masked else payload), start + length


def splits(data):
    """Every way to cut it in two."""
    return ((data[:at], data[at:]) for at in range(1, len(data)))


def chopped(data, sizes):
    """Cut into pieces of these sizes, over and over."""
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size
