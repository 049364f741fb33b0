"""Snapshots of weights under a writer that never rests: every reader sees one whole version, also of in-place reads."""

import multiprocessing
import time

import numpy as np

from regretlab.play.learning.state import WeightSnapshots, snapshot_fields
from regretlab.play.system.arena import Arena

COUNT = 200_000  # large enough that copying it takes many times as long as looking at it


def _read(arena, told, reader, seconds):
    """Look at the weights again and again, in place and slowly; note (looks, torn looks, distinct versions)."""
    snapshots = WeightSnapshots(arena)
    until, looks, torn, versions = time.monotonic() + seconds, 0, 0, set()
    while time.monotonic() < until:
        copy = snapshots.begin(reader)
        weights = snapshots.copies[copy]
        first = float(weights[0])
        torn += int((weights != first).any())
        time.sleep(0.0005 * (looks % 3))  # an inference lasts, and the same copy must stay whole to its end
        torn += int((weights != first).any())
        snapshots.end(reader)
        versions.add(first)
        looks += 1
    told["told"][reader] = looks, torn, len(versions)


def test_no_reader_ever_sees_half_written_weights():
    context = multiprocessing.get_context("fork")
    readers = 3
    arena = Arena(snapshot_fields(readers, COUNT))
    told = Arena({"told": (np.int64, (readers, 3))})
    snapshots = WeightSnapshots(arena)
    snapshots.prepare(np.zeros(COUNT, np.float32))
    processes = [context.Process(target=_read, args=(arena, told, reader, 3.0)) for reader in range(readers)]
    for process in processes:
        process.start()
    version, published = 0, 0
    while any(process.is_alive() for process in processes):
        version += 1
        published += snapshots.publish(np.full(COUNT, version, np.float32))
    for process in processes:
        process.join()
    looks, torn, versions = told["told"].T
    assert torn.tolist() == [0] * readers
    assert (looks > 100).all()
    assert (versions > 20).all()
    assert snapshots.version == published > 100


def test_a_copy_that_is_read_is_not_written_and_a_dead_reader_can_be_forgotten():
    arena = Arena(snapshot_fields(2, 4))
    snapshots = WeightSnapshots(arena)
    snapshots.prepare(np.zeros(4, np.float32))
    copy = snapshots.begin(0)
    assert snapshots.publish(np.full(4, 1, np.float32))  # into the copy that nobody reads
    assert not snapshots.publish(np.full(4, 2, np.float32))  # reader 0 is still on the old one
    assert (snapshots.copies[copy] == 0).all()
    assert (snapshots.copies[snapshots.begin(1)] == 1).all()
    snapshots.end(0)
    assert snapshots.publish(np.full(4, 3, np.float32))
    assert snapshots.version == 2
