"""Loads every cache below a directory again and again, as importing processes would, until its standard input is closed.

    torn.py DIRECTORY HEADER_LENGTH

Prints how many it loaded; exits with 1 at the first that is torn: its header is not whole or its code does not load.
"""

import marshal
import os
import select
import sys

TREE, HEADER = sys.argv[1], int(sys.argv[2])
count = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for directory, _, names in os.walk(TREE):
        for name in names:
            if not name.endswith(".pyc"):
                continue
            path = os.path.join(directory, name)
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                continue
            try:
                marshal.loads(data[HEADER:])
            except Exception as error:
                sys.exit("torn: %s of %d bytes: %r" % (path, len(data), error))
            if len(data) <= HEADER:
                sys.exit("torn: %s of %d bytes" % (path, len(data)))
            count += 1
print(count)
