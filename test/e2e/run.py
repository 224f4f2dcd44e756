#!/usr/bin/python3
"""Runs the end-to-end cases: real clients through bascule to real services.

    test/e2e/run.py [WORD...]     only the cases whose name holds one of the words

BASCULE_BIN names the binary (build/release/proxy/bascule if unset). scripts/test installs what the cases need.
"""

import pathlib
import signal
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import harness  # noqa: E402  (found through the line above)


class Verdicts(unittest.TestResult):
    """One line a case, as it ends; what went wrong below it."""

    def startTest(self, test):
        super().startTest(test)
        self.current = test
        self._began = time.monotonic()
        self._troubles = 0

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._troubles += 1

    def addError(self, test, err):
        super().addError(test, err)
        self._troubles += 1

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        self._troubles += err is not None

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.failures.append((test, f"skipped, but no case may be left out here: {reason}\n"))
        self._troubles += 1

    def stopTest(self, test):
        super().stopTest(test)
        if sys.exc_info()[0] is KeyboardInterrupt:
            return
        verdict = "FAIL" if self._troubles else "ok  "
        print(f"{verdict} {test.shortDescription() or test.id()}  ({time.monotonic() - self._began:.1f} s)", flush=True)
        if self._troubles:
            for _, trace in (self.failures + self.errors)[-self._troubles :]:
                print("       " + trace.rstrip().replace("\n", "\n       "), flush=True)
            self.failed = getattr(self, "failed", 0) + 1


def cases(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


def main(words):
    if not harness.bascule_binary().is_file():
        print(f"{harness.bascule_binary()}: no such program")
        print("build it (cmake --preset release && cmake --build --preset release), or name another one in BASCULE_BIN")
        return 2
    found = list(cases(unittest.defaultTestLoader.discover(str(HERE), top_level_dir=str(HERE))))
    chosen = [case for case in found if not words or any(word in case.id() for word in words)]
    verdicts = Verdicts()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        unittest.TestSuite(chosen).run(verdicts)
    except KeyboardInterrupt:
        verdicts.current.doCleanups()  # what the case has started ends with it, Ctrl-C or not
        return 130
    # A module or class that could not even start has no case to count it by.
    outside = len([1 for test, _ in verdicts.errors if isinstance(test, unittest.suite._ErrorHolder)])
    failed = getattr(verdicts, "failed", 0) + outside
    passed = verdicts.testsRun - failed + outside
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
