"""The board between the environment and its workers: frames go out, actions come in, rows go to the recorder.

Everything lies in one arena and every array has one writer, so no process waits for a lock that could stall the
environment. Frames are published into a ring: the reader copies and then checks that the slot still holds the same
frame. A worker posts outputs into its own ring; the environment's process takes them at the next boundary. The rows
of the record pass to the supervisor through two more rings. (Stores become visible in program order on x86-64;
elsewhere the semaphores that follow them order them.)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records.schema import FRAMES, INFERENCE_DTYPE, INFERENCES, FrameRow, InferenceRow, Output, row_dtype, whole_row
from ...rules.state import state_size
from ..races import RACE
from .arena import Arena
from .synchronisation import LOCK_BYTES, SEMAPHORE_BYTES

__all__ = ["ENVIRONMENT", "EPOCH", "HEAD", "STOP", "WORKERS", "Board", "Frame", "board_fields"]

RING = 64  # frames kept: far more than a reader needs to copy one
OUTBOX = 256  # outputs a worker may have waiting: more than fit in a frame
FRAME_ROWS = 1 << 14  # rows the recorder may be behind: minutes
INFERENCE_ROWS = 1 << 16
TEXT_BYTES = 8192

ENVIRONMENT, WORKERS = 0, 1
"""Whose priority ``report_priority`` and ``read_priority`` are about."""

# control words (int64), one writer each
EPOCH = 0  # monotonic nanoseconds of boundary 0; 0 while everybody gets ready (supervisor)
STOP = 8  # 1: end as soon as you see it (supervisor)
HEAD = 16  # newest published frame, -1 before the first (environment)
FRAMES_WRITTEN = 24  # rows in the frame ring so far (environment)
INFERENCES_WRITTEN = 32  # rows in the inference ring so far (environment)
FRAMES_READ = 40  # (supervisor)
INFERENCES_READ = 48  # (supervisor)
ENVIRONMENT_READY = 56  # (environment)
MISSED = 64  # frames left out after a long gap of the clock (environment)
CONTROL_WORDS = 72


@dataclass(frozen=True)
class Frame:
    """A published frame: its index, the true symbol (-1 if the environment reports none) and the observation."""

    index: int
    label: int
    pixels: NDArray[Any]


def board_fields(
    workers: int,
    frame_shape: tuple[int, ...],
    frame_dtype: Any,
    parameters: int,
    learners: int = 0,
    spares: int = 0,
    horizon: int = 1,
    threshold: int = 0,
    numbers: int = 0,
    replicas: int = 1,
) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return the arena fields of a run with that many workers, learners and spares, such frames and parameters.

    ``horizon`` is the number of actions of an answer, ``threshold`` the size of what learns when to cancel, ``numbers``
    how many an action has that is a row of them, ``replicas`` how many workers race.
    """
    chunks: tuple[Any, tuple[int, ...]] = (np.int16, (workers, OUTBOX, horizon))
    if numbers:
        chunks = np.float64, (workers, OUTBOX, horizon, numbers)
    return {
        "control": (np.int64, (CONTROL_WORDS,)),
        "ready": (np.uint8, (workers,)),
        "warmup": (np.float64, (workers,)),
        "claims": (np.int64, (workers,)),
        "beats": (np.int64, (workers,)),
        "in_flight": (INFERENCE_DTYPE, (workers,)),
        "busy": (np.uint8, (workers,)),
        "owners": (np.int64, (workers, 2)),  # which process serves a slot, and its id
        "spares_ready": (np.uint8, (spares,)),
        "processor_seconds": (np.float64, (workers + 1 + learners,)),
        "rule_state": (np.float64, (int(state_size(workers // replicas)),)),
        "races": (np.float64, (workers // replicas if replicas > 1 else 0, RACE)),
        "race_times": (np.float64, (workers if replicas > 1 else 0,)),
        "threshold": (np.float64, (threshold,)),
        "rule_lock": (np.uint8, (LOCK_BYTES,)),
        "semaphores": (np.uint8, (workers, SEMAPHORE_BYTES)),
        "frame_numbers": (np.int64, (RING,)),
        "frame_labels": (np.int32, (RING,)),
        "frames": (frame_dtype, (RING, *frame_shape)),
        "outbox": (INFERENCE_DTYPE, (workers, OUTBOX)),
        "outbox_chunks": chunks,
        "reconnections": (np.int64, (workers,)),
        "outbox_heads": (np.int64, (workers,)),
        "outbox_tails": (np.int64, (workers,)),
        "frame_rows": (row_dtype(FRAMES, numbers), (FRAME_ROWS,)),
        "inference_rows": (row_dtype(INFERENCES, numbers), (INFERENCE_ROWS,)),
        "errors": (np.uint8, (workers + 1 + learners + spares, TEXT_BYTES)),
        "priorities": (np.uint8, (2, TEXT_BYTES)),
        "parameters": (np.float32, (parameters,)),
    }


class Board:
    """The arena of a run, seen through the operations its processes need."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.control: NDArray[np.int64] = arena["control"]
        self._numbers, self._labels, self._frames = arena["frame_numbers"], arena["frame_labels"], arena["frames"]
        self._outbox, self._heads, self._tails = arena["outbox"], arena["outbox_heads"], arena["outbox_tails"]
        self._chunks = arena["outbox_chunks"]
        self._several = self._chunks.ndim == 4 or self._chunks.shape[2] > 1
        self._row_numbers = self._chunks.shape[3] if self._chunks.ndim == 4 else 0

    @property
    def environment_slot(self) -> int:
        """Place of the environment among errors and processor seconds: after the workers."""
        return len(self._heads)

    def learner_slot(self, learner: int) -> int:
        """Return the place of a learner (or of the learners' gateway, 0) there: after the environment."""
        return self.environment_slot + 1 + learner

    def spare_slot(self, spare: int) -> int:
        """Return the place of a spare among errors: the last ones."""
        return len(self.arena["errors"]) - len(self.arena["spares_ready"]) + spare

    def prepare(self) -> None:
        """Set what does not start as zero; once, before any other process looks."""
        self.control[HEAD] = -1
        self._numbers[:] = -1
        self.arena["claims"][:] = -1

    # frames: the environment publishes, the workers read

    def publish(self, index: int, pixels: NDArray[Any], label: int) -> None:
        """Make a frame the newest one."""
        slot = index % RING
        self._numbers[slot] = -1
        self._frames[slot] = pixels
        self._labels[slot] = label
        self._numbers[slot] = index
        self.control[HEAD] = index

    def newest(self) -> Frame:
        """Return a copy of the newest frame; never a torn one."""
        while True:
            index = int(self.control[HEAD])
            slot = index % RING
            if self._numbers[slot] == index:
                frame = Frame(index, int(self._labels[slot]), self._frames[slot].copy())
                if self._numbers[slot] == index:
                    return frame

    def at(self, index: int) -> Frame:
        """Return a copy of that frame, or of the newest one where it was overwritten."""
        slot = index % RING
        frame = Frame(index, int(self._labels[slot]), self._frames[slot].copy())
        return frame if self._numbers[slot] == index else self.newest()

    def since(self, index: int, most: int) -> list[Frame]:
        """Return copies of the frames after ``index``, the oldest first: the newest ``most`` of them."""
        newest = self.newest()
        frames = []
        for number in range(max(index + 1, newest.index - most + 1, 0), newest.index):
            slot = number % RING
            frame = Frame(number, int(self._labels[slot]), self._frames[slot].copy())
            if self._numbers[slot] == number:  # else it was overwritten meanwhile, or the clock left it out
                frames.append(frame)
        return [*frames, newest]

    # outputs: each worker posts into its own ring, the environment takes

    def can_post(self, worker: int) -> bool:
        """Return whether the worker's outbox has room."""
        return bool(self._heads[worker] - self._tails[worker] < OUTBOX)

    def post(self, worker: int, row: InferenceRow) -> None:
        """Put a completed inference into the worker's outbox."""
        head = int(self._heads[worker])
        self._outbox[worker, head % OUTBOX] = row
        if (chunk := getattr(row, "chunk", None)) is not None:
            self._chunks[worker, head % OUTBOX] = chunk
        self._heads[worker] = head + 1

    def take(self) -> list[InferenceRow]:
        """Return all inferences posted since the last call, in the order of the workers."""
        rows: list[InferenceRow] = []
        for worker in np.flatnonzero(self._heads != self._tails):
            tail, head = int(self._tails[worker]), int(self._heads[worker])
            for i in range(tail, head):
                row = InferenceRow._make(self._outbox[worker, i % OUTBOX].item())
                several = self._several and not (row.lost or row.cancelled)
                rows.append(Output.of(row, self._chunks[worker, i % OUTBOX].copy()) if several else row)
            self._tails[worker] = head
        return rows

    # rows of the record: the environment writes, the supervisor reads

    def write_frame(self, row: FrameRow) -> None:
        """Hand a frame to the recorder."""
        self._write("frame_rows", FRAMES_WRITTEN, FRAMES_READ, row)

    def write_inference(self, row: InferenceRow) -> None:
        """Hand an inference to the recorder."""
        self._write("inference_rows", INFERENCES_WRITTEN, INFERENCES_READ, row)

    def _write(self, name: str, written: int, read: int, row: Any) -> None:
        rows = self.arena[name]
        count = int(self.control[written])
        if count - int(self.control[read]) >= len(rows):
            raise RuntimeError(f"the recorder is {len(rows)} {name.replace('_', ' ')} behind: is the disk stalled?")
        rows[count % len(rows)] = whole_row(row, self._row_numbers)
        self.control[written] = count + 1

    def read_frames(self) -> NDArray[Any]:
        """Return all frame rows written since the last call."""
        return self._read("frame_rows", FRAMES_WRITTEN, FRAMES_READ)

    def read_inferences(self) -> NDArray[Any]:
        """Return all inference rows written since the last call."""
        return self._read("inference_rows", INFERENCES_WRITTEN, INFERENCES_READ)

    def _read(self, name: str, written: int, read: int) -> NDArray[Any]:
        rows = self.arena[name]
        first, last = int(self.control[read]), int(self.control[written])
        taken = rows[np.arange(first, last) % len(rows)]
        self.control[read] = last
        return taken

    # what processes report in words

    def report_error(self, process: int, text: str) -> None:
        """Leave a message for the supervisor (the last ``TEXT_BYTES`` of it)."""
        _put_text(self.arena["errors"][process], text)

    def read_error(self, process: int) -> str:
        """Return the message that process left, or an empty string."""
        return _get_text(self.arena["errors"][process])

    def report_priority(self, whose: int, text: str) -> None:
        """Report which priority was granted to the environment (``ENVIRONMENT``) or the workers (``WORKERS``)."""
        _put_text(self.arena["priorities"][whose], text)

    def read_priority(self, whose: int) -> str:
        """Return the priority that was reported, or an empty string."""
        return _get_text(self.arena["priorities"][whose])


def _put_text(place: NDArray[np.uint8], text: str) -> None:
    data = text.encode()[-(TEXT_BYTES - 1) :]
    place[: len(data)] = np.frombuffer(data, np.uint8)


def _get_text(place: NDArray[np.uint8]) -> str:
    return place.tobytes().rstrip(b"\0").decode(errors="replace")
