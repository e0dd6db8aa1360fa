"""A worker that misbehaves on demand. Copied beside a test's tree with a `#!` line; speaks the frames of src/compile/protocol.rs.

How it greets is told by the last part of its own name (`fake-silent`); what it does with a source is told by the source's
first line (`# fake: garbage`). Anything else is done as a good worker does it.
"""

import importlib.util
import marshal
import os
import signal
import sys
import time

GREETING = os.path.basename(sys.argv[0]).partition("-")[2]


def number(value):
    return value.to_bytes(4, "little")


def field(value):
    data = value if isinstance(value, bytes) else value.encode()
    return number(len(data)) + data


def write(data):
    while data:
        data = data[os.write(1, data) :]


def send(payload):
    write(number(len(payload)) + payload)


def hello():
    magic = importlib.util.MAGIC_NUMBER
    tag = sys.implementation.cache_tag
    greeting = "pycwarm worker 1"
    if GREETING == "dies":
        sys.stderr.write("no licence for this machine\n")
        sys.exit(3)
    if GREETING == "silent":
        time.sleep(1000)
    if GREETING == "garbage":
        write(b"Python 3.11 (main)\n>>> ")
        sys.exit(0)
    if GREETING == "endless":
        while True:
            write(b"y\n" * 4096)
    if GREETING == "stranger":
        greeting = "somebody else's worker"
    if GREETING == "tagless":
        tag = ""
    if GREETING == "othermagic":
        magic = (int.from_bytes(magic, "little") + 1).to_bytes(4, "little")
    fields = [
        greeting,
        sys.implementation.name,
        "%d.%d.%d" % sys.version_info[:3],
        "",
        sys.version,
        tag,
        magic,
        "16",
        importlib.util._imp.source_hash(int.from_bytes(magic, "little"), b"pycwarm"),
        os.path.abspath(sys.argv[0]),
        marshal.dumps(compile("class A:\n    def f(self): return lambda: self", "sample.py", "exec")),
    ]
    send(b"".join(map(field, fields)))


def read(length):
    data = b""
    while len(data) < length:
        more = os.read(0, length - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def misbehave(how, ident):
    if how == "garbage":
        write(b"Traceback (most recent call last):\n" * 100)
        time.sleep(1000)
    elif how == "huge":
        write(b"\xff\xff\xff\xff" + ident)
        time.sleep(1000)
    elif how == "empty":
        send(b"")
    elif how == "half":
        write(number(1000) + ident + b"K")
        os._exit(0)
    elif how == "otherid":
        send(number((int.from_bytes(ident, "little") + 1) & 0xFFFFFFFF) + b"K" + number(0) + marshal.dumps(compile("", "", "exec")))
    elif how == "nocode":
        send(ident + b"K" + number(0) + marshal.dumps("not code"))
    elif how == "lyingcount":
        send(ident + b"K" + b"\xff\xff\xff\xff")
    elif how == "unknown":
        send(ident + b"Z" + marshal.dumps(compile("", "", "exec")))
    elif how == "hang":
        time.sleep(1000)
    elif how == "exit":
        sys.stderr.write("the last words\n")
        sys.stderr.flush()
        os._exit(7)
    elif how == "closes":
        os.close(1)
        time.sleep(1000)
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "flood":
        os.write(2, b"x" * 60)
        for _ in range(2000):
            os.write(2, b"\x1b[31m noise \xff\n" * 100)
        os._exit(1)
    else:
        sys.exit("the test asks for something unknown: " + how)


hello()
while True:
    request = read(int.from_bytes(read(4), "little"))
    ident, level = request[:4], request[4]
    end = 10 + int.from_bytes(request[6:10], "little")
    path, source = request[10:end].decode("utf-8", "surrogateescape"), request[end:]
    first = source.split(b"\n")[0].decode()
    if first.startswith("# fake: "):
        misbehave(first[8:], ident)
        continue
    code = compile(source, path, "exec", dont_inherit=True, optimize=level)
    send(ident + b"K" + number(0) + marshal.dumps(code))
