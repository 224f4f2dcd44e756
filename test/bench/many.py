"""What each of 100,000 sessions costs in memory: in one process, by streams of memory, and by sockets, over several
bascules that share one port. Prints a table in Markdown.

One process may open so many descriptors and no more, and a session has two; hence several of them for the second row
(`share_port`), and several generators. Every session moves 64 KiB each way and rests; once all are open each of them
must answer once more. test/bench/README.md says what the figures mean."""

import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import time

import compare

SESSIONS = 99_000
SESSIONS_A_GENERATOR = 9_900
DEADLINE_S = 240


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench many", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=SESSIONS, metavar="N", help=f"by sockets ({SESSIONS})")
    compare.add_programs(parser)
    parser.add_argument("--resting", metavar="FILE", help="use this `resting` instead of building one")
    return parser.parse_args()


def memory_of(processes):
    """Bytes: what several share counts once."""
    total = 0
    for process in processes:
        rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1]) * 1024
    return total


def wait_for_listeners(count):
    deadline = time.monotonic() + 10
    while compare.listeners_at(compare.PROXY_PORT) < count:
        if time.monotonic() > deadline:
            raise compare.Failure(f"only {compare.listeners_at(compare.PROXY_PORT)} of {count} bascules listen")
        time.sleep(0.01)


@contextlib.contextmanager
def started(commands, **how):
    processes = []
    try:
        for command in commands:
            processes.append(subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], **how))
        yield processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def bascules(program, folder, count, generators):
    routes = "".join(f"""\
  - name: of-generator-{number}
    path: /{number}
    auth: none
    to: 127.0.0.1:{compare.SERVICE_PORT + number}
""" for number in range(generators))
    rules = folder / "rules.yaml"
    rules.write_text(f"listen: {{address: \"0.0.0.0:{compare.PROXY_PORT}\", share_port: true}}\nroutes:\n{routes}")
    return [[program, "serve", str(rules), "--workers", "1"] for _ in range(count)]


def generators_of(load, sessions, proxy):
    """Each with a service and a loopback address of its own: a port is free once for each pair of addresses."""
    commands = []
    while sessions > 0:
        number = len(commands)
        commands.append([load, "hold", "--proxy-port", str(compare.PROXY_PORT), "--proxy-host", str(number + 2), "--path",
                         f"/{number}", "--service-port", str(compare.SERVICE_PORT + number), "--proxy-pid", str(proxy),
                         "--sessions", str(min(sessions, SESSIONS_A_GENERATOR)), "--seed", str(number + 1)])
        sessions -= SESSIONS_A_GENERATOR
    return commands


def by_sockets(program, load, folder, sessions):
    generators = -(-sessions // SESSIONS_A_GENERATOR)
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # The kernel deals connections out by chance: one in six more than the average is more than it ever is.
    count = -(-sessions * 7 // (6 * (descriptors // 2 - 100)))
    with started(bascules(program, folder, count, generators), stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL) as proxies:
        wait_for_listeners(count)
        compare.say(f"  {count} bascules share one port")
        at_rest = memory_of(proxies)
        with started(generators_of(load, sessions, proxies[0].pid), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     text=True) as clients:
            began = time.monotonic()
            for number, client in enumerate(clients):
                if client.stdout.readline().strip() != "open":
                    raise compare.Failure("a generator could not open its sessions; what it said stands above")
                compare.say(f"  generator {number + 1}/{len(clients)}: its sessions are open, after "
                            f"{time.monotonic() - began:.0f} s")
            grown = memory_of(proxies) - at_rest
            answered = 0
            for client in clients:
                client.stdin.write("go on\n")
                client.stdin.flush()
            for client in clients:
                found = client.stdout.readline()
                if client.wait(timeout=DEADLINE_S) != 0:
                    raise compare.Failure("sessions did not answer; what the generator said stands above")
                answered += json.loads(found)["sessions"]
    return count, answered, grown / sessions


def run(arguments):
    program, load = compare.programs(arguments)
    resting = arguments.resting or str(compare.ROOT / "build/release/test/work/resting")
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.alarm(2 * DEADLINE_S)
    in_memory = json.loads(compare.output_of([resting, "100000"]))
    compare.say(f"  {in_memory['sessions']:,} sessions by streams of memory: {in_memory['bytes_a_session']:.0f} bytes each")
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        processes, answered, bytes_each = by_sockets(program, load, pathlib.Path(folder), arguments.sessions)
    print("| | sessions | processes | memory a session, bytes | goal |\n| --- | ---: | ---: | ---: | ---: |")
    print(f"| by streams of memory | {in_memory['sessions']:,} | 1 | {in_memory['bytes_a_session']:.0f} | ≤ 1,024 |")
    print(f"| by sockets, all of which answered | {answered:,} | {processes} | {bytes_each:.0f} | ≤ 1,024 |")
    print(f"\n{compare.describe_machine([compare.Bascule(program)])}.")
    return 0


if __name__ == "__main__":
    compare.start(read_arguments, run)
