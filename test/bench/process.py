"""What a proxy costs before anybody comes: the size of its program, how long it takes to listen, and what it has in
memory at rest. Prints medians as a table in Markdown; for bascule, with one worker and the rules of scripts/bench.

test/bench/README.md says what the rows mean."""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import compare

KINDS = [compare.Haproxy, compare.Bascule, compare.Nginx, compare.Lighttpd, compare.Websockify]
REST_S = 0.3


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench process", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, metavar="N", default=9, help="how often each is started (9)")
    compare.add_programs(parser)
    arguments = parser.parse_args()
    if not 1 <= arguments.rounds <= 100:
        parser.error("--rounds takes 1 to 100")
    return arguments


def tree_of(root):
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text(encoding="utf-8")
        except OSError:
            continue  # gone meanwhile
        parents[int(entry)] = int(stat.rsplit(")", 1)[1].split()[1])
    members = [root]
    for member in members:
        members += [pid for pid, parent in parents.items() if parent == member]
    return members


def kib(root, file, field):
    return sum(int(re.search(rf"^{field}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/{file}").read_text(encoding="ascii"),
                             re.M)[1]) for pid in tree_of(root))


def start_once(proxy, folder):
    """Seconds until it listens, and the KiB at rest: resident, and by proportional share."""
    command = proxy.command(folder)
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        while not compare.is_listening(compare.PROXY_PORT):
            if process.poll() is not None or time.monotonic() > began + 10:
                raise compare.Failure(f"{proxy.name} does not listen (exit status {process.poll()})")
        took = time.monotonic() - began
        time.sleep(REST_S)  # it may well go on with its start
        return took, kib(process.pid, "status", "VmRSS"), kib(process.pid, "smaps_rollup", "Pss")
    finally:
        compare.end(proxy.name, process)


def program_mb(proxy, folder):
    stripped = folder / "stripped"
    program = shutil.which(proxy.command(folder)[0])
    subprocess.run(["strip", "-o", str(stripped), program], capture_output=True, check=False)  # not of a script
    return (stripped if stripped.exists() else pathlib.Path(program)).stat().st_size / 1e6


def run(arguments):
    proxies = [kind(compare.programs(arguments)[0]) for kind in KINDS]
    found = {proxy.name: [] for proxy in proxies}
    sizes = {}
    for number in range(arguments.rounds):
        for proxy in proxies:
            with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
                found[proxy.name].append(start_once(proxy, pathlib.Path(folder)))
                sizes[proxy.name] = program_mb(proxy, pathlib.Path(folder))
            took, resident, shared = found[proxy.name][-1]
            compare.say(f"  round {number + 1}/{arguments.rounds}  {proxy.name:<11}{took * 1000:8.1f} ms to listen, "
                        f"{resident / 1024:.1f} MiB resident, {shared / 1024:.1f} by share")
    columns = [[statistics.median(part) for part in zip(*found[proxy.name])] for proxy in proxies]
    print("| | " + " | ".join(proxy.name for proxy in proxies) + " | bascule's goal |")
    print("| --- |" + " ---: |" * (len(proxies) + 1))
    print("| the program, stripped, MB | " + " | ".join(f"{sizes[proxy.name]:.2f}" for proxy in proxies) + " | ≤ 3 |")
    print("| start to listening, ms | " + " | ".join(f"{took * 1000:.0f}" for took, _, _ in columns) + " | ≤ 30 |")
    print("| resident at rest, MB | " + " | ".join(f"{kib * 1024 / 1e6:.1f}" for _, kib, _ in columns) + " | ≤ 8 |")
    print("| of it by its share of what others use too, MB | "
          + " | ".join(f"{kib * 1024 / 1e6:.1f}" for _, _, kib in columns) + " | – |")
    print(f"\nMedians of {arguments.rounds} rounds.\n"
          f"{compare.describe_machine(proxies)}.")
    return 0


if __name__ == "__main__":
    compare.start(read_arguments, run)
