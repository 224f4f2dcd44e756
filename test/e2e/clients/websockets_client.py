"""python3-websockets as a client of bascule.

    websockets_client.py stream URL        random bytes; they come back in order, cut anyhow
    websockets_client.py messages URL      random messages; each comes back as it was
    websockets_client.py refused URL NAME  the status that an offer of the subprotocol NAME is refused with
"""

import asyncio
import hashlib
import json
import random
import sys

import websockets

STREAM_BYTES = 16 << 20
MESSAGES = 400


def random_size():
    """Most messages small, some big, and the lengths at which a frame's header changes its form."""
    return random.choice([0, 1, 125, 126, 127, 65535, 65536, random.randrange(1, 200), random.randrange(1, 300_000)])


def in_fragments(data):
    """The message cut in up to 6 places, empty fragments among them."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(1, 6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


def connect(url, subprotocols=("binary",)):
    return websockets.connect(url, subprotocols=list(subprotocols), compression=None, max_size=None, ping_interval=None)


async def stream(url):
    async with connect(url) as socket:
        sent = hashlib.sha256()

        async def send_all():
            left = STREAM_BYTES
            while left:
                data = random.randbytes(min(left, random_size()))
                sent.update(data)
                await socket.send(in_fragments(data) if random.random() < 0.3 else data)
                left -= len(data)

        sending = asyncio.create_task(send_all())
        received = hashlib.sha256()
        count = 0
        while count < STREAM_BYTES:
            data = await socket.recv()
            assert isinstance(data, bytes), "a route that takes binary only answered with text"
            received.update(data)
            count += len(data)
        await sending
    return {
        "sent": sent.hexdigest(),
        "received": received.hexdigest(),
        "bytes": count,
        "subprotocol": socket.subprotocol,
    }


def random_message():
    size = random_size()
    if random.random() < 0.5:
        return random.randbytes(size)
    return "".join(random.choice("aé世🌉") for _ in range(size // 4))


async def messages(url):
    sent = [random_message() for _ in range(MESSAGES)]
    async with connect(url) as socket:

        async def send_all():
            for message in sent:
                await socket.send(in_fragments(message) if random.random() < 0.5 else message)

        sending = asyncio.create_task(send_all())
        received = [await socket.recv() for _ in sent]
        await sending
    digest = lambda all_of_them: hashlib.sha256(repr(all_of_them).encode()).hexdigest()  # repr tells text from binary
    return {"sent": digest(sent), "received": digest(received), "subprotocol": socket.subprotocol}


async def refused(url, subprotocol):
    try:
        async with connect(url, [subprotocol]):
            return {"status": 101}
    except websockets.InvalidStatusCode as answer:
        return {"status": answer.status_code}


print(json.dumps(asyncio.run({"stream": stream, "messages": messages, "refused": refused}[sys.argv[1]](*sys.argv[2:]))))
