"""What the cases of this suite stand on: a bascule under siege, and what must hold of it whoever comes.

    with self.besieged(ROUTES) as house:
        ...                       # the attack; house.others_are_served() in the midst of it

Before the attack a witness begins a session that stays, and the house is looked at: how many descriptors it has, how
much memory. Behind it, when all of the attackers have left, the witness still echoes, a newcomer is let in, descriptors
are back where they were, memory is within `slack_kib`, and the process rests. Attackers come from 127.0.0.2 unless
told, the witness from 127.0.0.1, newcomers from 127.0.0.3.
"""

import contextlib
import random
import resource
import select
import socket
import textwrap
import time

from frames import take_frame
from harness import PATIENCE_SECONDS, Case, eventually, sanitized
from sockets import how_it_ends, reset  # noqa: F401  (reset: for the cases, which find it here)
from visitor import Visit, upgrade

ATTACKER, NEWCOMER = "127.0.0.2", "127.0.0.3"
SEED = 20261123  # of whatever is random here; a failure prints what it was about


class Answer:
    """One answer of HTTP."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def __repr__(self):
        return f"Answer({self.status}, {self.fields}, {self.body[:80]!r})"


def answers_in(data):
    """The answers that `data` is made of; what follows a 101 is its body."""
    answers = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator, f"half an answer: {head!r}"
        first, *lines = head.decode("ascii").split("\r\n")
        fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        status = int(first.split(" ")[1])
        length = len(data) if status == 101 else int(fields.get("content-length", 0))
        assert len(data) >= length, f"{first}: {len(data)} of {length} bytes of its body"
        answers.append(Answer(status, fields, data[:length]))
        data = data[length:]
    return answers


def frames_in(data):
    """The whole frames that `data` begins with."""
    found = []
    while True:
        frame, size = take_frame(data)
        if not frame:
            return found
        found.append(frame)
        data = data[size:]


def connect(address, source=ATTACKER, receive_buffer_bytes=None):
    host, port = address.rsplit(":", 1)
    connection = socket.socket()
    connection.settimeout(PATIENCE_SECONDS)
    if receive_buffer_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.bind((source, 0))
    connection.connect((host, int(port)))
    return connection


def rest_of(connection):
    """All bytes until the connection has ended, by whichever kind of end."""
    return how_it_ends(connection)[0]


def sent_all(connection, data):
    """Whether all of it was taken before the other side was gone."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def head_of(address, path="/desk", method="GET", fields=()):
    """The head of an upgrade; a field of the same name takes the place of ours, None leaves it out."""
    ours = dict(upgrade(address))
    theirs = {name: value for name, value in fields}
    lines = [f"{name}: {value}" for name, value in {**ours, **theirs}.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def get(address, target="/", more=b""):
    """A request for a page."""
    line = target if isinstance(target, bytes) else target.encode("latin-1")
    return b"GET " + line + b" HTTP/1.1\r\nHost: " + address.encode() + b"\r\n" + more + b"\r\n"


def allow_many_descriptors():
    """As many as the system lets this process have."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Crowd:
    """Many connections at once, of which nothing is expected but that they end."""

    def __init__(self):
        self.connections = []

    def connect(self, address, count, source=ATTACKER):
        host, port = address.rsplit(":", 1)
        for _ in range(count):
            connection = socket.socket()
            connection.setblocking(False)
            connection.bind((source, 0))
            connection.connect_ex((host, int(port)))
            self.connections.append(connection)

    def say(self, data):
        for connection in self.connections:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                connection.send(data)

    def ended(self):
        """How many have ended by now; what the others had to say is dropped."""
        poll = select.poll()
        by_number = {connection.fileno(): connection for connection in self.connections}
        for number in by_number:
            poll.register(number, select.POLLIN)
        ended = 0
        for number, _ in poll.poll(0):
            try:
                while by_number[number].recv(1 << 16):
                    pass
            except BlockingIOError:
                continue
            except ConnectionError:
                pass
            ended += 1
        return ended

    def close(self):
        for connection in self.connections:
            connection.close()
        self.connections.clear()


class House:
    """One bascule under siege; see above."""

    def __init__(self, bascule, witnessed_at):
        self.bascule = bascule
        self.witnessed_at = witnessed_at
        self.leaving = contextlib.ExitStack()
        self.witness = Visit(bascule.address, "/witness", upgrade(witnessed_at))
        assert self.witness.echoes()
        self._newcomer()
        self.look()

    @property
    def address(self):
        return self.bascule.address

    def look(self):
        """From now on this is where everything has to be back. For a case whose first round fills what is kept for
        use (memory of the allocator, pools), and whose next rounds must not add to it."""
        self.descriptors = self.bascule.descriptors()
        self.resident_kib = self.bascule.resident_kib()

    def visit(self, path="/desk", source=ATTACKER, **how):
        """A visitor by WebSocket, who leaves with the siege at the latest."""
        return self.leaving.enter_context(self.bare_visit(path, source, **how))

    def bare_visit(self, path="/desk", source=ATTACKER, fields=(), protocols=(), **how):
        return Visit(
            self.address, path, upgrade(self.address, protocols=protocols, more=fields), source=source, **how
        )

    def connect(self, **how):
        return self.leaving.enter_context(contextlib.closing(connect(self.address, **how)))

    def crowd(self):
        return self.leaving.enter_context(contextlib.closing(Crowd()))

    def ask(self, data, source=ATTACKER, end=True):
        """Sends it on a connection of its own, then the end of it unless told; all answers until the connection has
        ended."""
        with connect(self.address, source) as connection:
            if sent_all(connection, data) and end:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
            return answers_in(rest_of(connection))

    def others_are_served(self):
        """The witness goes on, and who comes now is let in."""
        assert self.witness.echoes()
        self._newcomer()

    def _newcomer(self):
        with Visit(self.address, "/witness", upgrade(self.witnessed_at), source=NEWCOMER) as newcomer:
            assert newcomer.status == 101, f"a newcomer is told {newcomer.status} {newcomer.fields}"
            assert newcomer.echoes()
            newcomer.leave()

    def rests(self):
        """Whether the process uses no CPU while nothing happens; a look at it costs some 200 ms."""
        before = self.bascule.cpu_seconds()
        time.sleep(0.2)
        return self.bascule.cpu_seconds() == before

    def is_as_before(self, slack_kib, seconds=PATIENCE_SECONDS):
        bascule = self.bascule
        self.leaving.close()
        self.others_are_served()
        eventually(
            lambda: bascule.descriptors() <= self.descriptors,
            f"back to {self.descriptors} descriptors",
            seconds,
        )
        if not sanitized():
            most = self.resident_kib + slack_kib
            eventually(
                lambda: bascule.resident_kib() <= most,
                f"from {self.resident_kib} KiB to at most {most}, and not {bascule.resident_kib()}",
                5,
            )
        eventually(self.rests, "at rest")
        assert self.witness.echoes()


class Abuse(Case):
    """One attack."""

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    @contextlib.contextmanager
    def besieged(self, routes="", *, listen="127.0.0.1:0", above="", slack_kib=2048, limits=None, env=None, host=None):
        """`routes`, `listen`: YAML; `above`: further top-level keys; `host`: one under which the witness comes."""
        rules = f"listen: {listen}\nprocess: {{workers: 2}}\n{textwrap.dedent(above)}\nroutes:\n"
        rules += '  - {name: witness, path: /witness, auth: none, to: "echo:"}\n'
        rules += textwrap.indent(textwrap.dedent(routes).strip("\n"), "  ") + "\n"
        bascule = self.serve(rules, env, limits=limits)
        house = House(bascule, host or bascule.address)
        with house.witness, house.leaving:
            yield house
            house.is_as_before(slack_kib)

    def cheaply(self, house, most_cpu_seconds):
        """A block that costs the process at most so much; more where sanitizers are at work."""
        return _Cheaply(self, house, most_cpu_seconds * (20 if sanitized() else 1))


class _Cheaply:
    def __init__(self, case, house, most):
        self.case, self.house, self.most = case, house, most

    def __enter__(self):
        self.before = self.house.bascule.cpu_seconds()

    def __exit__(self, kind, *_):
        if kind is None:
            cost = self.house.bascule.cpu_seconds() - self.before
            self.case.assertLessEqual(cost, self.most, "seconds of CPU")
