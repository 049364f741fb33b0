"""The arena, the semaphores and the robust lock, with real processes, and the rings of rows."""

import multiprocessing
import os
import time

import numpy as np
import pytest

from regretlab.play.system.arena import Arena
from regretlab.play.system.board import FRAME_ROWS, Board, board_fields
from regretlab.play.system.synchronisation import LOCK_BYTES, SEMAPHORE_BYTES, RobustLock, SemaphoreRow
from regretlab.records.schema import FrameRow


def _fields():
    return {
        "values": (np.int64, (3,)),
        "semaphores": (np.uint8, (2, SEMAPHORE_BYTES)),
        "lock": (np.uint8, (LOCK_BYTES,)),
    }


def _open(arena, create=False):
    return SemaphoreRow(arena["semaphores"], create=create), RobustLock(arena["lock"], create=create)


def _add_many(arena, count):
    semaphores, lock = _open(arena)
    semaphores.wait(0, 10.0)
    for _ in range(count):
        with lock.hold():
            value = int(arena["values"][0])
            arena["values"][0] = value + 1
    semaphores.post(1)


def _die_inside(arena):
    _, lock = _open(arena)
    with lock.hold():
        os._exit(9)


@pytest.fixture
def arena():
    arena = Arena(_fields())
    yield arena
    arena.close()


def test_arrays_start_as_zeros_on_their_own_cache_lines(arena):
    addresses = [arena[name].ctypes.data for name in _fields()]
    assert all(address % 64 == 0 for address in addresses)
    assert len(set(addresses)) == 3
    assert not arena["values"].any()


def test_an_arena_has_no_name_in_dev_shm():
    before = set(os.listdir("/dev/shm"))
    arena = Arena({"values": (np.float64, (1000,))})
    assert set(os.listdir("/dev/shm")) == before
    arena.close()


@pytest.mark.thorough
def test_processes_share_memory_and_the_lock_excludes(arena):
    context = multiprocessing.get_context("forkserver")
    semaphores, _ = _open(arena, create=True)
    children = [context.Process(target=_add_many, args=(arena, 2000)) for _ in range(2)]
    for child in children:
        child.start()
    for _ in children:
        semaphores.post(0)
    assert semaphores.wait(1, 30.0)
    assert semaphores.wait(1, 30.0)
    for child in children:
        child.join(10)
    assert arena["values"][0] == 4000


def test_the_lock_passes_on_when_its_owner_is_killed(arena):
    _, lock = _open(arena, create=True)
    child = multiprocessing.get_context("forkserver").Process(target=_die_inside, args=(arena,))
    child.start()
    child.join(30)
    assert child.exitcode == 9
    for _ in range(2):  # and it works as before afterwards
        with lock.hold(timeout=1.0):
            pass


def test_a_wait_ends_at_its_timeout_and_posts_are_counted(arena):
    semaphores, _ = _open(arena, create=True)
    began = time.monotonic()
    assert not semaphores.wait(0, 0.05)
    assert time.monotonic() - began >= 0.05
    semaphores.post(0)
    semaphores.post(0)
    assert semaphores.wait(0, 0.0)
    assert semaphores.wait(0, 0.0)
    assert not semaphores.wait(0, 0.0)


def test_the_recorder_may_be_a_whole_ring_behind_and_loses_no_row():
    arena = Arena(board_fields(1, (1,), np.uint8, 0))
    board = Board(arena)
    row = FrameRow(0, 0.0, 0.0, 0, -1, -1, -1, 0.0, False, False, 0)
    for number in range(FRAME_ROWS):
        board.write_frame(row._replace(frame=number))
    with pytest.raises(RuntimeError, match="is the disk stalled"):
        board.write_frame(row)
    assert board.read_frames()["frame"].tolist() == list(range(FRAME_ROWS))
    board.write_frame(row)
    assert len(board.read_frames()) == 1
    arena.close()
