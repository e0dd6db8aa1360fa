"""Operations on caches: what other writers, careless people and crashes leave behind."""

import os
import py_compile
import shutil
import subprocess
import time

from world import USERS

#: So old that no living writer can be at it.
OLD = 2 * 24 * 3600


def remove(world):
    path = world.cache()
    os.unlink(path)
    return path


def truncate(world):
    """In place, at any length."""
    path = world.cache()
    descriptor = world.open(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, world.random.randint(0, os.fstat(descriptor).st_size))
    finally:
        os.close(descriptor)
    return path


def garbage(world):
    """Over all of it, or over its body under a header that stays good."""
    path = world.cache()
    descriptor = world.open(path, os.O_WRONLY)
    try:
        if world.random.random() < 0.5:
            os.lseek(descriptor, 16, os.SEEK_SET)
        os.write(descriptor, bytes([world.random.randrange(256)]) * world.random.randint(1, 2000))
    finally:
        os.close(descriptor)
    return path


def foreign_body(world):
    """A right header over the code of another version."""
    one, other = world.random.sample(world.pythons, 2)
    source = world.source()
    path = world.cache(source, one)
    with open(path, "rb") as file, open(world.cache(source, other), "rb") as foreign:
        data = file.read(one["header"]) + foreign.read()[other["header"] :]
    new = os.path.join(os.path.dirname(path), "new-%x" % world.seed)
    world.write(new, data)
    stat = os.stat(new)
    world.tell_lie("%d %d" % (stat.st_ino, stat.st_mtime_ns))
    os.rename(new, path)
    return path


def remove_all(world):
    path = os.path.join(world.existing(), "__pycache__")
    shutil.rmtree(path, ignore_errors=True)
    return path


def wrong_mode(world):
    path = world.cache()
    bits = world.random.choice([0o600, 0o666, 0o755, 0o444, 0o400])
    world.held(path, lambda descriptor: os.fchmod(descriptor, bits))
    return path


def wrong_owner(world):
    path, (uid, gid) = world.cache(), world.random.choice(USERS + [(65534, 65534)])
    world.held(path, lambda descriptor: os.fchown(descriptor, uid, gid))
    return path


def directory_mode(world):
    path = os.path.join(world.existing(), "__pycache__")
    bits = world.random.choice([0o700, 0o777])
    world.held(path, lambda descriptor: os.fchmod(descriptor, bits))
    return path


def link(world):
    """A link to the bait where a cache should be. It is to be replaced, not followed."""
    path = world.cache()
    os.unlink(path)
    os.symlink(os.path.join(world.bait, "bait.pyc"), path)
    return path


def left_over(world):
    """The temporary file of a CPython that was killed."""
    path = "%s.%d" % (world.cache(), world.random.randint(10**14, 10**15))
    world.write(path, b"\xa7\x0d\x0d\x0a" + bytes(world.random.randint(0, 100)))
    if world.random.random() < 0.7:
        long_ago = time.time() - OLD
        world.held(path, lambda descriptor: os.utime(descriptor, (long_ago, long_ago)))
    return path


def do_import(world):
    """A real interpreter imports a module, in the background, and writes its cache."""
    world.importers = [importer for importer in world.importers if importer.poll() is None]
    if len(world.importers) >= 2:
        world.importers.pop(0).wait()
    source = world.source()
    directory, name = os.path.split(source)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    code = "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2])"
    python = world.random.choice(world.pythons)["path"]
    command = [python, "-s", "-S", "-c", code, directory, name[:-3]]
    quiet = subprocess.DEVNULL
    world.importers.append(subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet))
    return source


def compile_to(source, data):
    """Writes a source and the cache that this interpreter makes of it."""
    with open(source, "wb") as file:
        file.write(data)
    try:
        return py_compile.compile(source, doraise=True)
    except py_compile.PyCompileError:
        return None
