"""Measures what a flood of TLS handshakes does to the sessions of others: the latency of an echo beside handshakes from
one address, as many as it has time for, and beside nothing. Prints a table in Markdown.

The proxy runs on one core, all clients and the service on another, and the three states take turns, round after round.
test/bench/README.md says what the figures mean. Start it by scripts/bench handshakes, which installs, builds, and gives
it a network namespace of its own."""

import argparse
import json
import pathlib
import statistics
import tempfile
import time
from dataclasses import dataclass

import compare
import tls

SESSIONS = 64
MESSAGES_A_SECOND = 20  # of each session: far from what one core can do
GOAL = 3                # times the p99 of the quiet rounds, beside either flood

# Fewer a second than this, answered or refused, are no flood. One core can answer some thousands, and bascule gives a
# crowd of one address a quarter of it.
FLOOD_MIN = 300


@dataclass(frozen=True)
class State:
    name: str
    title: str
    handshake: str = "none"  # of which kind the flood is


STATES = [
    State("quiet", "nothing else"),
    State("hellos", "handshakes hung up on after the proxy's part", "hello"),
    State("whole", "whole handshakes", "whole"),
]


# ---- Rounds ----------------------------------------------------------------------------------------------------------

def measure(bench, proxy, rounds, under_way):
    """results[state] = one result a round."""
    results = {state.name: [] for state in STATES}
    for number in range(rounds):
        for state in STATES:
            result = bench.run(proxy, "handshakes", SESSIONS, number, [
                "--messages-a-second", str(MESSAGES_A_SECOND), "--flood-handshake", state.handshake,
                "--flood-under-way", str(under_way)])
            results[state.name].append(result)
            latency, cost = result["latency_us"], result["cost"]
            compare.say(f"  round {number + 1}/{rounds}  {state.name:<7} p50 {latency['p50']:7.0f} µs  p99 "
                        f"{latency['p99']:7.0f} µs  max {latency['max']:7.0f} µs  proxy "
                        f"{cost['proxy_cpu_s'] / cost['seconds']:.0%} of its core  {flood_text([result])}")
    return results


def a_second(results, what):
    return statistics.median(result["flood"][what] / result["flood"]["seconds"] for result in results)


def flood_text(results):
    if any(result["flood"]["under_way"] == 0 for result in results):
        return "–"
    return f"{a_second(results, 'answered'):,.0f}/s answered, {a_second(results, 'refused'):,.0f}/s refused"


# ---- What comes out --------------------------------------------------------------------------------------------------

def summary(results):
    """For each state: medians over the rounds, but the worst maximum; ratios to the quiet rounds."""
    cells = {}
    for state in STATES:
        latencies = [result["latency_us"] for result in results[state.name]]
        costs = [result["cost"] for result in results[state.name]]
        quiet = [result["latency_us"] for result in results["quiet"]]
        cells[state.name] = {
            **{part: statistics.median(latency[part] for latency in latencies) for part in ("p50", "p99", "p999")},
            "max": max(latency["max"] for latency in latencies),
            "p99_ratios": [own["p99"] / base["p99"] for own, base in zip(latencies, quiet)],
            "proxy_core": statistics.median(cost["proxy_cpu_s"] / cost["seconds"] for cost in costs),
            "flood": flood_text(results[state.name]),
        }
    for cell in cells.values():
        cell["p99_ratio"] = cell["p99"] / cells["quiet"]["p99"]
    return cells


def table(cells):
    lines = ["| beside | p50, µs | p99, µs | p99.9, µs | max, µs | p99 to quiet | proxy's core | flood |",
             "| --- |" + " ---: |" * 6 + " --- |"]
    for state in STATES:
        cell = cells[state.name]
        latencies = " | ".join(f"{cell[part]:,.0f}" for part in ("p50", "p99", "p999", "max"))
        lines.append(f"| {state.title} | {latencies} | {cell['p99_ratio']:.2f}× | {cell['proxy_core']:.0%} | "
                     f"{cell['flood']} |")
    return "\n".join(lines)


def remarks(results, cells):
    """What a reader must know to believe the table, or not to."""
    lines = []
    for state in STATES:
        own, cell = results[state.name], cells[state.name]
        if state.handshake != "none":
            reached = "reached" if cell["p99_ratio"] <= GOAL else "MISSED"
            lines.append(f"p99 beside {state.title}: {cell['p99_ratio']:.2f}× quiet, by round "
                         f"{min(cell['p99_ratios']):.2f}–{max(cell['p99_ratios']):.2f}; goal ≤ {GOAL}× {reached}")
            if a_second(own, "answered") + a_second(own, "refused") < FLOOD_MIN:
                lines.append(f"{state.name}: NO FLOOD, measure again: fewer than {FLOOD_MIN} handshakes a second")
        others = statistics.median(result["cost"]["others_cpu_s"] / result["cost"]["seconds"] for result in own)
        if others > compare.INTERRUPTS:
            lines.append(f"{state.name}: DISTURBED, measure again: something else took {others:.0%} of a core "
                         "meanwhile")
    return lines


# ---- The run ---------------------------------------------------------------------------------------------------------

def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench handshakes", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [kind.name for kind in tls.KINDS]
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is measured (5)")
    parser.add_argument("--seconds", type=int, default=6, metavar="N", help="how long each time (6)")
    parser.add_argument("--under-way", type=int, default=256, metavar="N",
                        help="connections of the flood at a time (256)")
    parser.add_argument("--proxy", default="bascule", choices=names, help="which is measured (bascule)")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="also write every figure of every round here")
    compare.add_programs(parser)
    arguments = parser.parse_args()
    for name, most in (("rounds", 100), ("seconds", 120), ("under_way", 5000)):
        if not 1 <= getattr(arguments, name) <= most:
            parser.error(f"--{name.replace('_', '-')} takes 1 to {most}")
    return arguments


def main():
    arguments = read_arguments()
    if arguments.parse_only:
        return 0
    compare.prepare_process()
    program, load = compare.programs(arguments)
    proxy = next(kind for kind in tls.KINDS if kind.name == arguments.proxy)(program)
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        bench = compare.Bench(load, pathlib.Path(folder), quick=False)
        bench.warm_up_ms, bench.window_ms = 1000, arguments.seconds * 1000
        started = time.monotonic()
        results = measure(bench, proxy, arguments.rounds, arguments.under_way)

    cells = summary(results)
    compiler = compare.output_of(["c++", "--version"]).splitlines()[0]
    machine = compare.describe_machine([proxy], compiler)
    print(table(cells))
    print(f"\nEcho of 64 bytes by wss, {SESSIONS} sessions from 127.0.0.1, {MESSAGES_A_SECOND} messages a second each, "
          f"sent whether or not the last answer has come;\nfloods of TLS 1.3 handshakes from 127.0.0.2, "
          f"{arguments.under_way} under way at a time. Medians of {arguments.rounds} interleaved rounds of "
          f"{arguments.seconds} s (max: the\nworst of all). Proxy on one core, clients and service on another, "
          f"loopback.\n{machine}.\n")
    for line in remarks(results, cells):
        print(f"- {line}")
    compare.say(f"took {time.monotonic() - started:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "rounds": arguments.rounds, "summary": cells,
                                              "results": results}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    compare.start(main)
