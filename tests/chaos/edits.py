"""Operations on single sources. Each takes the world and gives the paths that it meant."""

import os

from world import SHORTEST, USERS


def write(world):
    path = world.source()
    world.write(path, world.any_text())
    return path


def write_in_halves(world):
    """The second half comes some operations later."""
    path, data = world.source(), world.text()
    descriptor = world.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    half = world.random.randint(0, len(data))
    os.write(descriptor, data[:half])
    world.half_written.append((descriptor, data[half:]))
    return path


def finish_halves(world):
    world.finish()


def append(world):
    path = world.source()
    world.write(path, b"APPENDED = 1\n", os.O_APPEND)
    return path


def replace(world):
    path = world.source()
    # Its name must not begin like the module's: its cache could be taken for that of `m0.something`.
    new = os.path.join(os.path.dirname(path), "new-%x" % world.seed)
    world.write(new, world.any_text())
    os.rename(new, path)
    return path


def same_size(world):
    path = world.source()
    size = world.held(path, os.fstat).st_size
    if size > SHORTEST:
        world.write(path, world.text(size) if world.random.random() < 0.9 else world.broken(size), 0)
    return path


def same_size_twice(world):
    path = world.source()
    first = world.text()
    world.write(path, first)
    world.write(path, world.text(len(first)), 0)
    return path


def same_stamp(world):
    """Another text of the same size, under the same time."""
    path = world.source()
    descriptor = world.open(path, os.O_RDWR)
    try:
        before = os.fstat(descriptor)
        if before.st_size > SHORTEST:
            text = world.text(before.st_size) if world.random.random() < 0.9 else world.broken(before.st_size)
            os.write(descriptor, text)
            os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns))
    finally:
        os.close(descriptor)
    return path


def touch(world):
    path = world.source()
    world.held(path, lambda descriptor: os.utime(descriptor))
    return path


def set_time(world):
    path, moment = world.source(), world.moment()
    world.held(path, lambda descriptor: os.utime(descriptor, ns=(moment, moment)))
    return path


def delete(world):
    path = world.source()
    os.unlink(path)
    return path


def recreate(world):
    path = world.source()
    os.unlink(path)
    world.write(path, world.any_text())
    return path


def rename(world):
    path, other = world.source(), world.source()
    os.rename(path, other)
    return path, other


def break_and_mend(world):
    path = world.source()
    world.write(path, world.broken())
    if world.random.random() < 0.7:
        world.write(path, world.text())
    return path


def empty(world):
    path = world.source()
    world.write(path, b"")
    return path


def hard_link_beside(world):
    path = world.source()
    other = os.path.join(os.path.dirname(path), world.random.choice(["m3", "m4"]) + ".py")
    os.unlink(other)
    os.link(path, other, follow_symlinks=False)
    return path, other


def hard_link_elsewhere(world):
    path, other = world.source(), world.source()
    os.link(path, other, follow_symlinks=False)
    return path, other


def link(world):
    """A source that is a relative link to another one of the tree."""
    path, target = world.source(), world.source()
    if not os.path.islink(path) and world.random.random() < 0.5:
        os.unlink(path)
    os.symlink(os.path.relpath(target, os.path.dirname(path)), path)
    return path, target


def link_to_bait(world):
    """A source that is a link to something outside of the tree, which must stay as it is."""
    path = world.source()
    os.unlink(path)
    os.symlink(os.path.join(world.bait, "bait.py"), path)
    return path


def mode(world):
    path, bits = world.source(), world.random.choice([0o644, 0o600, 0o640, 0o444])
    world.held(path, lambda descriptor: os.fchmod(descriptor, bits))
    return path


def owner(world):
    path, (uid, gid) = world.source(), world.random.choice(USERS)
    world.held(path, lambda descriptor: os.fchown(descriptor, uid, gid))
    return path
