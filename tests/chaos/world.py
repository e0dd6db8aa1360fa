"""What a disturber knows: a bounded name space below a tree, its dice, and how it writes without following a link.

Others change the same tree at the same time, so every step may find that its file has gone: an OSError ends one operation.
"""

import os
import random
import time

DIRECTORIES = ["d0", "d1", "d2"]
MODULES = ["__init__", "m0", "m1", "m2", "m3", "m4"]
DEEPEST = 4
#: The shortest text that edits of the same size can be made of.
SHORTEST = 64
USERS = [(0, 0), (1000, 1000), (33, 33), (1000, 33)]


class World:
    def __init__(self, seed, tree, outside, bait, pythons, root, releases):
        self.seed, self.tree, self.outside, self.bait = seed, tree, outside, bait
        self.pythons, self.root, self.releases = pythons, root, releases
        self.random = random.Random(seed)
        self.serial = 0
        self.half_written = []
        self.importers = []
        self.moved_out = []
        os.makedirs(outside)

    # Names

    def directory(self, deepest=DEEPEST):
        """A name that may be there or not."""
        depth = self.random.randint(1, deepest)
        return os.path.join(self.tree, *[self.random.choice(DIRECTORIES) for _ in range(depth)])

    def existing(self):
        """A directory that was there just now: from the root down, with a chance to stay at each."""
        here = self.tree
        for _ in range(DEEPEST):
            below = os.path.join(here, self.random.choice(DIRECTORIES))
            if self.random.random() < 0.25 or not os.path.isdir(below):
                break
            here = below
        return here

    def source(self):
        return os.path.join(self.existing(), self.random.choice(MODULES) + ".py")

    def cache(self, source=None, python=None):
        source = source or self.source()
        python = python or self.random.choice(self.pythons)
        directory, name = os.path.split(source)
        return os.path.join(directory, "__pycache__", "%s.%s.pyc" % (name[:-3], python["tag"]))

    def fresh_name(self):
        """A name outside of the tree that nobody else uses."""
        self.serial += 1
        return os.path.join(self.outside, "s%d" % self.serial)

    # Texts

    def text(self, size=None):
        """Source text that was never there before, of this many bytes if that is possible."""
        self.serial += 1
        lines = "SERIAL = '%016x-%08d'\n" % (self.seed, self.serial)
        for number in range(self.random.randint(0, 6)):
            lines += "def f%d(a, b=%d): return [a, b, lambda: a]\n" % (number, self.serial)
        return self.filled(lines, size or len(lines) + self.random.randint(2, 9000))

    def broken(self, size=None):
        """Source text with an error in one of its first lines."""
        self.serial += 1
        lines = "X = 1\n" * self.random.randint(0, 5) + "def broken(:  # %08d\n" % self.serial
        return self.filled(lines, size or len(lines) + self.random.randint(2, 9000))

    @staticmethod
    def filled(lines, size):
        if size < len(lines) + 2:
            lines = lines[: lines.index("\n") + 1]
        return (lines + "#" * max(0, size - len(lines) - 1) + "\n").encode()

    def any_text(self):
        dice = self.random.random()
        return b"" if dice < 0.05 else self.broken() if dice < 0.15 else self.text()

    # Writing

    @staticmethod
    def open(path, flags):
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)

    def write(self, path, data, flags=os.O_TRUNC | os.O_CREAT):
        descriptor = self.open(path, os.O_WRONLY | flags)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def held(self, path, action):
        """Does something to the very file, never to what a link leads to."""
        descriptor = self.open(path, os.O_RDONLY)
        try:
            return action(descriptor)
        finally:
            os.close(descriptor)

    def finish(self):
        """Writes the second halves of what was begun."""
        for descriptor, rest in self.half_written:
            os.write(descriptor, rest)
            os.close(descriptor)
        self.half_written = []

    def moment(self):
        """A time stamp in nanoseconds: past, future, or the second before this one."""
        now = time.time_ns() if hasattr(time, "time_ns") else int(time.time() * 10**9)
        return self.random.choice(
            [
                now - self.random.randint(3600, 10**9) * 10**9,
                now + self.random.randint(3600, 10**8) * 10**9,
                now - 10**9,
                now,
            ]
        )

    def tell_lie(self, line):
        """Takes down a file that nothing gives away but its code."""
        with open(self.outside + "-lies", "a") as lies:
            lies.write(line + "\n")

    def end(self):
        self.finish()
        for importer in self.importers:
            importer.wait()

