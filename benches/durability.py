#!/usr/bin/env python3
"""Measures what it would cost to force caches to the disk, and what it costs to read them instead: docs/performance.md.

    benches/durability.py [--files N] [--place DIR]

So many files of 8 KiB are put in place by temporary file and rename: as pycwarm does it, with an fsync for each, and with
one syncfs for each hundred. Then all are read from their start to their end, as the daemon does when it starts.
"""

import argparse
import ctypes
import os
import shutil
import statistics
import tempfile
import time

BATCH = 100
CONTENT = os.urandom(8192)
LIBC = ctypes.CDLL(None, use_errno=True)


def put(directory, count, fsync, syncfs):
    for number in range(count):
        temporary = os.path.join(directory, "temporary")
        file = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(file, CONTENT)
        if fsync:
            os.fsync(file)
        os.close(file)
        os.rename(temporary, os.path.join(directory, str(number)))
        if syncfs and number % BATCH == BATCH - 1:
            top = os.open(directory, os.O_RDONLY)
            LIBC.syncfs(top)
            os.close(top)


def read(directory, count):
    for number in range(count):
        with open(os.path.join(directory, str(number)), "rb") as file:
            file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--place", default=None)
    arguments = parser.parse_args()
    ways = {"as it is": (False, False), "one syncfs for each hundred": (False, True), "an fsync for each": (True, False)}
    times = {}
    for _ in range(arguments.rounds):
        for name, (fsync, syncfs) in ways.items():
            directory = tempfile.mkdtemp(prefix="pycwarm-bench-", dir=arguments.place)
            begun = time.monotonic()
            put(directory, arguments.files, fsync, syncfs)
            times.setdefault(name, []).append(time.monotonic() - begun)
            begun = time.monotonic()
            read(directory, arguments.files)
            times.setdefault("all read again", []).append(time.monotonic() - begun)
            shutil.rmtree(directory)
    print("| what | us for each file |\n| --- | --- |")
    for name, taken in times.items():
        print("| %s | %.0f |" % (name, statistics.median(taken) * 1e6 / arguments.files))


main()
