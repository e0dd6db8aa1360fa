"""Asks the running interpreter, file by file, what it makes of the caches below a tree.

    PYTHON [-O | -OO] -E -s -B oracle.py '{"tree": ..., "report": ... or null, "own": BOOL, "moved": BOOL, "links": BOOL,
        "aloud": BOOL}'

Every source is compiled here, as py_compile would. If it compiles, import's own loader must take the cache (it fails if it
would compile), and the code must be that of the source. If it does not, it must be among the failures of the report of
`pycwarm warm --json`, and nothing else may be. With "own" a cache may be refused where the loader refuses its own as well; with
"moved" it may still hold the file name of where it was made, which import replaces; with "links" the sources are looked at, too,
that are links to files of the tree; with "aloud" each path is told on standard error before it is looked at. Runs on Python 3.6 to 3.15 and PyPy. Prints one JSON object: sources, accepted,
uncompilable, lines (where they do not compile), taken (those of them whose caches import takes all the same), refuses_own, problems.
"""

import json
import marshal
import os
import shutil
import struct
import sys
import tempfile
import warnings
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source

CODE = type(compile("", "", "exec"))
# What a code object is; an interpreter without an attribute has none to compare.
ATTRIBUTES = [
    name
    for name in (
        "co_name co_qualname co_filename co_firstlineno co_argcount co_posonlyargcount co_kwonlyargcount co_nlocals "
        "co_stacksize co_flags co_code co_names co_varnames co_freevars co_cellvars co_linetable co_exceptiontable"
    ).split()
    if hasattr(CODE, name)
] + ([] if hasattr(CODE, "co_linetable") else ["co_lnotab"])


class WouldCompile(Exception):
    """Import does not take the cache."""


class Cached(SourceFileLoader):
    def source_to_code(self, data, path, **options):
        raise WouldCompile()


def key(value):
    """A value that is equal for equal constants only: 1 is not True, 0.0 is not -0.0, one NaN is another of the same bits."""
    kind = type(value)
    if kind is CODE:
        return (kind, tuple(getattr(value, name) for name in ATTRIBUTES), tuple(map(key, value.co_consts)))
    if kind is float:
        return (kind, struct.pack("<d", value))
    if kind is complex:
        return (kind, struct.pack("<dd", value.real, value.imag))
    if kind is tuple:
        return (kind, tuple(map(key, value)))
    if kind is frozenset:
        return (kind, frozenset(map(key, value)))
    if kind is slice:
        return (kind, key(value.start), key(value.stop), key(value.step))
    return (kind, value)


def sources(tree, links):
    if not os.path.isdir(tree):
        yield tree
        return
    for directory, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(directory, name)
            if name.endswith(".py") and name != ".py" and os.path.isfile(path) and (not os.path.islink(path) or links and is_inside(path, tree)):
                yield path


def is_inside(path, tree):
    return os.path.realpath(path).startswith(os.path.realpath(tree) + os.sep)


def compiled(path):
    with open(path, "rb") as file:
        data = file.read()
    code = compile(data, path, "exec", dont_inherit=True)
    marshal.dumps(code)
    return code


def refuses_own(path):
    """Does the loader refuse even a cache that it wrote itself for such a source?"""
    scratch = tempfile.mkdtemp()
    try:
        copy = os.path.join(scratch, "copy.py")
        shutil.copyfile(path, copy)
        stat = os.stat(path)
        os.utime(copy, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
        sys.dont_write_bytecode = False
        try:
            SourceFileLoader("copy", copy).get_code("copy")
        finally:
            sys.dont_write_bytecode = True
        try:
            Cached("copy", copy).get_code("copy")
        except WouldCompile:
            return True
        return False
    finally:
        shutil.rmtree(scratch)


def is_taken(path):
    try:
        return Cached("module", path).get_code("module") is not None
    except Exception:
        return False


def stored_code(path):
    """The code in the cache as it was written, before import puts its own file name in."""
    with open(cache_from_source(path), "rb") as file:
        data = file.read()
    return marshal.loads(data[12 if sys.version_info < (3, 7) else 16 :])


def examine(path, own, moved, result):
    try:
        expected = compiled(path)
    except Exception as error:
        result["uncompilable"].append(path)
        result["lines"].append(getattr(error, "lineno", None) or 0)
        if is_taken(path):
            result["taken"].append(path)
        return
    try:
        code = Cached("module", path).get_code("module")
    except WouldCompile:
        if own and refuses_own(path):
            result["refuses_own"] += 1
            code = stored_code(path)
        else:
            result["problems"].append("import would compile again: " + ascii(path))
            return
    except Exception as error:
        result["problems"].append("import fails with %s: %s" % (ascii(error), ascii(path)))
        return
    if key(code) != key(expected):
        result["problems"].append("not the code of the source: " + ascii(path))
    elif not moved and stored_code(path).co_filename != path:
        result["problems"].append("another file name in the cache: " + ascii(path))
    else:
        result["accepted"] += 1


def compare_failures(report, uncompilable):
    with open(report, encoding="utf-8") as file:
        failures = json.load(file)["failures"]
    reported = [failure["path"] for failure in failures]
    for path in sorted(set(uncompilable) - set(reported)):
        yield "does not compile but was not reported: " + ascii(path)
    for failure in failures:
        if failure["path"] not in uncompilable:
            yield "reported but compiles: " + ascii(failure)
    for path in sorted({path for path in reported if reported.count(path) > 1}):
        yield "reported more than once: " + ascii(path)


def main(tree, report, own, moved, links, aloud):
    warnings.simplefilter("ignore")
    result = {"sources": 0, "accepted": 0, "uncompilable": [], "lines": [], "taken": [], "refuses_own": 0, "problems": []}
    for path in sources(tree, links):
        result["sources"] += 1
        if aloud:
            os.write(2, os.fsencode(path) + b"\n")
        examine(path, own, moved, result)
    if report is not None:
        result["problems"].extend(compare_failures(report, result["uncompilable"]))
    result["uncompilable"] = [ascii(path) for path in result["uncompilable"]]
    result["taken"] = [ascii(path) for path in result["taken"]]
    print(json.dumps(result))


main(**json.loads(sys.argv[1]))
