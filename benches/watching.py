#!/usr/bin/env python3
"""Measures the sources of events of `pycwarm daemon` against each other: prints tables for docs/performance.md.

    benches/watching.py PYCWARM [--only tree|unpacking|others] [--directories N] [--files-each N] [--unpacked N]
                                [--operations N] [--rounds N] [--place DIR]

1. A large tree that is warm: the time from the start to READY, the daemon's memory, and the kernel's for its watches.
2. So many files unpacked at once into new directories: how many never gave an event.
3. What other work on the same file system pays for being listened to: creates, and open-write-close, in turns with and
   without the daemon.

Needs root for fanotify. Everything is made in a new directory below DIR, and removed at the end.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SOURCES = ("inotify", "fanotify", "poll")


class Daemon:
    """A daemon over one tree, from its start to its end."""

    def __init__(self, program, tree, source, scratch):
        self.program, self.control = program, os.path.join(scratch, "control.sock")
        config = os.path.join(scratch, "pycwarm.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('poll-interval = 5\n[defaults]\nwatch = "%s"\n' % source)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(scratch, "notify")
        if os.path.exists(path):
            os.unlink(path)
        self.notify.bind(path)
        self.log = open(os.path.join(scratch, source + ".log"), "ab")
        command = [program, "daemon", "--config", config, "--socket", self.control, tree]
        self.begun = time.monotonic()
        self.process = subprocess.Popen(command, env={**os.environ, "NOTIFY_SOCKET": path}, stderr=self.log)
        while b"READY=1" not in self.notify.recv(4096):
            pass
        self.seconds_to_ready = time.monotonic() - self.begun

    def status(self):
        command = [self.program, "status", "--json", "--socket", self.control]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)

    def sync(self):
        subprocess.run([self.program, "sync", "--socket", self.control], check=True)

    def resident(self):
        """MiB now, and at most so far."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return [int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.notify.close()
        self.log.close()


def kernel_memory():
    """MiB of the kernel's that it cannot give back, marks among them."""
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["SUnreclaim"].split()[0]) / 1024


def make_tree(root, directories, files_each):
    for number in range(directories):
        directory = os.path.join(root, "d%03d" % (number // 1000), "d%03d" % (number % 1000))
        os.makedirs(directory)
        for name in range(files_each):
            with open(os.path.join(directory, "m%d.py" % name), "w", encoding="ascii") as file:
                file.write("M = %d\n" % name)


def large_tree(arguments, scratch):
    tree = os.path.join(scratch, "large")
    make_tree(tree, arguments.directories, arguments.files_each)
    subprocess.run([arguments.program, "warm", "-q", tree], check=True)
    print("| source | start to READY, s | resident, MiB (at most) | kernel, MiB | watches |")
    print("| --- | --- | --- | --- | --- |")
    for source in (*SOURCES, "auto"):
        before = kernel_memory()
        daemon = Daemon(arguments.program, tree, source, scratch)
        now, most = daemon.resident()
        row = (source, daemon.seconds_to_ready, now, most, kernel_memory() - before)
        print("| %s | %.1f | %.0f (%.0f) | %.1f |" % row, daemon.status()["watched_directories"], "|", flush=True)
        daemon.end()
    shutil.rmtree(tree)


def unpacking(arguments, scratch):
    packed = os.path.join(scratch, "packed")
    make_tree(packed, arguments.unpacked // 100, 100)
    archive = os.path.join(scratch, "packed.tar")
    subprocess.run(["tar", "-C", packed, "-cf", archive, "."], check=True)
    shutil.rmtree(packed)
    print("\n| source | unpacked | until all are cached, s | stale after that | missed | resident at most, MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for source in SOURCES:
        tree = os.path.join(scratch, "unpacked")
        os.mkdir(tree)
        daemon = Daemon(arguments.program, tree, source, scratch)
        begun = time.monotonic()
        subprocess.run(["tar", "-C", tree, "-xf", archive], check=True)
        daemon.sync()
        seconds = time.monotonic() - begun
        checked = subprocess.run([arguments.program, "check", "--json", tree], stdout=subprocess.PIPE, check=False)
        stale = json.loads(checked.stdout)["stale"]
        row = (source, arguments.unpacked, seconds, stale, daemon.status()["missed"], daemon.resident()[1])
        print("| %s | %d | %.1f | %d | %d | %.0f |" % row, flush=True)
        daemon.end()
        shutil.rmtree(tree)


def create(directory, count):
    for number in range(count):
        os.close(os.open(os.path.join(directory, "f%d" % number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def open_write_close(directory, count):
    path = os.path.join(directory, "log")
    for _ in range(count):
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        os.write(file, b"line\n")
        os.close(file)


def others(arguments, scratch):
    tree, elsewhere = os.path.join(scratch, "tree"), os.path.join(scratch, "elsewhere")
    make_tree(tree, 100, 3)
    times = {}
    for _ in range(arguments.rounds):
        for source in (None, *SOURCES):
            daemon = Daemon(arguments.program, tree, source, scratch) if source else None
            for work in (create, open_write_close):
                os.mkdir(elsewhere)
                begun = time.monotonic()
                work(elsewhere, arguments.operations)
                times.setdefault((work, source), []).append(time.monotonic() - begun)
                shutil.rmtree(elsewhere)
            if daemon:
                daemon.end()
    print("\n| work of others, %d times | nobody listens | inotify | fanotify | poll |" % arguments.operations)
    print("| --- | --- | --- | --- | --- |")
    for work in (create, open_write_close):
        alone = statistics.median(times[work, None])
        more = ["%+.0f %%" % (100 * statistics.median(times[work, source]) / alone - 100) for source in SOURCES]
        print("| %s | %.2f s | %s |" % (work.__name__.replace("_", "-"), alone, " | ".join(more)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("--directories", type=int, default=100_000)
    parser.add_argument("--files-each", type=int, default=3)
    parser.add_argument("--unpacked", type=int, default=100_000)
    parser.add_argument("--only", choices=("tree", "unpacking", "others"))
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--place", default=None)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("watching.py: fanotify needs root")
    scratch = tempfile.mkdtemp(prefix="pycwarm-bench-", dir=arguments.place)
    try:
        for name, measure in (("tree", large_tree), ("unpacking", unpacking), ("others", others)):
            if arguments.only in (None, name):
                measure(arguments, scratch)
    finally:
        shutil.rmtree(scratch)


main()
