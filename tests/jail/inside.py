"""Tries everything that a worker has no use for, and prints what succeeded, one name a line, and what it was refused, with a minus.

Runs in the jail and, to show that the attempts are real ones, outside of it. Arguments: a directory of the test's with a file `secret`.
"""

import os
import sys

PLACE = sys.argv[1]


def inside(name):
    return os.path.join(PLACE, name)


def attempt(name, action):
    try:
        action()
    except BaseException as error:
        print("-%s %s" % (name, type(error).__name__))
    else:
        print(name)
    sys.stdout.flush()


def fork():
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def run():
    os.posix_spawn("/bin/true", ["true"], {})


def thread():
    import _thread

    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(done.release, ())
    done.acquire()


def sockets(family, kind):
    import _socket

    return lambda: _socket.socket(getattr(_socket, family), getattr(_socket, kind))


def write(path):
    def action():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

    return action


def memory():
    return len(bytearray(2 << 30))


def descriptors():
    kept = [os.dup(0) for _ in range(100)]
    for descriptor in kept:
        os.close(descriptor)


def limit():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))


def library():
    """Not an attack: what it is here for has to work."""
    import ast

    compile(ast.parse("x = 1"), "x", "exec")


attempt("library", library)
attempt("read-secret", lambda: open(inside("secret"), "rb").read())
attempt("read-passwd", lambda: open("/etc/passwd", "rb").read())
attempt("read-group", lambda: open("/etc/group", "rb").read())
attempt("read-parent", lambda: open("/proc/%d/environ" % os.getppid(), "rb").read())
attempt("list-root", lambda: os.listdir("/"))
attempt("list-place", lambda: os.listdir(PLACE))
attempt("list-processes", lambda: os.listdir("/proc"))
attempt("create", write(inside("made")))
attempt("create-tmp", write("/tmp/pycwarm-jail-%d" % os.getpid()))
attempt("overwrite", write(inside("secret")))
attempt("append", lambda: os.close(os.open(inside("secret"), os.O_RDWR | os.O_APPEND)))
attempt("truncate", lambda: os.truncate(inside("secret"), 6))
attempt("mkdir", lambda: os.mkdir(inside("directory")))
attempt("symlink", lambda: os.symlink("secret", inside("link")))
attempt("link", lambda: os.link(inside("secret"), inside("hard")))
attempt("rename", lambda: os.rename(inside("secret"), inside("renamed")))
attempt("rename-back", lambda: os.rename(inside("renamed"), inside("secret")))
attempt("chmod", lambda: os.chmod(inside("secret"), 0o644))
attempt("chown", lambda: os.chown(inside("secret"), os.getuid(), os.getgid()))
attempt("utime", lambda: os.utime(inside("secret"), (1, 1)))
attempt("setxattr", lambda: os.setxattr(inside("secret"), "user.pycwarm", b"1"))
attempt("mkfifo", lambda: os.mkfifo(inside("fifo")))
attempt("chdir", lambda: os.chdir("/tmp"))
attempt("fork", fork)
attempt("spawn", run)
attempt("thread", thread)
attempt("tcp", sockets("AF_INET", "SOCK_STREAM"))
attempt("udp", sockets("AF_INET", "SOCK_DGRAM"))
attempt("unix", sockets("AF_UNIX", "SOCK_STREAM"))
attempt("pipe", lambda: os.pipe())
attempt("signal-parent", lambda: os.kill(os.getppid(), 0))
attempt("signal-init", lambda: os.kill(1, 0))
attempt("nice", lambda: os.nice(1))
attempt("setuid", lambda: os.setuid(0))
attempt("setgid", lambda: os.setgid(0))
attempt("setsid", lambda: os.setsid())
attempt("chroot", lambda: os.chroot("/"))
attempt("limit", limit)
attempt("descriptors", descriptors)
attempt("memory", memory)
# The last one, as it does not return where it succeeds: says so itself, by what it executes.
attempt("execute", lambda: os.execv("/bin/sh", ["sh", "-c", "echo execute"]))
