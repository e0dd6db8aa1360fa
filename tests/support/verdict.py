"""Says how the running interpreter's own compile() ends for one source: prints "KIND LINE MESSAGE", the message by ascii().

A crash is seen in the exit status. The kinds are those of pycwarm's report, "compiled" if it compiles.
"""

import marshal
import sys
import warnings

warnings.simplefilter("ignore")
path = sys.argv[1]
with open(path, "rb") as file:
    data = file.read()
try:
    code = compile(data, path, "exec", dont_inherit=True)
except SyntaxError as error:
    print("syntax", error.lineno or 0, ascii(error.msg))
except (RecursionError, MemoryError) as error:
    print("too-complex", 0, ascii(str(error)))
except Exception as error:
    print("source", 0, ascii(str(error)))
else:
    try:
        marshal.dumps(code)
        print("compiled", 0, "''")
    except ValueError as error:
        print("too-complex", 0, ascii(str(error)))
