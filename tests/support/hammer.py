"""Writes sources again and again, without a pause, until it is killed.

    hammer.py HOW DIRECTORY

HOW: overwrite (in place: truncate, then write in pieces), rename (a new file over the old one), vanish (make and remove),
flip (between a regular file, a link, a directory and a FIFO). Every complete version holds its number twice, so a mixture of
two can be told: FIRST == LAST. Cut anywhere, LAST is there as a whole or not at all.
"""

import os
import shutil
import sys

HOW, DIRECTORY = sys.argv[1:]
NAMES = [os.path.join(DIRECTORY, "hammered%d.py" % number) for number in range(4)]


def content(number):
    return ("FIRST = %d\n" % number + "x = 1\n" * (number % 7 * 100) + "LAST = (%d)\n" % number).encode()


def overwrite(name, number):
    with open(name, "wb", buffering=0) as file:
        data = content(number)
        for start in range(0, len(data), 512):
            file.write(data[start : start + 512])


def rename(name, number):
    overwrite(name + ".new", number)
    os.replace(name + ".new", name)


def vanish(name, number):
    overwrite(name, number)
    for _ in range(number % 5 * 10000):
        pass  # It is there for a while, now longer, now shorter, so that it goes at any stage of being read.
    os.unlink(name)


def clear(name):
    if os.path.islink(name) or not os.path.isdir(name):
        if os.path.lexists(name):
            os.unlink(name)
    else:
        shutil.rmtree(name)


def flip(name, number):
    clear(name)
    kind = number % 4
    if kind == 0:
        overwrite(name, number)
    elif kind == 1:
        os.symlink("/etc/passwd", name)
    elif kind == 2:
        os.mkdir(name)
    else:
        os.mkfifo(name)


number = 0
while True:
    number += 1
    for name in NAMES:
        globals()[HOW](name, number)
