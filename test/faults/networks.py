"""Machines of a case's own: network namespaces, joined by cables that can be cut, narrowed and filtered.

They have no names: each lives as long as somebody holds it, so nothing stays behind, whatever becomes of the case.
Making them takes root (CAP_SYS_ADMIN and CAP_NET_ADMIN), and /proc, iproute2 and iptables."""

import contextlib
import ctypes
import os
import subprocess

from ground import Faulty

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise AssertionError(
            f"{what}: {os.strerror(number)}; this case makes network namespaces, which takes root: run it as root"
        )


class Machine:
    """A network of its own, with a loopback."""

    def __init__(self):
        with open("/proc/thread-self/ns/net") as home:
            checked(libc.unshare(CLONE_NEWNET), "unshare")
            try:
                self._network = open("/proc/thread-self/ns/net")
            finally:
                checked(libc.setns(home.fileno(), CLONE_NEWNET), "setns")
        self.path = f"/proc/{os.getpid()}/fd/{self._network.fileno()}"
        self.run("ip", "link", "set", "lo", "up")

    def close(self):
        self._network.close()

    @contextlib.contextmanager
    def inside(self):
        """What this thread opens meanwhile, it opens there; a socket stays where it was opened."""
        with open("/proc/thread-self/ns/net") as home:
            checked(libc.setns(self._network.fileno(), CLONE_NEWNET), "setns")
            try:
                yield
            finally:
                checked(libc.setns(home.fileno(), CLONE_NEWNET), "setns")

    @property
    def under(self):
        """What starts a program there."""
        return ("nsenter", f"--net={self.path}")

    def run(self, *words):
        done = subprocess.run([*self.under, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}{done.stdout}"
        return done.stdout

    def drop(self, *what):
        """From now on packets that fit are lost on their way in and out: `"--dport", "80"`, or all."""
        for chain in ("INPUT", "OUTPUT"):
            self.filter(chain, "-p", "tcp", *what, "-j", "DROP")

    def filter(self, chain, *rule, table="filter"):
        self.run("iptables", "-w", "-t", table, "-A", chain, *rule)

    def forget_filters(self):
        self.run("iptables", "-w", "-F")


class Cable:
    """Joins two machines, which have the addresses `net`.1 and `net`.2 on it. `ends`: the names of its two ends."""

    def __init__(self, one, other, net):
        self.machines = (one, other)
        self.ends = (f"to-{net.split('.')[-1]}-1", f"to-{net.split('.')[-1]}-2")
        self.addresses = (f"{net}.1", f"{net}.2")
        one.run("ip", "link", "add", self.ends[0], "type", "veth", "peer", "name", self.ends[1], "netns", other.path)
        for machine, end, address in zip(self.machines, self.ends, self.addresses):
            machine.run("ip", "address", "add", f"{address}/24", "dev", end)
            machine.run("ip", "link", "set", end, "up")

    def set(self, which, *words):
        """`ip link set` for one end: 0 or 1."""
        self.machines[which].run("ip", "link", "set", self.ends[which], *words)


class Land:
    """A visitor's machine, bascule's, and the service's, which meet only in the middle."""

    def __init__(self):
        self.visitor, self.middle, self.service = Machine(), Machine(), Machine()
        self.to_visitor = Cable(self.middle, self.visitor, "10.77.1")
        self.to_service = Cable(self.middle, self.service, "10.77.2")
        self.bascule_address, self.visitor_address = self.to_visitor.addresses
        self.near_service_address, self.service_address = self.to_service.addresses

    def close(self):
        for machine in (self.visitor, self.middle, self.service):
            machine.close()


class Networked(Faulty):
    def setUp(self):
        super().setUp()
        self.land = Land()
        self.addCleanup(self.land.close)

    def bridge(self, port, route="", **how):
        return super().bridge(
            port,
            route,
            host=how.pop("host", self.land.service_address),
            listen=f"{self.land.bascule_address}:0",
            under=self.land.middle.under,
            **how,
        )

    def visit(self, bascule, path="/ws", address=None, **how):
        with self.land.visitor.inside():
            return super().visit(bascule, path, address, source=self.land.visitor_address, **how)

    def played(self, host=None):
        with self.land.service.inside():
            return super().played(host or self.land.service_address)

    def assert_recovered(self, bascule, descriptors):
        for machine in (self.land.visitor, self.land.middle, self.land.service):
            machine.forget_filters()
        super().assert_recovered(bascule, descriptors)
