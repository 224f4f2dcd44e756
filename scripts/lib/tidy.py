#!/usr/bin/python3
"""clang-tidy over the sources of proxy/, two at a time, without the ones that passed before and have not changed.

    tidy.py ROOT BUILD      BUILD: a build folder with compile_commands.json

A file is the same while its preprocessed text (comments kept, for they may silence a check), the checks and the tool
are the same. Ends with `N passed, M failed`.
"""

import concurrent.futures
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


def preprocessed(entry):
    words = shlex.split(entry["command"])
    if pathlib.Path(words[0]).name == "ccache":
        words = words[1:]
    output = words.index("-o")
    del words[output : output + 2]
    words.remove("-c")
    return subprocess.run([*words, "-E", "-C"], cwd=entry["directory"], capture_output=True, check=True).stdout


def judge(tool, root, build, checks, file, entry):
    """(whether it is clean, what to print)"""
    name = file.relative_to(root)
    began = time.monotonic()
    try:
        text = preprocessed(entry)
    except subprocess.CalledProcessError as error:
        return False, f"FAIL {name}: does not compile\n{error.stderr.decode(errors='replace')}"
    known = build / "tidy" / hashlib.sha256(checks + text).hexdigest()
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
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        judged = [pool.submit(judge, tool, root, build, checks, *source) for source in sources(root, build)]
        for verdict in concurrent.futures.as_completed(judged):
            clean, text = verdict.result()
            passed += clean
            failed += not clean
            print(f"[{passed + failed}/{len(judged)}] {text}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
