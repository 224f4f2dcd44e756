"""How much of what one has sent the other end of a connection on this machine has not read yet.

A test that cuts its bytes in pieces wants each piece read by itself. The kernel knows: sock_diag(7), asked for one
socket at a time, for a list of all of them is long on a busy machine.
"""

import socket
import struct
import time

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
ANY_COOKIE = b"\xff" * 8


def unread_bytes(client):
    """Of the other end of this connection by TCP over IPv4; 0 where that is gone."""
    here, there = client.getsockname(), client.getpeername()
    addresses = socket.inet_aton(there[0]), socket.inet_aton(here[0])
    other_end = struct.pack("!HH4s12x4s12xI", there[1], here[1], *addresses, 0)
    asked = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + other_end + ANY_COOKIE
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as diag:
        diag.send(struct.pack("=IHHII", 16 + len(asked), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0) + asked)
        told = diag.recv(4096)
    if struct.unpack_from("=H", told, 4)[0] == NLMSG_ERROR:
        return 0
    return struct.unpack_from("=I", told, 16 + 4 + 48 + 4)[0]  # behind the head: what it is, whose, when it expires


def wait_until_read(client, seconds):
    """Until the other end has taken all that it was sent."""
    deadline = time.monotonic() + seconds
    while unread_bytes(client):
        assert time.monotonic() < deadline, f"{unread_bytes(client)} bytes have not been read for {seconds} s"
        time.sleep(0.0002)
