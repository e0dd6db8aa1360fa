"""Looks at the SELinux contexts of files again and again, without a pause, until its standard input is closed.

    looker.py CONTEXT FILE...

Prints "looking" when it begins, and at the end how many contexts it has seen. Exits with 1 at the first that is another
one, or missing. A file that is not there is not seen.
"""

import os
import select
import sys

CONTEXT, FILES = sys.argv[1].encode() + b"\0", sys.argv[2:]
seen = 0
print("looking", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for path in FILES:
        try:
            context = os.getxattr(path, "security.selinux", follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            print(f"{path}: {error}", flush=True)
            sys.exit(1)
        if context != CONTEXT:
            print(f"{path}: {context!r}", flush=True)
            sys.exit(1)
        seen += 1
print(seen)
