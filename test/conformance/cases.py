"""The cases of the well-known Autobahn suite, by number: what a client does to a server that echoes, and all that it
has to hear, in order, to the end. Written from RFC 6455 and from the list in README.md; there is one outcome each, the
strict one: what is wrong is failed at its first byte, and what came before it has been answered.

Sections 1 to 7 and 10 are the 247 functional cases, 9 is about sizes. Sections 12 and 13 are about permessage-deflate,
which bascule declines.
"""

import itertools

from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame, message

KIB, MIB = 1 << 10, 1 << 20
OCTETS = (1,)  # the sizes of writes: one octet each


class Play:
    """`steps`: (bytes to send, what is heard before the next step), or bytes alone. `cut`: sizes of the writes, or
    "frames" to have a step for each list of frames. Then the client says Close 1000 and hears the same; unless
    `fails`: the server's Close by itself; or `closes`: its answer to the Close that stands in the last step.
    `unfinished`: what is heard of a message without its end."""

    def __init__(self, number, *steps, heard=(), cut=None, fails=None, closes=None, unfinished=None):
        self.number = number
        self.steps = [step if isinstance(step, tuple) else (step, []) for step in steps]
        self.heard = list(heard)
        self.cut = cut
        self.polite = fails is None and closes is None
        self.code = fails or closes or 1000
        self.unfinished = unfinished

    def run(self, case):
        with case.subTest(self.number), case.session() as session:
            for data, heard in self.steps:
                session.send(data, self.cut)
                for item in heard:
                    case.assertEqual(session.whole(), item)
            if self.polite:
                for item in self.heard:  # all of it has come before the goodbye
                    case.assertEqual(session.whole(), item)
                session.send(close(1000))
                case.over(session, [(CLOSE, self.code)])
            else:
                case.over(session, [*self.heard, (CLOSE, self.code)], self.unfinished)


def echo(number, kind, payload, **how):
    return Play(number, frame(kind, payload), heard=[(kind, payload)], **how)


def some_text(size):
    sentence = "Grüße über die Brücke: € und 𝄞. ".encode()
    times, rest = divmod(size, len(sentence))
    return sentence * times + b"*" * rest


def some_bytes(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def numbered(section, plays):
    """Gives them their numbers: section.1 and so on."""
    for count, play in enumerate(plays, 1):
        play.number = f"{section}.{count}"
        yield play


# --- 1: messages of every form of length -----------------------------------------------------------------------------


def framing():
    for section, kind, make in (("1.1", TEXT, some_text), ("1.2", BINARY, some_bytes)):
        sizes = (0, 125, 126, 127, 128, 65535, 65536)
        yield from numbered(section, (echo("", kind, make(size)) for size in sizes))
        yield echo(f"{section}.8", kind, make(65536), cut=(997,))


# --- 2: pings and pongs ----------------------------------------------------------------------------------------------


def pings():
    ten = [b"ping %d" % count for count in range(10)]
    all_ten = b"".join(frame(PING, payload) for payload in ten)
    answers = [(PONG, payload) for payload in ten]
    no_text = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    yield from numbered(
        "2",
        [
            Play("", frame(PING), heard=[(PONG, b"")]),
            Play("", frame(PING, b"Hello, world!"), heard=[(PONG, b"Hello, world!")]),
            Play("", frame(PING, no_text), heard=[(PONG, no_text)]),
            Play("", frame(PING, b"\xfe" * 125), heard=[(PONG, b"\xfe" * 125)]),
            Play("", frame(PING, b"\xfe" * 126), fails=1002),
            Play("", frame(PING, b"\xfe" * 125), heard=[(PONG, b"\xfe" * 125)], cut=OCTETS),
            Play("", frame(PONG)),
            Play("", frame(PONG, b"nobody asked")),
            Play("", frame(PONG, b"nobody asked") + frame(PING, b"who?"), heard=[(PONG, b"who?")]),
            Play("", all_ten, heard=answers),
            Play("", all_ten, heard=answers, cut=OCTETS),
        ],
    )


# --- 3: reserved bits ------------------------------------------------------------------------------------------------


def reserved_bits():
    """What stands before is answered, the ping behind is not."""
    hello, ping, first = frame(TEXT, b"first"), frame(PING, b"behind"), [(TEXT, b"first")]

    def bad(rsv):
        return hello + frame(TEXT, b"second", rsv=rsv) + ping

    yield Play("3.1", frame(TEXT, b"first", rsv=1), fails=1002)
    yield Play("3.2", bad(2), heard=first, fails=1002)
    yield Play("3.3", hello, frame(TEXT, b"second", rsv=3), ping, heard=first, fails=1002)
    yield Play("3.4", bad(4), heard=first, fails=1002, cut=OCTETS)
    yield Play("3.5", frame(BINARY, b"\0\xff" * 4, rsv=5), fails=1002)
    yield Play("3.6", frame(PING, b"ping", rsv=6), fails=1002)
    yield Play("3.7", close(1000, rsv=7), fails=1002)


# --- 4: opcodes that are not known -----------------------------------------------------------------------------------


def opcodes():
    hello, ping, first = frame(TEXT, b"first"), frame(PING, b"behind"), [(TEXT, b"first")]
    for section, lowest in (("4.1", 3), ("4.2", 11)):
        yield Play(f"{section}.1", frame(lowest), fails=1002)
        yield Play(f"{section}.2", frame(lowest + 1, b"reserved"), fails=1002)
        yield Play(f"{section}.3", hello + frame(lowest + 2) + ping, heard=first, fails=1002)
        bad = frame(lowest + 3, b"reserved")
        yield Play(f"{section}.4", hello + bad + ping, heard=first, fails=1002)
        bad = frame(lowest + 4, b"reserved")
        yield Play(f"{section}.5", hello + bad + ping, heard=first, fails=1002, cut=OCTETS)


# --- 5: fragments ----------------------------------------------------------------------------------------------------


def in_three_ways(first_number, frames, **how):
    """In one write, each frame in its own, each octet in its own."""
    whole = b"".join(frames)
    yield Play(f"5.{first_number}", whole, **how)
    yield Play(f"5.{first_number + 1}", *frames, **how)
    yield Play(f"5.{first_number + 2}", whole, cut=OCTETS, **how)


def fragments():
    two = [frame(TEXT, b"frag", fin=False), frame(CONTINUATION, b"ment")]
    whole = (TEXT, b"fragment")
    ping, pong = frame(PING, b"between"), (PONG, b"between")
    yield Play("5.1", frame(PING, b"pi", fin=False) + frame(CONTINUATION, b"ng"), fails=1002)
    yield Play("5.2", frame(PONG, b"po", fin=False) + frame(CONTINUATION, b"ng"), fails=1002)
    yield from in_three_ways(3, two, heard=[whole])
    yield from in_three_ways(6, [two[0], ping, two[1]], heard=[pong, whole])
    # A continuation of nothing: the last of it (5.9 to 5.11), and one that promises more (5.12 to 5.14).
    for first_number, fin in ((9, True), (12, False)):
        frames = [frame(CONTINUATION, b"of nothing", fin=fin), frame(TEXT, b"behind")]
        yield from in_three_ways(first_number, frames, fails=1002)
    yield Play(
        "5.15",
        b"".join(two) + frame(CONTINUATION, b"of nothing", fin=False) + frame(TEXT, b"behind"),
        heard=[whole],
        fails=1002,
    )
    for number, fin in (("5.16", False), ("5.17", True)):
        again = frame(CONTINUATION, b"of nothing", fin=fin) + b"".join(two)
        yield Play(number, again + again, fails=1002)
    yield Play("5.18", two[0] + frame(TEXT, b"ment"), fails=1002, unfinished=b"frag")

    parts = [b"frag%d" % count for count in range(5)]
    all_five = (TEXT, b"".join(parts))
    five = [
        frame(TEXT, parts[0], fin=False) + frame(CONTINUATION, parts[1], fin=False) + frame(PING, b"first"),
        frame(CONTINUATION, parts[2], fin=False) + frame(CONTINUATION, parts[3], fin=False) + frame(PING, b"second"),
        frame(CONTINUATION, parts[4]),
    ]
    first, second = (PONG, b"first"), (PONG, b"second")
    yield Play("5.19", (five[0], [first]), (five[1], [second]), five[2], heard=[all_five])
    yield Play("5.20", b"".join(five), heard=[first, second, all_five], cut=OCTETS)


# --- 6: UTF-8 --------------------------------------------------------------------------------------------------------


ROOM_BITS = (7, 11, 16, 21, 26, 31)  # of a code point, in one byte, two, up to six


def encoded(point, size=None):
    """A code point by the scheme of RFC 3629, section 3, also where that forbids it: too large, too long, a
    surrogate; `size`: in so many bytes, though fewer would do."""
    size = size or next(n for n, bits in enumerate(ROOM_BITS, 1) if point < 1 << bits)
    if size == 1:
        return bytes([point])
    tail = [0x80 | point >> 6 * at & 0x3F for at in reversed(range(size - 1))]
    return bytes([0xFF << (8 - size) & 0xFF | point >> 6 * (size - 1), *tail])


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


MIXED = "aé€𝄞".encode()  # a character of each length
ELEVEN = "ß€𝄞ü".encode()  # 2 + 3 + 4 + 2 bytes
FIRST = [encoded(0), *(encoded(1 << bits) for bits in ROOM_BITS[:5])]  # of each length
LAST = [encoded((1 << bits) - 1) for bits in ROOM_BITS]
SIZES = range(2, 7)
SURROGATES = (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
CUT_SHORT = [sequence[:-1] for sequence in FIRST[1:] + LAST[1:]]

# Each is a text on its own.
UTF8_SECTIONS = {
    "6.5": [*(b"<" + char.encode() + b">" for char in "aé€𝄞"), "Grüße, κόσμε, 世界".encode()],
    "6.6": [ELEVEN[:size] for size in range(1, 12)],
    "6.7": FIRST[:4],
    "6.8": FIRST[4:],
    "6.9": [*LAST[:3], encoded(0x10FFFF)],
    "6.10": LAST[3:],
    "6.11": [encoded(point) for point in (0xD7FF, 0xE000, 0xFFFD, 0x10FFFF, 0x110000)],
    "6.12": [b"\x80", b"\xbf", *(b"\x80\xbf\x80\xbf\x80\xbf"[:size] for size in SIZES), bytes(range(0x80, 0xC0))],
    "6.13": [
        b"".join(bytes([first, 0x20]) for first in firsts)
        for firsts in (range(0xC0, 0xE0), range(0xE0, 0xF0), range(0xF0, 0xF8), range(0xF8, 0xFC), range(0xFC, 0xFE))
    ],
    "6.14": CUT_SHORT,
    "6.15": [b"".join(CUT_SHORT)],
    "6.16": [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    "6.17": [encoded(ord("/"), size) for size in SIZES],
    "6.18": [encoded((1 << bits) - 1, size) for size, bits in zip(SIZES, ROOM_BITS)],
    "6.19": [encoded(0, size) for size in SIZES],
    "6.20": [encoded(point) for point in SURROGATES],
    "6.21": [encoded(high) + encoded(low) for high in SURROGATES[:4] for low in (0xDC00, 0xDFFF)],
    "6.22": [encoded(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)],
    "6.23": [encoded(point) for point in range(0xFFF9, 0x10000)],
}


def fail_or_echo(text):
    return echo("", TEXT, text) if is_utf8(text) else Play("", frame(TEXT, text), fails=1007)


def utf8():
    def octets(text):
        return message(TEXT, *(bytes([octet]) for octet in text))

    yield echo("6.1.1", TEXT, b"")
    yield Play("6.1.2", message(TEXT, b"", b"", b""), heard=[(TEXT, b"")])
    yield Play("6.1.3", message(TEXT, b"", b"middle", b""), heard=[(TEXT, b"middle")])
    yield echo("6.2.1", TEXT, MIXED)
    yield Play("6.2.2", message(TEXT, MIXED[:3], MIXED[3:]), heard=[(TEXT, MIXED)])
    yield Play("6.2.3", octets(MIXED), heard=[(TEXT, MIXED)])
    yield Play("6.2.4", octets(ELEVEN), heard=[(TEXT, ELEVEN)])

    # A surrogate between two words. Its first byte may begin a character, its second can no longer continue it.
    before, wrong, behind = "Grüße ".encode(), encoded(0xD800), b" behind"
    yield Play("6.3.1", frame(TEXT, before + wrong + behind), fails=1007)
    yield Play("6.3.2", octets(before + wrong + behind), fails=1007, unfinished=before + wrong[:1])

    # Failed at once: nothing of the message is sent behind the byte that makes it wrong.
    begun = frame(TEXT, before, fin=False)
    half = frame(CONTINUATION, wrong[:1], fin=False)
    yield Play("6.4.1", begun, frame(CONTINUATION, wrong, fin=False), fails=1007, unfinished=before)
    octet_wise = half + frame(CONTINUATION, wrong[1:2], fin=False)
    yield Play("6.4.2", begun, octet_wise, fails=1007, unfinished=before + wrong[:1])
    # The same within one frame, whose rest never comes.
    whole = frame(TEXT, before + wrong + behind)
    start = 6 + len(before)
    yield WithinAFrame("6.4.3", whole[:start], whole[start : start + 3], before)
    yield WithinAFrame("6.4.4", whole[: start + 1], whole[start + 1 : start + 2], before + wrong[:1])

    for section, texts in UTF8_SECTIONS.items():
        yield from numbered(section, map(fail_or_echo, texts))


class WithinAFrame(Play):
    """A frame that comes so far; what has come of it comes back; then its next bytes are no UTF-8 any more."""

    def __init__(self, number, begun, wrong, good):
        super().__init__(number, fails=1007)
        self.begun, self.wrong, self.good = begun, wrong, good

    def run(self, case):
        with case.subTest(self.number), case.session() as session:
            session.send(self.begun)
            case.assertEqual(session.part(len(self.good)), self.good)
            session.send(self.wrong)
            case.over(session, [(CLOSE, 1007)], unfinished=self.good)


# --- 7: closing ------------------------------------------------------------------------------------------------------


def closing():
    hello, first = frame(TEXT, b"first"), [(TEXT, b"first")]
    yield Play("7.1.1", hello + close(1000), heard=first, closes=1000)
    yield Play("7.1.2", close(1000) + close(1000), closes=1000)
    yield Play("7.1.3", close(1000) + frame(PING, b"behind"), closes=1000)
    yield Play("7.1.4", close(1000) + frame(TEXT, b"behind"), closes=1000)
    within = frame(TEXT, b"frag", fin=False) + close(1000) + frame(CONTINUATION, b"ment")
    yield Play("7.1.5", within, closes=1000, unfinished=b"frag")
    big = some_text(256 * KIB)
    all_of_it = frame(TEXT, big) + hello + close(1000) + frame(PING, b"behind")
    yield Play("7.1.6", all_of_it, heard=[(TEXT, big), *first], closes=1000)

    yield Play("7.3.1", close(), closes=1005)  # which stands for a Close without a body
    yield Play("7.3.2", frame(CLOSE, b"\x03"), fails=1002)
    yield Play("7.3.3", close(1000), closes=1000)
    yield Play("7.3.4", close(1000, "auf Wiederhören".encode()), closes=1000)
    yield Play("7.3.5", close(1000, b"*" * 123), closes=1000)
    yield Play("7.3.6", close(1000, b"*" * 124), fails=1002)
    yield Play("7.5.1", close(1000, b"\xce\xba\xed\xa0\x80"), fails=1007)

    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    yield from numbered("7.7", (Play("", close(code), closes=code) for code in good))
    bad = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
    yield from numbered("7.9", (Play("", close(code), fails=1002) for code in bad))
    yield from numbered("7.13", (Play("", close(code), fails=1002) for code in (5000, 65535)))


# --- 9: sizes --------------------------------------------------------------------------------------------------------


def large_messages():
    for section, kind, make in (("9.1", TEXT, some_text), ("9.2", BINARY, some_bytes)):
        sizes = (64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB)
        yield from numbered(section, (echo("", kind, make(size)) for size in sizes))


def many_fragments():
    for section, kind, make in (("9.3", TEXT, some_text), ("9.4", BINARY, some_bytes)):
        payload = make(4 * MIB)
        for count, size in enumerate((64 << 2 * at for at in range(9)), 1):
            parts = (payload[at : at + size] for at in range(0, len(payload), size))
            yield Play(f"{section}.{count}", message(kind, *parts), heard=[(kind, payload)])


def many_chops():
    for section, kind, make in (("9.5", TEXT, some_text), ("9.6", BINARY, some_bytes)):
        sizes = (64, 128, 256, 512, 1024, 2048)
        yield from numbered(section, (echo("", kind, make(MIB), cut=(size,)) for size in sizes))


def round_trips():
    for section, kind, make in (("9.7", TEXT, some_text), ("9.8", BINARY, some_bytes)):
        for count, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
            one = (frame(kind, make(size)), [(kind, make(size))])
            yield Play(f"{section}.{count}", *itertools.repeat(one, 1000))


# --- 10: what a client's library cuts by itself ----------------------------------------------------------------------


def auto_fragments():
    payload = some_text(65536)
    parts = (payload[at : at + 1300] for at in range(0, len(payload), 1300))
    yield Play("10.1.1", message(TEXT, *parts), heard=[(TEXT, payload)])


FUNCTIONAL = (framing, pings, reserved_bits, opcodes, fragments, utf8, closing, auto_fragments)
OF_SIZES = (large_messages, many_fragments, many_chops, round_trips)
