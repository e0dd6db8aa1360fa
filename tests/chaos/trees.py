"""Operations on directories and on many files at once."""

import os
import shutil

import caches
from world import MODULES, USERS


def make_deep(world):
    """mkdir -p, with sources in all of the new directories at once."""
    path = world.directory()
    os.makedirs(path, exist_ok=True)
    while len(path) > len(world.tree):
        world.write(os.path.join(path, world.random.choice(MODULES) + ".py"), world.text())
        path = os.path.dirname(path)
    return path


def rename(world):
    path, other = world.existing(), world.directory(2)
    if path != world.tree and not os.path.lexists(other):
        os.rename(path, other)
    return path, other


def move_out(world):
    path = world.existing()
    if path == world.tree:
        return None
    away = world.fresh_name()
    os.rename(path, away)
    world.moved_out.append(away)
    return path, away


def move_back(world):
    """Perhaps to another place, perhaps changed meanwhile."""
    if not world.moved_out:
        return None
    away, path = world.moved_out.pop(), world.directory(2)
    if world.random.random() < 0.5:
        source = os.path.join(away, world.random.choice(MODULES) + ".py")
        if not os.path.islink(source):
            world.write(source, world.text())
    if os.path.lexists(path):
        shutil.rmtree(away)
        return None
    os.rename(away, path)
    return away, path


def move_prepared(world):
    """A directory that was made elsewhere, with right and wrong caches in it."""
    path, made = world.directory(2), world.fresh_name()
    if os.path.lexists(path):
        return None
    os.makedirs(os.path.join(made, "d0"))
    for name in MODULES + ["d0/m0"]:
        source, data = os.path.join(made, name + ".py"), world.any_text()
        cache = caches.compile_to(source, data)
        spoil(world, source, cache, data)
    os.rename(made, path)
    return made, path


def spoil(world, source, cache, data):
    how = world.random.randrange(8)
    if how == 0:
        world.write(source, world.text())
    elif how == 1:
        world.write(source, world.text(max(len(data), 100)))
    elif how == 2 and cache:
        os.truncate(cache, world.random.randint(0, os.path.getsize(cache)))
    elif how == 3 and cache:
        os.chmod(cache, 0o600)
    elif how == 4 and cache:
        os.unlink(source)
    elif how == 5 and cache and world.root:
        os.chown(cache, 65534, 65534)


def remove(world):
    path = world.existing()
    if path != world.tree:
        shutil.rmtree(path, ignore_errors=True)
    return path


def mode(world):
    path, bits = world.existing(), world.random.choice([0o755, 0o750, 0o700])
    if path != world.tree:
        os.chmod(path, bits)
    return path


def owner(world):
    path, (uid, gid) = world.existing(), world.random.choice(USERS)
    if path != world.tree:
        os.chown(path, uid, gid)
    return path


def burst(world):
    """Many sources in one directory."""
    path = os.path.join(world.existing(), "burst")
    os.makedirs(path, exist_ok=True)
    for number in range(200):
        world.write(os.path.join(path, "b%d.py" % number), world.text())
    return path


def unpack(world):
    """As tar does: directories and files as fast as it goes, with their old times."""
    path = os.path.join(world.existing(), "unpacked")
    shutil.rmtree(path, ignore_errors=True)
    for directory in range(30):
        here = os.path.join(path, "p%d" % (directory % 5), "q%d" % directory)
        os.makedirs(here)
        for number in range(10):
            source = os.path.join(here, "u%d.py" % number)
            world.write(source, world.text())
            moment = world.moment()
            world.held(source, lambda descriptor: os.utime(descriptor, ns=(moment, moment)))
    return path


def check_out(world):
    """As git does when it goes from one version of a package to another: unlink, write, remove what is not in it."""
    path = os.path.join(world.existing(), "package")
    os.makedirs(path, exist_ok=True)
    version = world.random.randrange(2)
    for number in range(8):
        source = os.path.join(path, "g%d.py" % number)
        if os.path.lexists(source):
            os.unlink(source)
        if number % 4 != version:
            world.write(source, b"VERSION = %d  # of g%d\n" % (version, number) + b"#" * 80 + b"\n")
    return path


def flip(world):
    """Turns the link that is the tree's root to the other release."""
    if not world.releases:
        return None
    target = world.random.choice(world.releases)
    new = world.fresh_name()
    os.symlink(target, new)
    os.rename(new, world.tree)
    return world.tree, target
