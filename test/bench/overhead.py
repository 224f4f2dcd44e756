"""What a message costs on the wire beside its own bytes: as a WebSocket message through bascule, and the same messages
fetched and sent by HTTP: long polling, polling, and a POST for each. Prints a table in Markdown.

Every figure is counted on real connections: framing is what the client's socket received or sent beyond the payload;
"on the wire" adds 52 bytes for each segment that the kernel counted, acknowledgements too (TCP_INFO; IPv4 and TCP with
timestamps, packets of 1,500 bytes). test/bench/README.md says more."""

import argparse
import base64
import os
import pathlib
import queue
import socket
import struct
import tempfile
import threading
from dataclasses import dataclass

import compare

SIZES = (16, 128, 1024, 65536)
SEGMENT = 52  # IPv4, TCP and its timestamps
POLLS_A_MESSAGE = 10  # a poll a second, a message every ten
HTTP_PORT = compare.SERVICE_PORT + 1

# What Chromium sends with a fetch, and nginx in front of a small application answers.
COMMON = ("Host: app.example.org\r\nConnection: keep-alive\r\nsec-ch-ua-platform: \"Linux\"\r\n"
          "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
          "Safari/537.36\r\nsec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n"
          "Accept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
          "Referer: https://app.example.org/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
          "Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n")
GET = f"GET /messages HTTP/1.1\r\n{COMMON}".encode()
ANSWER = ("HTTP/1.1 {} \r\nServer: nginx\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Type: application/octet-stream"
          "\r\nContent-Length: {}\r\nConnection: keep-alive\r\nCache-Control: no-store\r\n\r\n")


@dataclass
class Cost:
    framing: float  # bytes a message beside its own
    wire: float  # all bytes a message, its own among them


class Counted:
    """A client's socket; its bytes and its segments."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = self.received = 0
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)
        self.sent += len(data)

    def read(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(1 << 18)
            if not got:
                raise compare.Failure("a connection ended early")
            self.received += len(got)
            self.buffer += got
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.buffer = self.read(len(self.buffer) + 1) + self.buffer
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode("ascii")

    def segments(self):
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return sum(struct.unpack_from("=II", info, 136))  # tcpi_segs_out, tcpi_segs_in

    def cost(self, before, messages, payload_bytes):
        """Since `before`, which is what mark() gave."""
        moved = self.sent + self.received - before[0]
        segments = self.segments() - before[1]
        return Cost((moved - messages * payload_bytes) / messages, (moved + SEGMENT * segments) / messages)

    def mark(self):
        return self.sent + self.received, self.segments()


def exactly(connection, count):
    data = b""
    while len(data) < count:
        got = connection.recv(count - len(data))
        if not got:
            return None
        data += got
    return data


class Service:
    """The old service: says what it is told to, and hears what it is told."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", compare.SERVICE_PORT))
        self.came = queue.Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            self.came.put(self.listener.accept()[0])


class Application:
    """The same messages by HTTP. `empty_polls`: so many are answered by 204 before a message is there."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", HTTP_PORT))
        self.payload, self.empty_polls = b"", 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection = self.listener.accept()[0]
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        polls = 0
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                got = connection.recv(1 << 18)
                if not got:
                    return
                data += got
            head, data = data.split(b"\r\n\r\n", 1)
            if head.startswith(b"POST"):
                length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                while len(data) < length:
                    data += connection.recv(1 << 18)
                data = data[length:]
                connection.sendall(ANSWER.format("204 No Content", 0).encode())
                continue
            polls += 1
            if polls % (self.empty_polls + 1) != 0:
                connection.sendall(ANSWER.format("204 No Content", 0).encode())
            else:
                connection.sendall(ANSWER.format("200 OK", len(self.payload)).encode() + self.payload)


def upgrade(client):
    client.send(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{compare.PROXY_PORT}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
                .encode())
    head = client.read_head()
    if not head.startswith("HTTP/1.1 101 "):
        raise compare.Failure(f"no upgrade: {head.splitlines()[0]}")


def read_frame(client):
    """The payload of the next frame, which is a whole message of bascule's."""
    second = client.read(2)[1]
    form = {126: ">H", 127: ">Q"}.get(second)
    size = struct.unpack(form, client.read(struct.calcsize(form)))[0] if form else second
    return client.read(size)


def masked(payload):
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x82, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x82, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", 0x82, 0x80 | 127, size)
    key = os.urandom(4)
    stream = (key * (size // 4 + 1))[:size]
    return head + key + (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def by_websocket(service, messages, payload):
    """To the client, from the client. The next message is sent when the last one has come."""
    client = Counted(compare.PROXY_PORT)
    upgrade(client)
    other = service.came.get(timeout=20)
    other.settimeout(20)
    before = client.mark()
    for _ in range(messages):
        other.sendall(payload)
        got = b""
        while len(got) < len(payload):
            got += read_frame(client)
        if got != payload:
            raise compare.Failure("other bytes came than were sent")
    down = client.cost(before, messages, len(payload))
    before = client.mark()
    for _ in range(messages):
        client.send(masked(payload))
        if exactly(other, len(payload)) != payload:
            raise compare.Failure("other bytes came than were sent")
    return down, client.cost(before, messages, len(payload))


def by_polls(application, messages, payload, polls):
    application.payload, application.empty_polls = payload, polls - 1
    client = Counted(HTTP_PORT)
    before = client.mark()
    for _ in range(messages * polls):
        client.send(GET)
        length = int(client.read_head().split("Content-Length: ")[1].split("\r\n")[0])
        client.read(length)
    return client.cost(before, messages, len(payload))


def by_posts(messages, payload):
    client = Counted(HTTP_PORT)
    before = client.mark()
    head = f"POST /messages HTTP/1.1\r\nContent-Length: {len(payload)}\r\nOrigin: https://app.example.org\r\n{COMMON}"
    for _ in range(messages):
        client.send(head.encode() + payload)
        client.read_head()
    return client.cost(before, messages, len(payload))


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench overhead", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, metavar="N", default=200, help="of each size, each way (200)")
    compare.add_programs(parser)
    return parser.parse_args()


def run(arguments):
    compare.output_of(["ip", "link", "set", "lo", "mtu", "1500"])
    service, application = Service(), Application()
    rows = []
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        program, load = compare.programs(arguments)
        with compare.Bench(load, pathlib.Path(folder), quick=True).running(compare.Bascule(program)):
            for size in SIZES:
                payload = os.urandom(size)
                down, up = by_websocket(service, arguments.messages, payload)
                rows.append((f"to the client, {size:,}", down, by_polls(application, arguments.messages, payload, 1),
                             by_polls(application, arguments.messages, payload, POLLS_A_MESSAGE)))
                rows.append((f"from the client, {size:,}", up, by_posts(arguments.messages, payload), None))
                compare.say(f"  messages of {size:,} bytes are done")
    rows.sort(key=lambda row: row[0].startswith("from"))
    print("| a message, bytes | WebSocket through bascule | HTTP: long polling, or a POST | "
          f"HTTP: {POLLS_A_MESSAGE} polls a message |\n| --- | ---: | ---: | ---: |")
    for title, *costs in rows:
        cells = [f"{cost.framing:,.0f} ({cost.wire:,.0f})" if cost else "–" for cost in costs]
        print(f"| {title} | " + " | ".join(cells) + " |")
    print(f"\nBytes beside the message's own; in brackets all that passes, with TCP and IP. {arguments.messages} messages of "
          "each size, the next when the last has come.")
    return 0


if __name__ == "__main__":
    compare.start(read_arguments, run)
