"""What scripts/bench logins, handshakes and crowds have in common: the latency of an echo beside this and that, and
beside nothing, from the command line to the table.

Each of them is a Mode: its states, what bascule_load is told in each, and how its flood is told of. The proxy runs on
one core, all clients and the service on another, and the states take turns, round after round."""

import argparse
import json
import pathlib
import statistics
import tempfile
import time
from dataclasses import dataclass

import compare

SESSIONS = 64
MESSAGES_A_SECOND = 20  # of each session: far from what one core can do


@dataclass(frozen=True)
class State:
    name: str
    title: str
    flood: str = ""   # which kind of flood there is beside the sessions; empty: none
    judged: str = ""  # what the verdict calls it; empty: it is only shown


class Mode:
    name = ""         # the word of scripts/bench, and of bascule_load
    description = ""  # for --help
    states = []       # the quiet one first
    goal = 0          # times the p99 of the quiet rounds, at most, beside each state that is judged
    seconds = 0       # of a round, unless others are asked for
    column = ""       # what the last one of the table is called
    most = {}         # the largest values of its own arguments, which begin at 1

    def __init__(self, arguments):
        self.arguments = arguments

    @staticmethod
    def add_arguments(parser):
        """Those which only this mode has."""

    def proxy(self, program):
        raise NotImplementedError

    def load_options(self, state):
        """How bascule_load is told of the state."""
        raise NotImplementedError

    def flood(self, state, results):
        """What became of the flood, over these rounds of the state."""
        raise NotImplementedError

    def flood_text(self, flood):
        return flood

    def doubts(self, state, results):
        """Lines that say why this was no flood."""
        raise NotImplementedError

    def setting(self):
        """What stands below the table."""
        raise NotImplementedError


# ---- Rounds ----------------------------------------------------------------------------------------------------------

def measure(bench, proxy, mode):
    """results[state] = one result a round."""
    results = {state.name: [] for state in mode.states}
    width = max(len(state.name) for state in mode.states) + 1
    for number in range(mode.arguments.rounds):
        for state in mode.states:
            result = bench.run(proxy, mode.name, SESSIONS, number,
                               ["--messages-a-second", str(MESSAGES_A_SECOND), *mode.load_options(state)])
            results[state.name].append(result)
            latency, cost = result["latency_us"], result["cost"]
            compare.say(f"  round {number + 1}/{mode.arguments.rounds}  {state.name:<{width}} "
                        f"p50 {latency['p50']:7.0f} µs  p99 {latency['p99']:7.0f} µs  max {latency['max']:7.0f} µs  "
                        f"proxy {cost['proxy_cpu_s'] / cost['seconds']:.0%} of its core  "
                        f"{mode.flood_text(mode.flood(state, [result]))}")
    return results


def a_second(results, what):
    return statistics.median(result["flood"][what] / result["flood"]["seconds"] for result in results)


# ---- What comes out --------------------------------------------------------------------------------------------------

def summary(mode, results):
    """For each state: medians over the rounds, but the worst maximum; ratios to the quiet rounds."""
    cells = {}
    for state in mode.states:
        latencies = [result["latency_us"] for result in results[state.name]]
        costs = [result["cost"] for result in results[state.name]]
        quiet = [result["latency_us"] for result in results["quiet"]]
        cells[state.name] = {
            **{part: statistics.median(latency[part] for latency in latencies) for part in ("p50", "p99", "p999")},
            "max": max(latency["max"] for latency in latencies),
            "p99_ratios": [own["p99"] / base["p99"] for own, base in zip(latencies, quiet)],
            "proxy_core": statistics.median(cost["proxy_cpu_s"] / cost["seconds"] for cost in costs),
            mode.column: mode.flood(state, results[state.name]),
        }
    for cell in cells.values():
        cell["p99_ratio"] = cell["p99"] / cells["quiet"]["p99"]
    return cells


def table(mode, cells):
    lines = [f"| beside | p50, µs | p99, µs | p99.9, µs | max, µs | p99 to quiet | proxy's core | {mode.column} |",
             "| --- |" + " ---: |" * 6 + " --- |"]
    for state in mode.states:
        cell = cells[state.name]
        latencies = " | ".join(f"{cell[part]:,.0f}" for part in ("p50", "p99", "p999", "max"))
        lines.append(f"| {state.title} | {latencies} | {cell['p99_ratio']:.2f}× | {cell['proxy_core']:.0%} | "
                     f"{mode.flood_text(cell[mode.column])} |")
    return "\n".join(lines)


def remarks(mode, results, cells):
    """What a reader must know to believe the table, or not to."""
    lines = []
    for state in mode.states:
        own, cell = results[state.name], cells[state.name]
        if state.judged:
            reached = "reached" if cell["p99_ratio"] <= mode.goal else "MISSED"
            lines.append(f"p99 beside {state.judged}: {cell['p99_ratio']:.2f}× quiet, by round "
                         f"{min(cell['p99_ratios']):.2f}–{max(cell['p99_ratios']):.2f}; goal ≤ {mode.goal}× {reached}")
        if state.flood:
            lines += [f"{state.name}: NO FLOOD, measure again: {doubt}" for doubt in mode.doubts(state, own)]
        others = statistics.median(result["cost"]["others_cpu_s"] / result["cost"]["seconds"] for result in own)
        if others > compare.INTERRUPTS:
            lines.append(f"{state.name}: DISTURBED, measure again: something else took {others:.0%} of a core "
                         "meanwhile")
    return lines


# ---- The run ---------------------------------------------------------------------------------------------------------

def read_arguments(kind):
    parser = argparse.ArgumentParser(prog=f"scripts/bench {kind.name}", description=kind.description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is measured (5)")
    parser.add_argument("--seconds", type=int, default=kind.seconds, metavar="N",
                        help=f"how long each time ({kind.seconds})")
    kind.add_arguments(parser)
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="also write every figure of every round here")
    compare.add_programs(parser)
    arguments = parser.parse_args()
    for name, most in {"rounds": 100, "seconds": 120, **kind.most}.items():
        if not 1 <= getattr(arguments, name) <= most:
            parser.error(f"--{name.replace('_', '-')} takes 1 to {most}")
    return arguments


def run(kind, arguments):
    """A run of this kind of Mode, up to the table."""
    program, load = compare.programs(arguments)
    mode = kind(arguments)
    proxy = mode.proxy(program)
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        bench = compare.Bench(load, pathlib.Path(folder), quick=False)
        bench.warm_up_ms, bench.window_ms = 1000, arguments.seconds * 1000
        started = time.monotonic()
        results = measure(bench, proxy, mode)

    cells = summary(mode, results)
    machine = compare.describe_machine([proxy])
    print(table(mode, cells))
    print(f"\n{mode.setting()}\n{machine}.\n")
    for line in remarks(mode, results, cells):
        print(f"- {line}")
    compare.say(f"took {time.monotonic() - started:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "rounds": arguments.rounds, "summary": cells,
                                              "results": results}, indent=1), encoding="utf-8")
    return 0


def start(kind):
    compare.start(lambda: read_arguments(kind), lambda arguments: run(kind, arguments))
