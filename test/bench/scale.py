"""Measures whether a unit of work costs more where there is more of everything: with 9,000 sessions open instead of 64,
and with two workers instead of one. Prints medians and ratios as a table in Markdown.

bascule against itself, in the same round; otherwise as scripts/bench. test/bench/README.md says what the rows mean."""

import argparse
import os
import pathlib
import statistics
import tempfile
from dataclasses import dataclass

import compare


class OnEveryCore(compare.Bascule):
    """One worker, which the kernel may put on any core, as those of TwoWorkers: the generator is on one of them."""
    workers = 1

    def cores(self):
        return ",".join(map(str, sorted(os.sched_getaffinity(0))))


class TwoWorkers(OnEveryCore):
    workers = 2


@dataclass(frozen=True)
class Pair:
    row: compare.Row
    few: type[compare.Bascule]
    many: type[compare.Bascule]
    more_of_many: tuple[str, ...] = ()


PAIRS = [
    Pair(compare.Row("open", "echo of 64 bytes, 64 sessions active; 9,000 open instead of 64", "echo", 64,
                     "CPU-µs/message", 1.1),
         compare.Bascule, compare.Bascule, ("--resting", str(9000 - 64))),
    Pair(compare.Row("workers-echo64", "echo of 64 bytes, 64 sessions; two workers instead of one", "echo", 64,
                     "CPU-µs/message", 1.1), OnEveryCore, TwoWorkers),
    Pair(compare.Row("workers-down32", "service → client, 32 sessions; two workers instead of one", "down", 32,
                     "CPU-s/GB", 1.1), OnEveryCore, TwoWorkers),
]


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench scale", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [pair.row.name for pair in PAIRS]
    parser.add_argument("--only", metavar="ROW,...", help=f"only these rows, of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, metavar="N", default=5, help="how often each row is measured (5)")
    compare.add_programs(parser)
    arguments = parser.parse_args()
    if not 1 <= arguments.rounds <= 100:
        parser.error("--rounds takes 1 to 100")
    arguments.only = compare.chosen(parser, "row", arguments.only, names)
    return arguments


def measure(bench, pairs, program, rounds):
    """costs[row name] = (few, many) of each round."""
    costs = {pair.row.name: [] for pair in pairs}
    for number in range(rounds):
        for pair in pairs:
            sides = [(pair.few, ()), (pair.many, pair.more_of_many)]
            found = {}
            for at in (number % 2, 1 - number % 2):  # each round begins with the other side
                kind, more = sides[at]
                result = bench.run(kind(program), pair.row.work, pair.row.sessions, more=more)
                found[at] = pair.row.value(result)
                compare.say(f"  round {number + 1}/{rounds}  {pair.row.name:<15}{('few', 'many')[at]:<5}"
                            f"{found[at]:9.3f} {pair.row.unit:<15}{pair.row.speed(result)}")
            costs[pair.row.name].append((found[0], found[1]))
    return costs


def run(arguments):
    program, load = compare.programs(arguments)
    pairs = [pair for pair in PAIRS if pair.row.name in arguments.only]
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        costs = measure(compare.Bench(load, pathlib.Path(folder), False), pairs, program, arguments.rounds)
    print("| | few | many | ratio (by round) | goal |\n| --- | ---: | ---: | ---: | ---: |")
    for pair in pairs:
        few, many = (statistics.median(side) for side in zip(*costs[pair.row.name]))
        ratios = [many / few for few, many in costs[pair.row.name]]
        print(f"| {pair.row.title}, {pair.row.unit} | {few:.3g} | {many:.3g} | {statistics.median(ratios):.2f}× "
              f"({min(ratios):.2f}–{max(ratios):.2f}) | {pair.row.goal_text()} |")
    print(f"\nMedians of {arguments.rounds} interleaved rounds.\n"
          f"{compare.describe_machine([compare.Bascule(program)])}.")
    return 0


if __name__ == "__main__":
    compare.start(read_arguments, run)
