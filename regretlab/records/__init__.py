"""The record of a run: its schema, incremental writer, reader and summary.

A record is a directory of ``frames.parquet`` (one row a frame), ``inferences.parquet`` (one row an inference),
``meta.json`` and, of a run that learned, ``learning.parquet`` (one row a learning step). The simulator, both harness
clocks, validation and plots share it. Needs numpy, pandas and pyarrow only.
"""

from typing import TYPE_CHECKING

from ..lazy import lazily
from .batch_means import BatchMeans, batch_count, batch_means, student_quantile
from .schema import FRAME_DTYPE, INFERENCE_DTYPE, LEARNING_DTYPE, SCHEMA_VERSION

if TYPE_CHECKING:
    from .reader import Record
    from .summary import RunSummary, summarise
    from .writer import RecordWriter

__all__ = [
    "FRAME_DTYPE",
    "INFERENCE_DTYPE",
    "LEARNING_DTYPE",
    "SCHEMA_VERSION",
    "BatchMeans",
    "Record",
    "RecordWriter",
    "RunSummary",
    "batch_count",
    "batch_means",
    "student_quantile",
    "summarise",
]

__getattr__ = lazily(
    __name__, {"reader": ("Record",), "summary": ("RunSummary", "summarise"), "writer": ("RecordWriter",)}
)
"""These three load pandas."""
