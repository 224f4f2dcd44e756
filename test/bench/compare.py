"""Measures what a session costs through bascule, and through peers that do the same work: HAProxy in TCP mode (no
WebSocket: the limit people know), the same with splice(2), nginx's stream, lighttpd's mod_wstunnel and websockify.
Prints medians and ratios as a table in Markdown.

The proxy runs on one core, clients and service on another, one proxy at a time, round after round. test/bench/README.md
says what the rows mean and what one can get wrong. Start it by scripts/bench, which installs, builds, and gives it a
network namespace of its own. `scripts/bench tls`, `process`, `overhead`, `scale`, `many`, `logins`, `handshakes`,
`crowds` and `micro` measure other things, `train` builds by a profile."""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import picture

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# The namespace is ours alone, so these ports are free. They lie below the ephemeral range that is set there.
PROXY_PORT = 6080
SERVICE_PORT = 5900

# Part of a core that on a quiet machine nobody's CPU time accounts for: interrupts and wake-ups of an idle core.
INTERRUPTS = 0.25


# ---- What is measured ------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Row:
    name: str
    title: str
    work: str  # the first word of bascule_load's command line
    sessions: int
    unit: str
    goal: float | None  # None: it is only shown
    goal_is_ratio: bool = True  # else in the row's unit
    rounds_max: int = 1000  # memory hardly differs from round to round
    more: tuple[str, ...] = ()  # further words for bascule_load

    def value(self, result):
        """The figure of this row: lower is better."""
        if self.work == "idle":
            return result["bytes_a_session"] / 1024
        if self.work == "steady":
            return result["latency_us"]["p99"]
        per_unit = result["proxy_cpu_s"] / result["units"]
        return per_unit * (1e9 if self.work in ("down", "up") else 1e6)

    def text(self, results):
        """The median of this figure over the rounds; of latencies the middle one, and those of the slowest."""
        if self.work == "steady":
            return " / ".join(f"{statistics.median(result['latency_us'][part] for result in results):,.0f}"
                              for part in ("p50", "p99", "p999"))
        median = statistics.median(map(self.value, results))
        return f"{median:,.0f}" if median >= 100 else f"{median:.3g}"

    def speed(self, result):
        if self.work == "idle":
            return f"{result['sessions']} sessions"
        rate = result["units"] / result["seconds"]
        return f"{rate / 1e9:.2f} GB/s" if self.work in ("down", "up") else f"{rate:,.0f}/s"

    def goal_text(self):
        if self.goal is None:
            return "–"
        return f"≤ {self.goal:g}×" if self.goal_is_ratio else f"≤ {self.goal:g}"


ROWS = [
    Row("down1", "service → client, 1 session", "down", 1, "CPU-s/GB", 0.28),
    Row("down32", "service → client, 32 sessions", "down", 32, "CPU-s/GB", 0.28),
    Row("up1", "client → service, 64 KiB messages, 1 session", "up", 1, "CPU-s/GB", 0.7),
    Row("up32", "client → service, 64 KiB messages, 32 sessions", "up", 32, "CPU-s/GB", 0.7),
    Row("echo64", "echo of 64 bytes, 64 sessions", "echo", 64, "CPU-µs/message", 0.92),
    Row("pipe128", "echo of 128 bytes, 64 at once, 64 sessions", "echo", 64, "CPU-µs/message", 0.88,
        more=("--message-bytes", "128", "--at-once", "64")),
    Row("setup", "set-up: connect, upgrade, dial, one echo, close", "setup", 32, "CPU-µs/session", 0.95),
    Row("latency", "latency of 64 bytes there and back, 64 sessions, 9,600 messages a second: p50 / p99 / p99.9", "steady",
        64, "µs", None, more=("--messages-a-second", "150")),
    Row("idle", "memory of an idle session, at 5,000", "idle", 5000, "KiB", 0.8, goal_is_ratio=False, rounds_max=3),
]


# ---- Who is measured -------------------------------------------------------------------------------------------------

class Proxy:
    framing = "websocket"
    tls = "none"  # what bascule_load's clients speak below that
    baseline = False
    idle_sessions_max = 5000
    says_goodbye = True  # by a Close frame with the code that belongs there

    def __init__(self, program):
        self.program = program  # bascule's; all others are found on the PATH

    def cores(self):
        """Those it runs on; None: the one that is not the generator's."""
        return None


class Haproxy(Proxy):
    name = "haproxy"
    framing = "plain"
    baseline = True

    def version(self):
        words = output_of(["haproxy", "-v"]).split()
        return f"HAProxy {words[2]} (TCP mode, nbthread 1, 16 KiB buffers)"

    def command(self, folder):
        config = folder / "haproxy.cfg"
        config.write_text(f"""\
global
    nbthread 1
    maxconn 9000
{self.more_of_global()}defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
{self.more_of_defaults()}frontend bench
    bind 127.0.0.1:{PROXY_PORT}{self.more_of_bind(folder)}
    default_backend service
backend service
    server service 127.0.0.1:{SERVICE_PORT}
""")
        return ["haproxy", "-db", "-f", str(config)]

    def more_of_bind(self, folder):
        return ""

    def more_of_global(self):
        return ""

    def more_of_defaults(self):
        return ""


class HaproxySpliced(Haproxy):
    name = "haproxy+splice"
    baseline = False

    def version(self):
        return "haproxy+splice the same with splice-request and splice-response"

    def more_of_global(self):
        return "    maxpipes 500\n"  # each takes two descriptors

    def more_of_defaults(self):
        return "    option splice-request\n    option splice-response\n"


class Nginx(Proxy):
    name = "nginx"
    framing = "plain"

    def version(self):
        said = subprocess.run(["nginx", "-v"], check=True, capture_output=True, text=True, timeout=30).stderr
        return f"{said.split(':')[1].strip()} (stream, one process, 16 KiB buffers)"

    def command(self, folder):
        config = folder / "nginx.conf"
        config.write_text(f"""\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
worker_rlimit_nofile 19900;
events {{ worker_connections 19800; }}
stream {{
  server {{
    listen 127.0.0.1:{PROXY_PORT} backlog=4096;
    proxy_pass 127.0.0.1:{SERVICE_PORT};
    proxy_timeout 1h;
  }}
}}
""")
        return ["nginx", "-c", str(config), "-e", "stderr"]


class Lighttpd(Proxy):
    name = "lighttpd"
    says_goodbye = False  # 1.4.69 sends no Close frame for a clean end, or one with the code's digits as text

    def version(self):
        return f"{output_of(['lighttpd', '-v']).split()[0]} (mod_wstunnel{self.more_of_version()})"

    def more_of_version(self):
        return ""

    def command(self, folder):
        config = folder / "lighttpd.conf"
        config.write_text(f"""\
server.modules = ("mod_wstunnel")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {PROXY_PORT}
server.max-fds = 19900
server.max-connections = 9900
server.feature-flags = ("server.h2proto" => "disable")
wstunnel.server = ("" => (("host" => "127.0.0.1", "port" => {SERVICE_PORT})))
wstunnel.frame-type = "binary"
{self.more_of_config(folder)}""")
        return ["lighttpd", "-D", "-f", str(config)]

    def more_of_config(self, folder):
        return ""


class Bascule(Proxy):
    name = "bascule"
    workers = 1

    def version(self):
        return output_of([self.program, "--version"]).strip()

    def command(self, folder):
        rules = folder / "rules.yaml"
        rules.write_text(f"""\
listen: {self.listener(folder)}

routes:
  - name: bench
    path: /
    auth: none
    to: 127.0.0.1:{SERVICE_PORT}
    limits: {{frames: none}}
""")
        return [self.program, "serve", str(rules), "--workers", str(self.workers)]

    def listener(self, folder):
        return f"127.0.0.1:{PROXY_PORT}"


class Websockify(Proxy):
    name = "websockify"
    idle_sessions_max = 100  # a process of several MiB for each

    def version(self):
        package = output_of(["dpkg-query", "-W", "-f", "${Version}", "websockify"])
        python = output_of(["/usr/bin/python3", "--version"]).strip()
        return f"websockify {package} ({python})"

    def command(self, folder):
        return ["websockify", f"127.0.0.1:{PROXY_PORT}", f"127.0.0.1:{SERVICE_PORT}"]


# ---- Running one proxy and one load ----------------------------------------------------------------------------------

class Failure(Exception):
    """Something that the reader of the terminal can act on."""


def say(line):
    print(line, file=sys.stderr, flush=True)


def output_of(command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def on_core(core, command):
    """The command, pinned to a core, and killed should we die without a word."""
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "--cpu-list", str(core), *command]


def listeners_at(port):
    """How many there are. Looks without connecting: a probe would be a session."""
    listening = "0A"
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == listening for row in rows)


def is_listening(port):
    return listeners_at(port) > 0


def end(name, process):
    """Ends a process that we started, and the group it leads."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        say(f"    {name} did not end within 5 s of SIGTERM, killed")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Bench:
    def __init__(self, load, folder, quick):
        self.load = load
        self.folder = folder
        self.window_ms = 1000 if quick else 2000
        self.warm_up_ms = 300 if quick else 500
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise Failure("two cores are needed: one for the proxy, one for clients and service")
        self.proxy_core, self.load_core = cores[-1], cores[0]

    @contextlib.contextmanager
    def running(self, proxy):
        log = self.folder / f"{proxy.name}.log"
        with open(log, "wb") as log_file:
            command = on_core(proxy.cores() or self.proxy_core, proxy.command(self.folder))
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file,
                                       start_new_session=True)
        try:
            deadline = time.monotonic() + 10
            while not is_listening(PROXY_PORT):
                if process.poll() is not None or time.monotonic() > deadline:
                    tail = log.read_text(errors="replace")[-2000:]
                    raise Failure(f"{proxy.name} does not listen (exit status {process.poll()}):\n{tail}")
                time.sleep(0.01)
            yield process
        finally:
            end(proxy.name, process)

    def run(self, proxy, work, sessions, seed=1, more=()):
        """Starts the proxy, gives it the work, ends it; returns what bascule_load found out."""
        with self.running(proxy) as process:
            command = [self.load, work, "--framing", proxy.framing, "--tls", proxy.tls, "--proxy-port", str(PROXY_PORT),
                       "--service-port", str(SERVICE_PORT), "--proxy-pid", str(process.pid), "--sessions",
                       str(sessions), "--warm-up-ms", str(self.warm_up_ms), "--window-ms", str(self.window_ms),
                       "--seed", str(seed), *more]
            try:
                done = subprocess.run(on_core(self.load_core, command), capture_output=True, text=True, timeout=180)
            except subprocess.TimeoutExpired:
                raise Failure(f"{proxy.name}: {work} was not done after 180 s") from None
        if done.returncode != 0:
            raise Failure(f"{proxy.name}: {work}: {done.stderr.strip() or f'exit status {done.returncode}'}")
        return json.loads(done.stdout)


# ---- Rounds ----------------------------------------------------------------------------------------------------------

def verify(bench, proxies):
    """Every byte both ways, for each proxy; measuring one that corrupts data would be worth nothing."""
    seed = int.from_bytes(os.urandom(4), "big")
    correct = []
    for proxy in proxies:
        try:
            result = bench.run(proxy, "verify", 4, seed)
            if (codes := result["other_close_codes"]) and proxy.says_goodbye:
                raise Failure(f"{proxy.name}: verify: {codes} clean ends were not told to the client as such")
            say(f"verified: {proxy.name}: {result['bytes_each_way'] / 1e6:.0f} MB each way are right (seed {seed})")
            if resets := result["resets_after_close"]:
                say(f"  but {resets} of {result['sessions']} sessions were reset behind the Close frame")
            correct.append(proxy)
        except Failure as failure:
            say(f"NOT MEASURED: {failure} (seed {seed})")
    return correct


def measure(bench, proxies, rows, rounds):
    """results[row name][proxy name] = one result a round; an error leaves the round out and is said."""
    results = {row.name: {proxy.name: [] for proxy in proxies} for row in rows}
    failed = []
    for number in range(rounds):
        # Each round begins with another proxy, so that none always follows the same one.
        first = number % len(proxies)
        for row in rows:
            if number >= row.rounds_max:
                continue
            for proxy in proxies[first:] + proxies[:first]:
                sessions = min(row.sessions, proxy.idle_sessions_max) if row.work == "idle" else row.sessions
                try:
                    result = bench.run(proxy, row.work, sessions, more=row.more)
                except Failure as failure:
                    say(f"  FAILED {failure}")
                    failed.append(f"{row.name}: {failure}")
                    results[row.name][proxy.name].append(None)
                    continue
                results[row.name][proxy.name].append(result)
                busy = f", generator {result['own_cpu_s'] / result['seconds']:.0%} busy" if "seconds" in result else ""
                say(f"  round {number + 1}/{rounds}  {row.name:<8}{proxy.name:<11}{row.value(result):9.3f} "
                    f"{row.unit:<15}{row.speed(result)}{busy}")
    return results, failed


# ---- What comes out --------------------------------------------------------------------------------------------------

def summary(row, results, proxies):
    """For each proxy: the median, and the median and range of its ratio to the baseline in the same round."""
    baseline = next((proxy.name for proxy in proxies if proxy.baseline), None)
    cells = {}
    for proxy in proxies:
        found = [result for result in results[proxy.name] if result]
        if not found:
            continue
        values = [row.value(result) for result in found]
        pairs = zip(results[proxy.name], results.get(baseline, []))
        ratios = [row.value(own) / row.value(base) for own, base in pairs if own and base]
        cells[proxy.name] = {"median": statistics.median(values), "text": row.text(found), "values": values, "ratios": ratios,
                             "ratio": statistics.median(ratios) if ratios else None}
    return cells


def cell_text(cell, is_baseline):
    if cell is None:
        return "failed"
    return cell["text"] if is_baseline or cell["ratio"] is None else f"{cell['text']} ({cell['ratio']:.2f}×)"


def table(rows, summaries, proxies):
    lines = ["| | " + " | ".join(proxy.name for proxy in proxies) + " | bascule's goal |",
             "| --- |" + " ---: |" * (len(proxies) + 1)]
    for row in rows:
        cells = [cell_text(summaries[row.name].get(proxy.name), proxy.baseline) for proxy in proxies]
        lines.append(f"| {row.title}, {row.unit} | " + " | ".join(cells) + f" | {row.goal_text()} |")
    return "\n".join(lines)


def remarks(rows, results, summaries, proxies):
    """What a reader must know to believe the table, or not to."""
    lines = []
    disturbed = {}
    for row in rows:
        cell = summaries[row.name].get("bascule")
        if cell and cell["ratios"] and row.goal is None:
            lines.append(f"{row.name}: bascule's ratio by round {min(cell['ratios']):.2f}–{max(cell['ratios']):.2f}")
        elif cell and cell["ratios"]:
            reached = (cell["ratio"] if row.goal_is_ratio else cell["median"]) <= row.goal
            lines.append(f"{row.name}: bascule's ratio by round {min(cell['ratios']):.2f}–{max(cell['ratios']):.2f}; "
                         f"goal {row.goal_text()} {'reached' if reached else 'MISSED'}")
        for proxy in proxies:
            timed = [result for result in results[row.name][proxy.name] if result and "seconds" in result]
            if not timed:
                continue
            own = statistics.median(result["own_cpu_s"] / result["seconds"] for result in timed)
            others = statistics.median(result["others_cpu_s"] / result["seconds"] for result in timed)
            if own > 0.9:
                lines.append(f"{row.name}, {proxy.name}: the load generator's core was {own:.0%} busy: the speed is "
                             "the generator's, only CPU per unit is the proxy's")
            if others > INTERRUPTS:
                disturbed[row.name] = max(others, disturbed.get(row.name, 0))
    if disturbed:
        lines.append("DISTURBED, measure again: something else took part of a core meanwhile: "
                     + ", ".join(f"{name} {share:.0%}" for name, share in disturbed.items()))
    if any(row.work == "idle" for row in rows) and any(proxy.name == "websockify" for proxy in proxies):
        lines.append(f"idle: websockify with {Websockify.idle_sessions_max} sessions, it forks a process for each")
    return lines


def describe_machine(proxies):
    compiler = output_of(["c++", "--version"]).splitlines()[0]
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    kind = "virtual machine" if "hypervisor" in fields.get("flags", "").split() else "bare metal"
    model = fields.get("model name", platform.machine())
    return (f"{model}, {os.cpu_count()} cores, {kind}, Linux {platform.release()}, {compiler}; "
            + ", ".join(proxy.version() for proxy in proxies))


# ---- The run ---------------------------------------------------------------------------------------------------------

def prepare_namespace():
    with open("/proc/net/dev", encoding="ascii") as table:
        interfaces = [line.split(":")[0].strip() for line in table.readlines()[2:]]
    if interfaces != ["lo"]:
        raise Failure("this is the machine's own network, whose settings are not ours to change: start scripts/bench")
    output_of(["ip", "link", "set", "lo", "up"])
    for setting in (
            "net.ipv4.tcp_congestion_control=reno",        # BBR paces even on loopback, and then all proxies look alike
            "net.ipv4.ip_local_port_range=10000 65000",
            "net.ipv4.tcp_max_tw_buckets=2000",            # thousands of set-ups a second must not run out of ports
    ):
        output_of(["sysctl", "-w", setting])


def prepare_process():
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: sys.exit(1))  # so that every `finally` ends what it started
    prepare_namespace()
    # A proxy needs two descriptors a session; each inherits what we may have at most.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def add_programs(parser):
    parser.add_argument("--bascule", metavar="FILE", help="measure this program instead of building one")
    parser.add_argument("--load", metavar="FILE", help="use this bascule_load instead of building one")
    parser.add_argument("--parse-only", action="store_true", help="understand these arguments, and do nothing else")


def programs(arguments):
    return (arguments.bascule or str(ROOT / "build/release/proxy/bascule"),
            arguments.load or str(ROOT / "build/bench/test/bench/bascule_load"))


def read_arguments(program, description, rows, kinds):
    parser = argparse.ArgumentParser(prog=program, description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [row.name for row in rows]
    proxies = [kind.name for kind in kinds]
    parser.add_argument("--only", metavar="ROW,...", help=f"only these rows, of {', '.join(names)}")
    parser.add_argument("--proxies", metavar="NAME,...", help=f"only these, of {', '.join(proxies)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each row is measured (5; with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="shorter windows: for a look, not for a claim")
    parser.add_argument("--verify", action="store_true", help="compare every byte through each proxy, measure nothing")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="also write every figure of every round here")
    parser.add_argument("--svg", metavar="FILE", type=pathlib.Path, help="also draw the ratios here")
    add_programs(parser)
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 5)
    if not 1 <= arguments.rounds <= 100:
        parser.error("--rounds takes 1 to 100")
    arguments.only = chosen(parser, "row", arguments.only, names)
    arguments.proxies = chosen(parser, "proxy", arguments.proxies, proxies)
    return arguments


def chosen(parser, kind, written, names):
    """The names in a list with commas; all of them when nothing is written."""
    if written is None:
        return names
    for name in written.split(","):
        if name not in names:
            parser.error(f"no {kind} is called '{name}'; there are {', '.join(names)}")
    return written.split(",")


def compare(arguments, rows, kinds):
    """One comparison, up to the table. `kinds`: of proxies, the baseline first."""
    bascule, load = programs(arguments)
    proxies = [kind(bascule) for kind in kinds if kind.name in arguments.proxies]
    rows = [row for row in rows if row.name in arguments.only]

    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        bench = Bench(load, pathlib.Path(folder), arguments.quick)
        correct = verify(bench, proxies)
        all_correct = len(correct) == len(proxies)
        if arguments.verify or not correct:
            return 0 if all_correct else 1
        started = time.monotonic()
        results, failed = measure(bench, correct, rows, arguments.rounds)

    summaries = {row.name: summary(row, results[row.name], correct) for row in rows}
    machine = describe_machine(correct)
    notes = remarks(rows, results, summaries, correct)
    print(table(rows, summaries, correct))
    print(f"\nMedians of {arguments.rounds} interleaved rounds (memory: of at most 3); in brackets the ratio to HAProxy in "
          f"the same round. Proxy on one core, clients and service on another, loopback.\n{machine}.\n")
    for line in notes + failed:
        print(f"- {line}")
    say(f"took {time.monotonic() - started:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "rounds": arguments.rounds, "summary": summaries,
                                              "results": results, "failed": failed}, indent=1), encoding="utf-8")
    if arguments.svg:
        arguments.svg.write_text(picture.draw(summaries), encoding="utf-8")
    return 0 if all_correct and not failed else 1


def start(read, run):
    """From the command line, which `read` understands, to the end of this process: with what `run` returns, or with a
    line that says what went wrong."""
    try:
        arguments = read()
        if arguments.parse_only:
            sys.exit(0)
        prepare_process()
        sys.exit(run(arguments))
    except Failure as failure:
        sys.exit(f"scripts/bench: {failure}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"scripts/bench: {' '.join(map(str, error.cmd))} failed\n{error.stderr or ''}")
    except KeyboardInterrupt:
        sys.exit(130)


def start_comparison(program, description, rows, kinds):
    start(lambda: read_arguments(program, description, rows, kinds), lambda arguments: compare(arguments, rows, kinds))


if __name__ == "__main__":
    start_comparison("scripts/bench", __doc__, ROWS, [Haproxy, Bascule, HaproxySpliced, Nginx, Lighttpd, Websockify])
