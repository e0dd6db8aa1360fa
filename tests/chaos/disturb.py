"""Does random operations on a tree in which others do the same.

    disturb.py '{"seed": N, "count": N, "tree": ..., "outside": ..., "bait": ..., "pythons": [{"path", "tag", "header"}],
                 "root": BOOL, "releases": [...], "without": [names of operations], "log": ...}'

Writes one byte to standard output for each operation, so that whoever started it can count them, and one line to the log:
time in ns, seed, number, operation, paths or the error. The dice come from the seed; what they hit depends on the others.
"""

import json
import os
import shutil
import sys
import time

import caches
import edits
import trees
from world import World

OPERATIONS = [
    (10, edits.write),
    (4, edits.write_in_halves),
    (6, edits.finish_halves),
    (3, edits.append),
    (8, edits.replace),
    (6, edits.same_size),
    (4, edits.same_size_twice),
    (4, edits.same_stamp),
    (3, edits.touch),
    (4, edits.set_time),
    (4, edits.delete),
    (3, edits.recreate),
    (4, edits.rename),
    (3, edits.break_and_mend),
    (2, edits.empty),
    (1, edits.hard_link_beside),
    (2, edits.hard_link_elsewhere),
    (3, edits.link),
    (1, edits.link_to_bait),
    (4, edits.mode),
    (4, edits.owner),
    (3, caches.remove),
    (3, caches.truncate),
    (3, caches.garbage),
    (2, caches.foreign_body),
    (2, caches.remove_all),
    (2, caches.wrong_mode),
    (2, caches.wrong_owner),
    (2, caches.directory_mode),
    (1, caches.link),
    (1, caches.left_over),
    (2, caches.do_import),
    (8, trees.make_deep),
    (3, trees.rename),
    (2, trees.move_out),
    (3, trees.move_back),
    (2, trees.move_prepared),
    (3, trees.remove),
    (2, trees.mode),
    (2, trees.owner),
    (0.15, trees.burst),
    (0.15, trees.unpack),
    (1, trees.check_out),
    (1, trees.flip),
]
NEED_ROOT = {edits.owner, caches.wrong_owner, trees.owner}


def name_of(operation):
    return operation.__module__ + "." + operation.__name__


def main(count, without, log, **world):
    world = World(**world)
    chosen = [
        (weight, operation)
        for weight, operation in OPERATIONS
        if (world.root or operation not in NEED_ROOT) and name_of(operation) not in without
    ]
    weights, operations = zip(*chosen)
    with open(log, "w") as lines:
        for number in range(count):
            operation = world.random.choices(operations, weights)[0]
            began = time.time()
            try:
                told = operation(world)
            except (OSError, shutil.Error) as error:
                told = repr(error)
            lines.write("%.6f %.6f %x %d %s %r\n" % (began, time.time(), world.seed, number, name_of(operation), told))
            os.write(1, b".")
            # Nothing is waited for: people and programs leave gaps, and the daemon works in them.
            if world.random.random() < 0.3:
                time.sleep(world.random.random() * 0.02)
        world.end()
        lines.write("%.6f %.6f %x %d end None\n" % (time.time(), time.time(), world.seed, count))


main(**json.loads(sys.argv[1]))
