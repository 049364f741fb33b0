"""What a record holds: the columns of its tables, as numpy structured types, and the names of its files.

The structured types are also the layout of rows in shared memory, so a process can fill rows without pyarrow.

Frames (one row a frame, in order)
    ``frame`` number; ``deadline`` of its boundary in seconds since boundary 0; ``lateness`` in seconds of the real
    boundary against it; ``action`` applied; ``served_by`` worker index or -1 for the default behaviour;
    ``observation_frame`` and ``delay_frames`` of the agent action or -1; ``reward``; ``terminated``; ``truncated``;
    ``label``, the true symbol where the environment tells it, else -1.

Inferences (one row an inference, in the order they were reported)
    ``worker``; ``dispatch`` the real and ``scheduled`` the planned start; ``observation_frame``; ``completion`` and
    ``release`` (NaN if it never completed); ``effect_frame`` or -1 if it never took effect because the run ended or it
    was lost; ``overwritten`` if a fresher output took that frame; ``action``; ``label``; ``lost`` with its
    worker. Times in seconds since frame boundary 0.

Learning (one row a learning step whose gradient was applied; only of a run that learned)
    ``learner`` (0 where the worker itself learns); ``batch``, its number, from 0; ``began`` when its batch was due to
    be drawn; ``ready`` with the gradient; ``turn`` when the gradients before it had been applied; ``applied``.
"""

import numpy as np

__all__ = [
    "FRAMES",
    "FRAME_DTYPE",
    "INFERENCES",
    "INFERENCE_DTYPE",
    "LEARNING",
    "LEARNING_DTYPE",
    "META",
    "OPTIONAL_TABLES",
    "SCHEMA_VERSION",
    "TABLES",
]

SCHEMA_VERSION = 1
META = "meta.json"
FRAMES = "frames"
INFERENCES = "inferences"
LEARNING = "learning"

FRAME_DTYPE = np.dtype(
    [
        ("frame", np.int64),
        ("deadline", np.float64),
        ("lateness", np.float64),
        ("action", np.int16),
        ("served_by", np.int16),
        ("observation_frame", np.int64),
        ("delay_frames", np.int32),
        ("reward", np.float32),
        ("terminated", np.bool_),
        ("truncated", np.bool_),
        ("label", np.int32),
    ],
    align=True,
)
"""A row of ``frames.parquet``."""

INFERENCE_DTYPE = np.dtype(
    [
        ("worker", np.int16),
        ("dispatch", np.float64),
        ("scheduled", np.float64),
        ("observation_frame", np.int64),
        ("completion", np.float64),
        ("release", np.float64),
        ("effect_frame", np.int64),
        ("overwritten", np.bool_),
        ("action", np.int16),
        ("label", np.int32),
        ("lost", np.bool_),
    ],
    align=True,
)
"""A row of ``inferences.parquet``."""

LEARNING_DTYPE = np.dtype(
    [
        ("learner", np.int16),
        ("batch", np.int64),
        ("began", np.float64),
        ("ready", np.float64),
        ("turn", np.float64),
        ("applied", np.float64),
    ],
    align=True,
)
"""A row of ``learning.parquet``."""

TABLES = {FRAMES: FRAME_DTYPE, INFERENCES: INFERENCE_DTYPE, LEARNING: LEARNING_DTYPE}
OPTIONAL_TABLES = (LEARNING,)
"""Tables that a record without rows of theirs has no file for."""
