#!/usr/bin/python3
"""What the paths that everybody's bytes take cost in instructions, which no busy machine changes, against what
test/bench/instructions.md says: 5 % more is a slow-down that somebody has to explain.

    hot_paths.py PROGRAM            PROGRAM: hot_paths, a release build
    hot_paths.py PROGRAM --write    write what was counted into the table
"""

import pathlib
import re
import subprocess
import sys

from callgrind import instructions

ROOM = 0.05
TIMES = (50, 250)  # the difference is what the path itself costs
TABLE = pathlib.Path(__file__).resolve().parent.parent / "bench" / "instructions.md"
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| ([\d,]+) \|$", re.MULTILINE)

# The C library picks its loops by the processor: these are the ones that each x86-64 has.
SAME_EVERYWHERE = "glibc.cpu.hwcaps=" + ",".join(
    f"-{name}" for name in ("AVX", "AVX2", "AVX512F", "AVX512VL", "AVX512BW", "BMI1", "BMI2", "ERMS", "FSRM", "SSE4_1",
                            "SSE4_2", "SSSE3", "MOVBE", "RTM", "AVX_Fast_Unaligned_Load"))


def main():
    program = sys.argv[1]
    written = TABLE.read_text(encoding="utf-8")
    expected = {name: int(number.replace(",", "")) for name, _, number in ROW.findall(written)}
    paths = subprocess.run([program], check=True, capture_output=True, text=True, timeout=30).stdout.split()
    if set(paths) != set(expected):
        sys.exit(f"{TABLE} has rows for {sorted(expected)}, and the paths are {sorted(paths)}")
    few, many = TIMES
    counted = {}
    for path in paths:
        at_few, at_many = (instructions(program, path, times, env={"GLIBC_TUNABLES": SAME_EVERYWHERE}) for times in TIMES)
        counted[path] = round((at_many - at_few) / (many - few))
    apart = []
    for path in paths:
        difference = counted[path] / expected[path] - 1
        print(f"{path}: {counted[path]:,} instructions, {difference:+.2%} of the table's {expected[path]:,}")
        if abs(difference) > ROOM:
            apart.append(path)
    if sys.argv[2:] == ["--write"]:
        TABLE.write_text(ROW.sub(lambda row: f"| `{row[1]}` | {row[2]} | {counted[row[1]]:,} |", written),
                         encoding="utf-8")
        return
    if apart:
        sys.exit(f"more than {ROOM:.0%} off: {', '.join(apart)}. A slow-down needs a reason, and either has to be "
                 f"written into {TABLE.name}: {pathlib.Path(__file__).name} {program} --write")


main()
