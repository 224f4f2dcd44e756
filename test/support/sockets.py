"""How a connection ends, as both sides of it see that."""

import socket
import struct


def reset(connection):
    """Is gone with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def how_it_ends(connection):
    """(all bytes until then, "end" or "reset")."""
    data = b""
    try:
        while more := connection.recv(1 << 16):
            data += more
    except ConnectionResetError:
        return data, "reset"
    return data, "end"
