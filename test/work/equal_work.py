#!/usr/bin/python3
"""An unknown user and a wrong password cost the same, within 5 %: in instructions, which no busy machine changes.

    equal_work.py PROGRAM      PROGRAM: equal_work, built without sanitizers
"""

import sys

from callgrind import instructions

TOLERANCE = 0.05


apart = False
for kind in ("sha512", "bcrypt"):
    before = instructions(sys.argv[1], kind, "none")
    known, unknown = (instructions(sys.argv[1], kind, who) - before for who in ("known", "unknown"))
    difference = abs(known - unknown) / max(known, unknown)
    print(f"{kind}: wrong password {known:,}, unknown user {unknown:,} instructions, {difference:.2%} apart")
    apart = apart or difference > TOLERANCE
sys.exit(f"more than {TOLERANCE:.0%} apart: whoever can measure it learns who is there" if apart else 0)
