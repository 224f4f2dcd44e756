"""Lets a bascule that was built with BASCULE_PROFILE=generate do what scripts/bench and scripts/bench tls measure, so that
it writes down which ways it goes. scripts/bench train builds it before, and builds by what was written afterwards."""

import argparse
import pathlib
import tempfile

import compare
import tls

WORKS = ("down", "up", "echo", "setup")


def read_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench train", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    compare.add_programs(parser)
    return parser.parse_args()


def run(arguments):
    program, load = compare.programs(arguments)
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        bench = compare.Bench(load, pathlib.Path(folder), True)
        for rows, kind in ((compare.ROWS, compare.Bascule), (tls.ROWS, tls.TlsBascule)):
            for row in rows:
                if row.work in WORKS:
                    result = bench.run(kind(program), row.work, row.sessions, more=row.more)
                    compare.say(f"  {kind.__name__:<11} {row.name:<8} {row.speed(result)}")
    return 0


if __name__ == "__main__":
    compare.start(read_arguments, run)
