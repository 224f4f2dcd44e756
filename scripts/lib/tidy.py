#!/usr/bin/python3
"""clang-tidy over the sources of proxy/, two at a time, without the ones that passed before and have not changed.

    tidy.py ROOT BUILD      BUILD: a build folder with compile_commands.json

A file is the same while it, all that it includes, how it is compiled, the checks and the tool are the same.
Ends with `N passed, M failed`.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time

# clang 14 does not tell Asio by itself that it has coroutines, and does not know each warning of g++. The analyzer takes
# most of the time, and most of that on the last part of the paths that it follows by default: a third of them halves it.
EXTRA = [
    "--extra-arg=-DASIO_HAS_CO_AWAIT=1",
    "--extra-arg=-DASIO_HAS_STD_COROUTINE=1",
    "--extra-arg=-Wno-unknown-warning-option",
    *(f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=75000")),
]


def sources(root, build):
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if file.is_relative_to(root / "proxy"):
            yield file, entry


def included(build):
    """What each object is made of, by ninja's own record of what the compiler has read."""
    told = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True).stdout
    made_of = {}
    for line in told.splitlines():
        if line.startswith(" "):
            made_of[the_object].append(line.strip())
        elif line:
            the_object = line.split(": ")[0]
            made_of[the_object] = []
    return made_of


@functools.lru_cache(maxsize=None)
def digest(file):
    return hashlib.sha256(pathlib.Path(file).read_bytes()).digest()


def sameness(build, checks, entry, made_of):
    """The same for what would be judged the same; None where the build does not know what it is made of."""
    words = shlex.split(entry["command"])
    files = made_of.get(words[words.index("-o") + 1])
    if not files:
        return None
    whole = hashlib.sha256(checks + entry["command"].encode())
    for file in files:
        whole.update(digest(str(build / file)))
    return whole.hexdigest()


def judge(tool, root, build, same, file):
    """(whether it is clean, what to print)"""
    name = file.relative_to(root)
    began = time.monotonic()
    if same is None:
        return False, f"FAIL {name}: is not built, so nobody knows what it includes: see the build's log"
    known = build / "tidy" / same
    if known.exists():
        return True, f"ok   {name} (unchanged)"
    done = subprocess.run([tool, "-p", str(build), "--quiet", *EXTRA, str(file)], capture_output=True, text=True)
    if done.returncode:
        return False, f"FAIL {name}\n{done.stdout or done.stderr}"  # stderr only counts what is not shown
    known.touch()
    return True, f"ok   {name} ({time.monotonic() - began:.1f} s)"


def main(root, build):
    root, build = pathlib.Path(root).resolve(), pathlib.Path(build).resolve()
    if not (build / "compile_commands.json").exists():
        print(f"{build} is not configured, so nobody knows how the sources are compiled: see the build's log")
        print("0 passed, 1 failed")
        return 1
    tool = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    version = subprocess.run([tool, "--version"], capture_output=True, check=True).stdout
    checks = version + (root / ".clang-tidy").read_bytes() + repr(EXTRA).encode()
    (build / "tidy").mkdir(exist_ok=True)
    made_of = included(build)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        judged = [
            pool.submit(judge, tool, root, build, sameness(build, checks, entry, made_of), file)
            for file, entry in sources(root, build)
        ]
        for verdict in concurrent.futures.as_completed(judged):
            clean, text = verdict.result()
            passed += clean
            failed += not clean
            print(f"[{passed + failed}/{len(judged)}] {text}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
