"""The tables of what is promised, in the README.md of a suite: held against the tests they name, and printed.

A row is a line of a Markdown table whose first cell is a number and whose last says what shows it:

    | 27 | An upgrade by POST | 405, `Allow: GET` | `test_opening.Methods.test_others` |
    | 67 | Unmasking, any size at any place | as a byte loop does | C++ `Mask.*` |
    | 73 | A deflate bomb | - | Left out: bascule never negotiates compression |

`module.Class` names all its tests. Names after `C++` are tests of test/**/*_test.cpp, which run with the others of
their room; names after `e2e` are cases of that suite, `abuse` and so on likewise. Several are parted by commas.
"""

import fnmatch
import pathlib
import re

TEST = pathlib.Path(__file__).resolve().parent.parent


class Row:
    def __init__(self, line):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        self.number = cells[0]
        self.promise = " → ".join(cell for cell in cells[1:-1] if cell and cell != "-")
        self.shown_by = cells[-1]

    @property
    def left_out(self):
        return self.shown_by.startswith("Left out: ")

    def names(self):
        """(where, name) of each test: `where` is "" for this suite's own, "C++", or another suite's name."""
        where = ""
        for word in re.finditer(r"(\bC\+\+|\b[a-z0-9]+)?\s*`([^`]+)`", self.shown_by):
            where = word[1] or where
            yield where, word[2]


def rows_of(readme):
    return [Row(line) for line in readme.read_text().splitlines() if re.match(r"\|\s*\d+[a-z]?\s*\|", line)]


def cpp_tests():
    """Suite.Name of every test that is written in C++."""
    names = set()
    for source in TEST.rglob("*_test.cpp"):
        names |= {f"{m[1]}.{m[2]}" for m in re.finditer(r"^TEST(?:_[FP])?\((\w+), (\w+)\)", source.read_text(), re.M)}
    return names


def python_tests(suite):
    """module.Class.test of every case of a suite, as they stand in its files."""
    names = set()
    for source in (TEST / suite).glob("test_*.py"):
        of_class = None
        for m in re.finditer(r"^class (\w+)|^    def (test_\w+)", source.read_text(), re.M):
            of_class = m[1] or of_class
            if m[2]:
                names.add(f"{source.stem}.{of_class}.{m[2]}")
    return names


def matching(pattern, names):
    """`module.Class` and `Suite.*` stand for all that begins so."""
    return [n for n in names if n == pattern or n.startswith(pattern + ".") or fnmatch.fnmatchcase(n, pattern)]


def hold(readme, verdicts):
    """Prints each row with its verdict. `verdicts`: whether each case of this run passed, by its id. How many faults the
    table has: rows without a test that exists, numbers that are doubled or missing, tests that no row names."""
    elsewhere = {}
    faults = []
    numbers = []
    unnamed = set(verdicts)
    print(f"\n{readme.relative_to(TEST.parent)}:")
    for row in rows_of(readme):
        numbers.append(row.number)
        verdict = "left out" if row.left_out else "ok"
        if not row.left_out and not list(row.names()):
            faults.append(f"row {row.number} names no test")
        for where, name in [] if row.left_out else row.names():
            if where and where not in elsewhere:
                elsewhere[where] = cpp_tests() if where == "C++" else python_tests(where)
            found = matching(name, elsewhere[where] if where else verdicts)
            if not found:
                faults.append(f"row {row.number}: there is no test {where} {name}")
                verdict = "NO TEST"
            elif not where:
                unnamed -= set(found)
                if not all(verdicts[n] for n in found):
                    verdict = "FAILED"
        print(f"  {row.number:>4}  {verdict:8}  {row.promise}")
    faults += [f"row {n} stands there {numbers.count(n)} times" for n in sorted(set(numbers)) if numbers.count(n) > 1]
    whole = {int(re.match(r"\d+", n)[0]) for n in numbers}
    faults += [f"there is no row {n}" for n in range(1, max(whole, default=0)) if n not in whole]
    faults += [f"no row names {name}" for name in sorted(unnamed)]
    for fault in faults:
        print(f"  {readme.parent.name}/README.md: {fault}")
    return len(faults)
