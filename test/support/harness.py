"""What every case that drives the real binary needs: a folder of its own, processes that are ended again, free ports, and a bascule.

A case derives from `Case`, starts the service it is about and one bascule with the few rules it needs, and drives a
real client through it. All that a case starts, ends with it: each process is the head of its own process group, and
only these groups are ever signalled.
"""

import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
E2E = ROOT / "test" / "e2e"
OUT = ROOT / "build" / "e2e"
PATIENCE_SECONDS = 60  # how long anything may take that should come at once; a hang fails here, a slow machine does not


def bascule_binary():
    return pathlib.Path(os.environ.get("BASCULE_BIN", ROOT / "build/release/proxy/bascule"))


def sanitized():
    """Whether the binary is one that keeps its memory for the sake of finding faults."""
    return b"__asan_init" in bascule_binary().read_bytes()


def free_port():
    """A port nobody listens on, from below the range the system takes outgoing ports from, so that it stays free
    until the service that cannot be told 'any port' has bound it."""
    for _ in range(100):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port between 20000 and 32000 in 100 attempts")


def eventually(condition, what, seconds=PATIENCE_SECONDS):
    """The first true value of `condition()`, asked again and again."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def answers(port, hello=b""):
    """Whether something on `port` takes a connection and, for a service that speaks first, begins with `hello`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(len(hello), socket.MSG_WAITALL) == hello if hello else True
    except OSError:
        return False


class Process:
    """A program in a process group of its own, with its output in a file that a failure shows."""

    def __init__(self, argv, log, env=None, pass_fds=()):
        self.name = pathlib.Path(argv[0]).name
        self.log = pathlib.Path(log)
        with open(self.log, "wb") as output:
            self.child = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **{name: str(value) for name, value in (env or {}).items()}},
                pass_fds=pass_fds,
                start_new_session=True,
            )

    def wait_until(self, condition, what):
        def alive_and_true():
            if self.child.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.child.returncode} before {what}:\n{self.tail()}")
            return condition()

        try:
            return eventually(alive_and_true, f"{self.name}: {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def tail(self):
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self):
        """Ends the group as a crash does."""
        self._signal(signal.SIGKILL)
        self.child.wait()

    def stop(self):
        """Ends the group, politely first. The program's exit code; negative for the signal that ended it."""
        self._signal(signal.SIGTERM)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)  # whatever of the group outlived its head
        return self.child.wait()

    def _signal(self, number):
        try:
            os.killpg(self.child.pid, number)
        except ProcessLookupError:
            pass


class Bascule:
    """bascule with rules of its own on a port of its own, and everything it has logged.

    `under`: what it is started by, such as `strace`; `limits`: resource limits, {resource.RLIMIT_NOFILE: 64}."""

    def __init__(self, folder, rules, env=None, under=(), limits=None):
        def limited():
            for which, limit in (limits or {}).items():
                resource.setrlimit(which, (limit, limit))

        self.rules_file = folder / "rules.yaml"
        self.write_rules(rules)
        self.events = []
        self.said = []
        self.stopped = False
        self._changed = threading.Condition()
        self.child = subprocess.Popen(
            [*map(str, under), str(bascule_binary()), "serve", str(self.rules_file)],
            preexec_fn=limited if limits else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **{name: str(value) for name, value in (env or {}).items()}},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.wait_for("ready")
            self.address = self.wait_for("listening")["address"]
            self.pid = self._pid_below(self.child.pid) if under else self.child.pid
        except BaseException:
            os.killpg(self.child.pid, signal.SIGKILL)
            raise

    @staticmethod
    def _pid_below(pid):
        """Of the process itself, which what it was started by has started, or has become."""
        while os.path.realpath(f"/proc/{pid}/exe") != os.path.realpath(bascule_binary()):
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            assert children, f"no {bascule_binary().name} below {pid}"
            pid = int(children[0])
        return pid

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1])

    def cpu_seconds(self):
        """That it has used so far, in user space and in the kernel."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def write_rules(self, rules):
        self.rules_file.write_text(textwrap.dedent(rules))

    def address_of(self, listener):
        return self.wait_for("listening", listener=listener)["address"]

    def http(self, path="/"):
        return f"http://{self.address}{path}"

    def ws(self, path):
        return f"ws://{self.address}{path}"

    def https(self, path="/"):
        return f"https://{self.address}{path}"

    def wss(self, path):
        return f"wss://{self.address}{path}"

    def logged(self, event, **fields):
        """The events of this name with these fields, so far."""
        return [e for e in self.events if e.get("event") == event and fields.items() <= e.items()]

    def wait_for(self, event, **fields):
        """The first logged event of this name with these fields."""
        return self.wait_for_count(1, event, **fields)[0]

    def wait_for_count(self, count, event, **fields):
        """The first `count` logged events of this name with these fields."""

        def all_there():
            return len(self.logged(event, **fields)) >= count

        with self._changed:
            self._changed.wait_for(lambda: all_there() or self._ended(), PATIENCE_SECONDS)
            if not all_there():
                raise AssertionError(
                    f"bascule did not log {event} {fields} {count} times; it said:\n" + "".join(self.said[-40:])
                )
            return self.logged(event, **fields)[:count]

    def stop(self):
        """Drains with SIGTERM; the exit code."""
        self.stopped = True
        os.kill(self.pid, signal.SIGTERM)
        try:
            self.child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise AssertionError(f"bascule still drains {PATIENCE_SECONDS} s after SIGTERM") from None
        finally:
            self._reader.join()
        return self.child.returncode

    def _ended(self):
        return not self._reader.is_alive() or self.child.poll() is not None

    def _read(self):
        with self.child.stderr as lines:
            for line in lines:
                with self._changed:
                    self.said.append(line)
                    if line.startswith("{"):
                        self.events.append(json.loads(line))
                    self._changed.notify_all()
        self.child.wait()
        with self._changed:
            self._changed.notify_all()


def shipped_rules(name, changes=()):
    """rules/NAME as shipped, on any free port, with further texts replaced; each change must find its text."""
    text = (ROOT / "rules" / name).read_text()
    for old, new in {
        "127.0.0.1:6080": "127.0.0.1:0",
        "folder: ../": f"folder: {ROOT}/",  # the copy stands elsewhere
        **dict(changes),
    }.items():
        assert old in text or old.startswith("folder"), f"rules/{name} no longer says {old}"
        text = text.replace(old, new)
    return text


class Case(unittest.TestCase):
    """One test: a folder of its own, and nothing left behind."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        OUT.mkdir(parents=True, exist_ok=True)

    def start(self, *argv, env=None, pass_fds=(), log=None):
        """A program that ends with the case. `log`: the file of its output, named as the program if not told."""
        process = Process(argv, self.folder / (log or f"{pathlib.Path(argv[0]).name}.log"), env, pass_fds)
        self.addCleanup(process.stop)
        return process

    def serve(self, rules, env=None, **how):
        """A bascule that must have lived until the end of the case and then drain and exit with 0."""
        bascule = Bascule(self.folder, rules, env, **how)
        self.addCleanup(self._drain, bascule)
        return bascule

    def _drain(self, bascule):
        if not bascule.stopped:
            self.assertIsNone(bascule.child.poll(), "bascule ended during the case:\n" + "".join(bascule.said[-40:]))
            self.assertEqual(bascule.stop(), 0, "bascule's exit code after SIGTERM:\n" + "".join(bascule.said[-40:]))

    def node(self, script, *arguments, seconds=180, env=None):
        """Runs one of clients/*.mjs; the JSON object it prints when all went well."""
        return self._run(["node", E2E / "clients" / script, *arguments], seconds, env)

    def python(self, script, *arguments, seconds=180, env=None):
        return self._run(["/usr/bin/python3", E2E / "clients" / script, *arguments], seconds, env)

    def _run(self, argv, seconds, env):
        done = self.command(*argv, seconds=seconds, env=env)
        return json.loads(done.stdout.splitlines()[-1])

    def bascule(self, *argv, said=None):
        """What one of bascule's verbs prints; `said` is what it reads."""
        return self.command(bascule_binary(), *argv, said=said).stdout

    def command(self, *argv, seconds=180, env=None, code=0, said=None):
        """Runs a program to its end; it must end by itself, with `code`. `said`: what it reads."""
        words = [str(word) for word in argv]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if said is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **{name: str(value) for name, value in (env or {}).items()}},
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(said, timeout=seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            self.fail(f"{' '.join(words[:2])}: hung for {seconds} s\n{stdout[-1000:]}{stderr[-1500:]}")
        self.assertEqual(process.returncode, code, f"{' '.join(words[:2])}\n{stdout[-1000:]}{stderr[-1500:]}")
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)
