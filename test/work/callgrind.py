"""How many instructions a program takes, which no busy machine changes."""

import os
import re
import shutil
import subprocess
import sys


def instructions(*command, env=()):
    """Of one run of it, by valgrind; ends this program where that cannot be said. `env`: more of the environment."""
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not there; apt-get install valgrind")
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, command)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **dict(env)})
    counted = re.search(r"Collected\s*:\s*(\d+)", run.stderr)
    if run.returncode != 0 or not counted:
        sys.exit(f"{' '.join(command)} ended with {run.returncode}:\n{run.stderr}")
    return int(counted[1])
