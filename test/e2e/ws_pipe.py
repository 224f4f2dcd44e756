#!/usr/bin/python3
"""Standard input and output through a WebSocket: what ssh needs as its ProxyCommand.

    ssh -o ProxyCommand="/usr/bin/python3 ws_pipe.py ws://127.0.0.1:6080/ssh" user@host
"""

import asyncio
import os
import sys

import websockets


async def main(url):
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin.buffer)
    async with websockets.connect(
        url, subprotocols=["binary"], compression=None, max_size=None, ping_interval=None
    ) as socket:

        async def up():
            while data := await stdin.read(1 << 16):
                await socket.send(data)
            await socket.close()

        async def down():
            async for data in socket:
                # ssh reads as fast as it decrypts; a thread waits for it, so that pings are answered meanwhile.
                await loop.run_in_executor(None, write_all, data)

        sending = asyncio.create_task(up())
        await down()  # ends with the service's end, which arrives as a clean close
        sending.cancel()
    return 0 if socket.close_code in (1000, 1005) else 1


def write_all(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    # os._exit: a read of standard input that never comes must not hold the process.
    os._exit(asyncio.run(main(sys.argv[1])))
