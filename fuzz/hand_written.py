"""The seeds that no interpreter makes."""
import json
import random

CALL = "org.pycwarm.Control."
SERVICE = "org.varlink.service."

# Without their endings; broken ones between whole ones.
CONFIGURATIONS = {
    "empty": "",
    "globals": "jobs = 4\ncompile-timeout = 120\nrescan-interval = 0\npoll-interval = 10\nqueue-limit = 65536\n",
    "defaults": "[defaults]\npython = ['auto', 'python3.11', '/usr/bin/python3']\noptimize = [0, 1, 2]\n"
    "invalidation-mode = 'checked-hash'\nowner = 'root:0'\nmode = '0644'\ncontext = 'inherit'\nwatch = 'poll'\n"
    "exclude = ['*.py', '!keep.py', '/build/', 'a/**/b', '[ab]?']\n",
    "trees": "[[tree]]\npath = '/srv/a'\nreaders = ['apache', 'www-data']\n[[tree]]\npath = '/srv//./b/'\nenabled = false\n"
    "mode = 'source'\ncontext = 'system_u:object_r:httpd_sys_script_exec_t:s0'\n",
    "escapes": 'tree = [{ path = "/srv/\\u00e4\\t\\"\\\\", exclude = ["""a\\\n  b"""] }]\n',
    "dotted": "defaults.optimize = [2]\ntree = [{path='/a'}, {path='/b', owner='0:0'}]\n",
    "unknown-key": "job = 4\n",
    "misplaced-key": "[defaults]\njobs = 4\n",
    "wrong-type": "[defaults]\noptimize = ['x', {a = [1979-05-27T07:32:00Z, 0x1f, 1e3, nan, inf, true]}]\n",
    "list-as-table": "defaults = [[], []]\n",
    "twice": "[[tree]]\npath = '/a'\n[[tree]]\npath = '/a/.'\n",
    "no-path": "[[tree]]\nmode = '0600'\n",
    "relative": "[[tree]]\npath = 'srv/../a'\n",
    "bad-values": "[[tree]]\npath = '/a'\nexclude = ['{a']\nowner = 'no-such-user:1'\nmode = '0999'\nreaders = ['a b']\n",
    "out-of-range": "jobs = 99999999999999999999\n",
    "no-toml": "[[tree]\npath = '/a\n",
    # A finding: the message of the crate for patterns quotes characters as they are.
    "finding-escape-in-a-range": "defaults.exclude = [\"[z-\\u001b]\"]\n",
    "strange-text": "'\\u001b[2J\u202e' = 1\n",
}


def message(method, parameters=None, **more):
    call = {"method": method, **more}
    if parameters is not None:
        call["parameters"] = parameters
    return json.dumps(call).encode() + b"\0"


def reply(parameters, **more):
    return json.dumps({"parameters": parameters, **more}).encode() + b"\0"


PATHS = [{"path": "/srv/a"}, {"path": "/?", "path_bytes": "L/8="}]
FAILURE = {"path": "/a/x.py", "python": "python3.11", "line": 3, "kind": "syntax", "message": "SyntaxError: \u001b[2J"}
TREE = {"path": "/a", "present": True, "event_source": "inotify", "why": "", "warm": True}
STATUS = {
    "version": "0.1.0", "ready": True, "trees": [TREE], "watched_directories": 3, "polled_directories": 0,
    "waiting": 0, "broken": [FAILURE], "missed": 0,
}  # fmt: skip

CLIENTS = {
    "info": message(SERVICE + "GetInfo"),
    "description": message(SERVICE + "GetInterfaceDescription", {"interface": "org.pycwarm.Control"}),
    "status": message(CALL + "GetStatus", {}),
    "sync": message(CALL + "Sync", {"paths": PATHS, "timeout_seconds": 1.5}),
    "sync-everything": message(CALL + "Sync", {"paths": [], "timeout_seconds": None}),
    "no-time": message(CALL + "Sync", {"paths": [], "timeout_seconds": 0}),
    "one-way": message(CALL + "GetStatus", oneway=True, more=False) + message(SERVICE + "GetInfo"),
    "one-after-the-other": message(CALL + "Sync", {"paths": PATHS}) + message(CALL + "GetStatus") * 3,
    "upgrade": message(CALL + "GetStatus", upgrade=True),
    "unknown-method": message(CALL + "Stop"),
    "unknown-interface": message("org.example.Stop", {}),
    "bad-parameters": message(CALL + "Sync", {"paths": [{"path": "a\0"}], "timeout_seconds": -1, "force": 1}),
    "as-a-list": b'["org.pycwarm.Control.GetStatus",{},false,false]\0',
    "deep": b'{"method":"' + CALL.encode() + b'Sync","parameters":{"paths":' + b"[" * 200 + b"]" * 200 + b"}}\0",
    "no-messages": b"\0\0{}\0",
    "cut-off": message(CALL + "GetStatus")[:-9],
}

DAEMONS = {
    "status": (0, reply({"status": STATUS})),
    "failures": (1, reply({"failures": [FAILURE, {**FAILURE, "path_bytes": "L/8=", "line": None}]})),
    "not-in-tree": (1, reply({"path": PATHS[1]}, error=CALL + "NotInTree")),
    "stopping": (0, json.dumps({"error": CALL + "Stopping"}).encode() + b"\0"),
    "timed-out": (1, json.dumps({"error": CALL + "TimedOut"}).encode() + b"\0"),
    "other-error": (0, json.dumps({"error": "\u001b[2J\n\u202e"}).encode() + b"\0"),
    "unknown-kind": (1, reply({"failures": [{**FAILURE, "kind": "\u001b"}]})),
    "without-end": (0, reply({"status": STATUS})[:-1]),
    "not-json": (0, b"HTTP/1.1 400 Bad Request\r\n\r\n\0"),
    "nothing": (1, b""),
}


def noise(seed, size):
    """The same bytes each time: they lead what makes whole inputs."""
    return bytes(random.Random(seed).choices(range(256), k=size))


def seeds(repository):
    """(target, name, data)"""
    sample = (repository / "config/pycwarm.toml").read_text()
    # What the sample shows in comments, too.
    shown = "".join(line[1:].lstrip() if line.startswith("#") and " = " in line else line for line in sample.splitlines(True))
    for name, text in {**CONFIGURATIONS, "sample": sample, "sample-shown": shown}.items():
        yield "configuration", name, b"1" + text.encode()
    yield "configuration", "not-utf-8", b"1jobs = 4\n# \xff\n"
    yield "configuration", "two-files", b"2" + (CONFIGURATIONS["trees"] + "\0" + CONFIGURATIONS["trees"]).encode()
    yield "configuration", "two-other-files", b"2" + (CONFIGURATIONS["defaults"] + "\0" + CONFIGURATIONS["globals"]).encode()
    for number, (name, sent) in enumerate(CLIENTS.items()):
        yield "control_socket", f"client-{name}", bytes([0, number]) + sent
    for name, (call, sent) in DAEMONS.items():
        yield "control_socket", f"daemon-{name}", bytes([1, call | 8]) + sent
    for number in range(6):
        yield "control_socket", f"understanding-{number}", b"\x02\x00" + noise(number, 60 + 120 * number)
    for number in range(12):
        yield "marshal_reader", f"made-{number}", bytes([8 | number % 5]) + noise(number, 40 + 60 * number)
        yield "frame_protocol", f"made-{number}", bytes([3, number & 1]) + noise(number, 40 + 20 * number)
    yield "marshal_reader", "deep", b"\x03c" + bytes(20) + b")\x01" * 2000
    yield "marshal_reader", "count-that-lies", b"\x03c" + bytes(20) + b"(\xff\xff\xff\xff"
    yield "frame_protocol", "length-that-lies", b"\x00\x0f\xff\xff\xff\x1f" + bytes(8)
    yield "frame_protocol", "too-long", b"\x00\x0f\xff\xff\xff\x7f" + bytes(8)
    yield "frame_protocol", "count-that-lies", b"\x02\x00\x01\x00\x00\x00K\xff\xff\xff\xff"
    for number, name in enumerate([b"x.cpython-311.pyc.140234567", b"x.y.cpython-313t.opt-2.pyc", b"\xff\n.pypy39.pyc"]):
        yield "cache_reader", f"name-{number}", b"\x03" + name + b"\0" + b"\xa7\x0d\r\n" + bytes(12)
    yield "cache_reader", "flags", b"\x03x\0\xa7\x0d\r\n\x04" + bytes(11)
    yield "cache_reader", "other-magic", b"\x0bx\0\xcb\x0d\r\n" + bytes(12)
