#!/usr/bin/python3
"""Runs one of the suites that drive the real binary.

    test/run.py SUITE [WORD...]            only the cases whose name holds one of the words
    test/run.py --jobs 2 SUITE [WORD...]   so many cases at a time

    e2e            real clients through bascule to real services
    conformance    RFC 6455 to the letter, over raw sockets
    abuse          what a hostile visitor may try, and what it must not lead to
    faults         what networks, services and hosts do to one who is innocent

A suite whose README.md has a table of promises is held against it: each row names the tests that show it, each test
stands in a row. BASCULE_BIN names the binary (build/release/proxy/bascule if unset). scripts/test installs what the
cases need.
"""

import argparse
import collections
import multiprocessing
import os
import pathlib
import signal
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SUITES = ("e2e", "conformance", "abuse", "faults")
sys.path.insert(0, str(HERE / "support"))

import harness  # noqa: E402  (found through the line above)
import promises  # noqa: E402


class Verdicts(unittest.TestResult):
    """What went wrong in the case that runs, as text."""

    def __init__(self):
        super().__init__()
        self.troubles = []

    def addFailure(self, test, err):
        self.troubles.append(self._exc_info_to_string(err, test))

    def addError(self, test, err):
        self.troubles.append(self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.troubles.append(f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        self.troubles.append(f"skipped, but no case may be left out here: {reason}\n")


def run_case(case):
    """What went wrong, or nothing; prints one line, and what went wrong below it."""
    verdicts = Verdicts()
    began = time.monotonic()
    try:
        case.run(verdicts)
    except KeyboardInterrupt:
        case.doCleanups()  # what the case has started ends with it, Ctrl-C or not
        raise
    verdict = "FAIL" if verdicts.troubles else "ok  "
    lines = [f"{verdict} {case.shortDescription() or case.id()}  ({time.monotonic() - began:.1f} s)"]
    lines += ["       " + trouble.rstrip().replace("\n", "\n       ") for trouble in verdicts.troubles]
    print("\n".join(lines), flush=True)
    return "\n".join(lines) if verdicts.troubles else ""


def run_at_once(chosen, jobs):
    """The same as run_case for each, in `jobs` processes; each takes the next that nobody has taken."""
    context = multiprocessing.get_context("fork")
    following = context.Value("i", 0)
    ended = context.SimpleQueue()

    def work():
        os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which passes it on
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while True:
                with following.get_lock():
                    index = following.value
                    following.value += 1
                if index >= len(chosen):
                    return
                ended.put((index, run_case(chosen[index])))
        except KeyboardInterrupt:
            os._exit(130)

    workers = [context.Process(target=work) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    troubles = [f"FAIL {case.id()}: the process that ran it has died" for case in chosen]

    def take_what_is_told():
        while not ended.empty():
            index, trouble = ended.get()
            troubles[index] = trouble

    try:
        for worker in workers:
            while worker.is_alive():
                worker.join(0.2)
                take_what_is_told()  # a pipe that is full would stop the workers
    except KeyboardInterrupt:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
        raise
    take_what_is_told()
    return troubles


def cases(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


def main():
    parser = argparse.ArgumentParser(description="Runs one of the suites that drive the real binary.")
    parser.add_argument("--jobs", type=int, default=1, help="so many cases at a time")
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only the cases whose name holds one of these")
    asked = parser.parse_args()

    if not harness.bascule_binary().is_file():
        print(f"{harness.bascule_binary()}: no such program")
        print("build it (cmake --preset release && cmake --build --preset release), or name another one in BASCULE_BIN")
        return 2
    folder = HERE / asked.suite
    sys.path.insert(0, str(folder))
    found = list(cases(unittest.defaultTestLoader.discover(str(folder), top_level_dir=str(folder))))
    chosen = [case for case in found if not asked.words or any(word in case.id() for word in asked.words)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if asked.jobs > 1:
            troubles = run_at_once(chosen, asked.jobs)
        else:
            troubles = [run_case(case) for case in chosen]
    except KeyboardInterrupt:
        return 130

    verdicts = {case.id(): not trouble for case, trouble in zip(chosen, troubles)}
    counts = collections.Counter(verdicts.values())
    readme = folder / "README.md"
    if readme.is_file() and not asked.words:
        wrong = promises.hold(readme, verdicts)
        counts[False] += wrong
        counts[True] += not wrong
    # Once more at the end, where somebody looks who comes later.
    for trouble in filter(None, troubles):
        print(trouble)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 0 if counts[True] and not counts[False] else 1


if __name__ == "__main__":
    sys.exit(main())
