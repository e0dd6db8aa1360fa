# The text that runs inside an interpreter. It gets source bytes on one pipe and answers with
# marshalled code on another; it is given no path to open. It must run on CPython 3.6 to 3.15 and on
# PyPy, with nothing but built-in modules. The frames are described in protocol.rs.
import _imp
import marshal
import posix
import sys
import warnings


# Shows how this version marshals code objects.
SAMPLE = """
'doc'
class A(object):
    x = (1, 2.5, 3j, 10 ** 20, b'b', u'\\xe9', None, ...)
    def f(self, a, *b, c=1, **d):
        def g(): return a, c, self, __class__
        try:
            return [i for i in b if i in {1, 2}], lambda: g
        finally:
            del d
"""


def run():
    external = sys.modules.get("_frozen_importlib_external")
    if external is None:
        import importlib._bootstrap_external as external
    magic = external.MAGIC_NUMBER
    key = int.from_bytes(magic, "little")
    source_hash = getattr(_imp, "source_hash", None)

    # Whatever prints must not get between the frames.
    answers = posix.dup(1)
    posix.dup2(2, 1)
    requests = sys.stdin.buffer

    def number(value):
        return min(max(value, 0), 0xFFFFFFFF).to_bytes(4, "little")

    def field(value):
        if not isinstance(value, bytes):
            value = str(value).encode("utf-8", "backslashreplace")
        return number(len(value)) + value

    def send(payload):
        data = memoryview(number(len(payload)) + payload)
        while data:
            data = data[posix.write(answers, data):]

    def receive():
        head = requests.read(4)
        if len(head) < 4:
            return None
        return requests.read(int.from_bytes(head, "little"))

    def line_of(error):
        line = getattr(error, "lineno", None)
        return line if isinstance(line, int) else 0

    def text_of(error):
        text = getattr(error, "msg", None)
        try:
            return text if isinstance(text, str) else str(error)
        except Exception:
            return "no message"

    def kind_of(error):
        if isinstance(error, SyntaxError):
            return b"S"
        if isinstance(error, (RecursionError, MemoryError)):
            return b"C"
        # marshal's own limit on nesting
        if isinstance(error, ValueError) and "deeply nested" in str(error):
            return b"C"
        return b"E"

    seen = []

    def note(message, category, filename, lineno, file=None, line=None):
        if len(seen) < 100:
            seen.append((lineno, "%s: %s" % (category.__name__, message)))

    warnings.simplefilter("always")
    warnings.showwarning = note

    executable = getattr(sys, "_base_executable", None) or sys.executable or ""
    flags = ("t" if "free-threading" in sys.version else "") + ("d" if hasattr(sys, "gettotalrefcount") else "")
    header = 16 if hasattr(external, "_code_to_timestamp_pyc") else 12
    send(b"".join(map(field, (
        b"pycwarm worker 1",
        sys.implementation.name,
        "%d.%d.%d" % sys.version_info[:3],
        flags,
        sys.version,
        sys.implementation.cache_tag or b"",
        magic,
        header,
        source_hash(key, b"pycwarm") if source_hash else b"",
        executable.encode("utf-8", "surrogateescape"),
        marshal.dumps(compile(SAMPLE, "sample.py", "exec", dont_inherit=True)),
    ))))

    while True:
        request = receive()
        if request is None:
            return
        ident, level, hashed = request[:4], request[4], request[5]
        end = 10 + int.from_bytes(request[6:10], "little")
        path = request[10:end].decode("utf-8", "surrogateescape")
        source = request[end:]
        del request, seen[:]
        try:
            # Bound to a name: a reference count of 1 would change what marshal writes.
            code = compile(source, path, "exec", dont_inherit=True, optimize=level)
            body = marshal.dumps(code)
        except Exception as error:
            answer = kind_of(error) + number(line_of(error)) + field(type(error).__name__) + field(text_of(error))
        else:
            noted = b"".join(number(line) + field(text) for line, text in seen)
            answer = b"K" + number(len(seen)) + noted + (source_hash(key, source) if hashed else b"") + body
            del code, body
        del source
        send(ident + answer)
        del answer


run()
