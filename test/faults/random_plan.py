"""What one random session does, both ends of it: everything follows from its seed.

The payload of each direction is a stretch of one large pool of random bytes, which begins somewhere else in each
session: where a byte is missing, doubled or out of order, what came instead tells which.
"""

import dataclasses
import random

from frames import BINARY, CONTINUATION, PING, frame

POOL_BYTES = 1 << 22
STREAM_BYTES_MAX = 1 << 21
_once = random.Random(6455).randbytes(POOL_BYTES)
POOL = _once + _once[:STREAM_BYTES_MAX]  # so that no stretch has to wrap around

# The routes a session may take, each with what it changes. `{port}` is the service's, `{seed}` only there for the log.
# The deadlines are long: how a session ends is the random ends' to decide, however slow the machine.
COMMON = "auth: none, timeouts: {connect: 60s, ping: 100ms, pong: 60s, stall: 60s, close: 60s, half_close: 60s}"
SERVICE_HOST = "127.64.55.1"  # where nobody else looks for a service by mistake
TO = f'address: "{SERVICE_HOST}:{{path.port}}", within: {SERVICE_HOST}/32'
ROUTES = {
    "plain": f"to: {{{TO}}}",
    "tls": f"to: {{{TO}, tls: {{ca: service.pem, server_name: localhost}}}}",
    "small": f"to: {{{TO}}}, frames: {{max: 1KiB}}",
    "paced": f"to: {{{TO}}}, bandwidth: {{from_client: 2MiB/s, to_client: 2MiB/s}}",
}
FRAME_BYTES_MAX = {"small": 1 << 10}
FRAME_BYTES_MAX_ELSE = 1 << 18


def rules():
    routes = "".join(
        f'  - {{name: {name}, path: "/{name}/{{port}}/{{seed}}", {COMMON}, {more}}}\n' for name, more in ROUTES.items()
    )
    return (
        "listen:\n"
        "  - {name: plain, address: 127.0.0.1:0}\n"
        "  - {name: tls, address: 127.0.0.1:0, "
        "tls: {certificates: {certificate: service.pem, key: {file: service.key}}}}\n"
        f"routes:\n{routes}"
    )


@dataclasses.dataclass
class Stream:
    """The payload of one direction."""

    start: int  # in the pool
    total: int

    def bytes(self, offset, count):
        at = self.start + offset
        return POOL[at : at + count]

    def fault(self, offset, data):
        """Says what `data` is that came at `offset`; None where it is what should. Behind the end nothing should."""
        due = self.bytes(offset, min(len(data), self.total - offset))
        if data == due:
            return None
        right = next((i for i, byte in enumerate(due) if byte != data[i]), len(due))
        at = offset + right
        if at == self.total:
            return f"{len(data) - right} bytes too many, behind all {self.total}"
        place = POOL.find(data[right : right + 16], self.start, self.start + STREAM_BYTES_MAX)
        if place < 0 or len(data) - right < 8:  # so few bytes may stand anywhere
            return f"byte {at} is {data[right]:#04x} instead of {due[right]:#04x}"
        came = place - self.start
        if came > at:
            return f"{came - at} bytes are missing: byte {came} came where {at} was due"
        return f"{at - came} bytes came twice: byte {came} came where {at} was due"


@dataclasses.dataclass
class End:
    """What one end of the session does. Where it stalls and where it waits, in bytes, it has time to spare."""

    stream: Stream  # what it sends
    act: str  # how it ends, once it has sent all that; "none": it leaves that to the other
    trigger: str  # what it waits for before: nothing, a moment, half of what it is sent, or the other's act
    moment: float
    writes: tuple  # the least and most bytes of one write
    reads: tuple  # and of one read
    pauses: dict  # {bytes sent: seconds}
    stalls: dict  # {bytes heard: seconds}
    receive_buffer: int  # 0: the system's own
    send_buffer: int
    segment: int  # the most bytes it takes in one packet; by loopback's own 64 KiB a queue is full after megabytes only
    dice: random.Random = dataclasses.field(repr=False)


@dataclasses.dataclass
class Plan:
    seed: int
    route: str
    client_tls: bool
    early: bool  # the first frames stand behind the request, in one write with it
    client: End
    service: End
    close_code: int  # of the client's Close
    tail: bytes  # what the client still says behind it, to be ignored
    reply: str  # what a client does that hears Close before it has ended: an act
    sends_on: bool  # and whether it first sends all it has
    answers_pings: bool
    frames: list = dataclasses.field(repr=False)  # the client's, each as (bytes on the wire, of payload, of messages)


CLIENT_ACTS = {
    "none": 30,
    "close": 28,  # Close, and then it listens until the end
    "close_hard": 5,  # Close, and it is gone
    "fin": 12,  # its connection ends without Close: FIN, with TLS close_notify
    "cut": 6,  # the same without close_notify
    "reset": 12,
    "hard": 4,  # close() over whatever has not been read
    "breach": 5,  # an unmasked frame
}
SERVICE_ACTS = {"none": 42, "fin": 28, "cut": 6, "reset": 14, "hard": 8}
REPLIES = {"close": 8, "fin": 1, "reset": 1, "hard": 1}
TRIGGERS = {"nothing": 5, "moment": 3, "half": 2, "together": 3}
SCALES = {0: 5, 300: 30, 20_000: 30, 300_000: 30, STREAM_BYTES_MAX: 5}


def one_of(dice, weights):
    return dice.choices(list(weights), weights.values())[0]


def up_to(dice, most, even=False):
    """Small numbers as often as large ones, or `even`: each as often as any other."""
    if even:
        return dice.randint(0, most)
    return int(2 ** dice.uniform(0, most.bit_length())) % (most + 1)


def an_end(dice, total, hears, act, trigger):
    """`total`: how many bytes it sends; `hears`: how many the other one does."""

    def habit(amount):
        """The sizes of single reads or writes that take a bearable number of them."""
        least = max(1, amount // 50)
        return dice.choice([(1 << 16, 1 << 16), (least, 2 * least), (least, 1 << 16)])

    def moments(amount):
        """None, some, or one right at the beginning, that lets all queues on the way fill."""
        at = dice.choice([[], [], [up_to(dice, amount)], [up_to(dice, amount), up_to(dice, amount, even=True)], [0]])
        return {count: dice.uniform(0, 0.1) for count in at}

    return End(
        stream=Stream(dice.randrange(POOL_BYTES), total),
        act=act,
        trigger=trigger,
        moment=dice.uniform(0, 0.03),
        writes=habit(total),
        reads=habit(hears),
        pauses=moments(total),
        stalls=moments(hears),
        receive_buffer=dice.choice([0, 0, 0, 8 << 10, 64 << 10]),
        send_buffer=dice.choice([0, 0, 0, 8 << 10]),
        segment=dice.choice([0, 536, 1400, 1400]),
        dice=random.Random(dice.getrandbits(64)),
    )


def client_frames(dice, stream):
    """Messages of any size in fragments of any size, pings between them; the last message may stay without its end."""
    frames = []
    sent = pings = 0
    most = max(dice.choice([30, 3000, stream.total]), stream.total // 15)
    in_message = False
    while sent < stream.total:
        size = min(up_to(dice, most), stream.total - sent)
        last = dice.random() < 0.7
        opcode = CONTINUATION if in_message else BINARY
        mask = dice.randbytes(4) if dice.random() < 0.8 else bytes(4)
        frames.append((frame(opcode, stream.bytes(sent, size), fin=last, mask=mask), size, last))
        in_message = not last
        sent += size
        if pings < 5 and dice.random() < 0.1:
            frames.append((frame(PING, pings.to_bytes(4, "big") + bytes(dice.randrange(121))), 0, 0))
            pings += 1
    return frames


def plan_of(seed):
    dice = random.Random(seed)
    route = one_of(dice, {"plain": 60, "tls": 20, "small": 12, "paced": 8})
    client_act, service_act = one_of(dice, CLIENT_ACTS), one_of(dice, SERVICE_ACTS)
    if service_act == "cut" and route != "tls":
        service_act = "fin"
    if client_act == service_act == "none":
        service_act = "fin"
    if dice.random() < 0.5 and "none" not in (client_act, service_act):  # in the most of them just one end acts
        client_act, service_act = dice.choice([("none", service_act), (client_act, "none")])
    most = 20_000 if route == "small" else 300_000 if route == "paced" else STREAM_BYTES_MAX
    up, down = (up_to(dice, min(most, one_of(dice, SCALES)), even=dice.random() < 0.5) for _ in range(2))
    trigger = one_of(dice, TRIGGERS)
    client = an_end(dice, up, down, client_act, trigger)
    service = an_end(dice, down, up, service_act, "together" if trigger == "together" else one_of(dice, TRIGGERS))
    return Plan(
        seed=seed,
        route=route,
        client_tls=dice.random() < 0.25,
        early=dice.random() < 0.2,
        client=client,
        service=service,
        close_code=dice.randrange(3000, 5000),  # none that bascule says of itself
        tail=frame(BINARY, b"behind the Close") if dice.random() < 0.2 else b"",
        reply=one_of(dice, REPLIES),
        sends_on=dice.random() < 0.7,
        answers_pings=dice.random() < 0.5,
        frames=client_frames(dice, client.stream),
    )
