"""Reads the caches of a directory again and again, as an importing process would, until it is told to stop.

    reader.py DIRECTORY HEADER_LENGTH

Ends when its standard input is closed. Prints how many caches it read; exits with 1 at the first that is torn: its code does
not load, or FIRST and LAST differ.
"""

import glob
import marshal
import os
import select
import sys

DIRECTORY, HEADER = sys.argv[1], int(sys.argv[2])
count = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for path in glob.glob(os.path.join(DIRECTORY, "__pycache__", "hammered*.pyc")):
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            continue
        try:
            names = {}
            exec(marshal.loads(data[HEADER:]), names)
        except NameError:
            pass  # A source cut in the middle of a name.
        except Exception as error:
            sys.exit("torn: %s of %d bytes: %r" % (path, len(data), error))
        # A source caught in the middle of being written may be compiled; a mixture of two versions may not.
        if names.get("LAST", names.get("FIRST")) != names.get("FIRST"):
            sys.exit("a mixture: %s: %r" % (path, names["FIRST"]))
        count += 1
print(count)
