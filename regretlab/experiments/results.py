"""The results file of an experiment: a row for each window of frames of each case and seed, and their means.

Parquet; the metadata hold the experiment and what made the file. Rows of a case's seeds share a case, delay and
interaction; ``first_frame`` and ``frames`` say which frames a window holds.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "CaseSummary",
    "Windows",
    "case_summaries",
    "pack",
    "read_metadata",
    "read_results",
    "unpack",
]

COLUMNS: dict[str, str] = {
    "case": "string",
    "delay": "int32",
    "interaction": "string",
    "seed": "int64",
    "window": "int32",
    "first_frame": "int64",
    "frames": "int64",
    "reward": "double",
    "episodes": "int32",
    "episode_reward": "double",
    "acted": "double",
    "updates": "int64",
}
"""Columns of a results file and their types: reward is the window's sum, episode_reward the mean of the episodes that
ended in it (null without one), acted the share of its frames with an agent action, updates those of the network by its
end."""
_METADATA = b"regretlab experiment"


@dataclass(frozen=True)
class CaseSummary:
    """A case over its seeds.

    Attributes
    ----------
    case, delay, interaction
        Which.
    seeds
        Number of seeds.
    reward_per_frame
        Mean over seeds, of the last share of the frames that the experiment counts.
    interval
        Half-width of its 95 % interval by Student's t over the seeds; None for a single seed.
    by_seed
        What it is the mean of, in the order of the seeds.
    episode_reward
        Mean reward of the episodes that ended in those frames; None without one.
    acted
        Share of the frames with an agent action.
    """

    case: str
    delay: int
    interaction: str
    seeds: int
    reward_per_frame: float
    interval: float | None
    by_seed: tuple[float, ...]
    episode_reward: float | None
    acted: float


class Windows:
    """Rows of results, frame by frame.

    Parameters
    ----------
    frames
        Frames in all.
    windows
        Rows at most; of equal length but for rounding.

    Attributes
    ----------
    rows
        The finished windows (``COLUMNS`` from ``window`` on).

    Examples
    --------
    >>> windows = Windows(5, 2)
    >>> for frame in range(5):
    ...     windows.add(1.0, True, frame == 3, 0)
    >>> [(row["first_frame"], row["frames"], row["reward"], row["episode_reward"]) for row in windows.rows]
    [(0, 2, 2.0, None), (2, 3, 3.0, 4.0)]
    """

    def __init__(self, frames: int, windows: int) -> None:
        count = min(frames, windows)
        self._ends = [frames * (number + 1) // count for number in range(count)]
        self.rows: list[dict[str, Any]] = []
        self._frame, self._episode = 0, 0.0
        self._start()

    def _start(self) -> None:
        self._first, self._reward, self._acted, self._episodes = self._frame, 0.0, 0, list[float]()

    def add(self, reward: float, acted: bool, ended: bool, updates: int) -> None:
        """Take in a frame."""
        self._frame += 1
        self._reward += reward
        self._acted += acted
        self._episode += reward
        if ended:
            self._episodes.append(self._episode)
            self._episode = 0.0
        if self._frame < self._ends[len(self.rows)]:
            return
        frames = self._frame - self._first
        self.rows.append(
            {
                "window": len(self.rows),
                "first_frame": self._first,
                "frames": frames,
                "reward": self._reward,
                "episodes": len(self._episodes),
                "episode_reward": sum(self._episodes) / len(self._episodes) if self._episodes else None,
                "acted": self._acted / frames,
                "updates": updates,
            }
        )
        self._start()


def pack(rows: "pd.DataFrame", metadata: Mapping[str, Any]) -> bytes:
    """Return a results file as bytes, which depend on rows and metadata alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    table = pa.Table.from_pandas(rows[list(COLUMNS)], schema=schema, preserve_index=False)
    table = table.replace_schema_metadata({_METADATA: json.dumps(dict(metadata), sort_keys=True).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return the metadata of a results file.

    Raises
    ------
    InputError
        If it is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
        return dict(json.loads(metadata[_METADATA]))
    except (OSError, pa.ArrowInvalid, KeyError, ValueError):
        raise InputError(f"'{path}' is not a results file of an experiment") from None


def read_results(path: str | Path) -> "pd.DataFrame":
    """Return the rows of a results file.

    Raises
    ------
    InputError
        If it is none.
    """
    read_metadata(path)
    return unpack(Path(path).read_bytes())


def unpack(content: bytes) -> "pd.DataFrame":
    """Return the rows that ``pack`` made bytes of."""
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(content)).to_pandas()


def case_summaries(rows: "pd.DataFrame", counted: float = 1.0) -> list[CaseSummary]:
    """Return each case over its seeds, in the order of the rows.

    Parameters
    ----------
    rows
        Rows of a results file.
    counted
        Last share of the frames that counts; windows that begin before it do not.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({
    ...     "case": "a", "delay": 5, "interaction": "sequential", "seed": [0, 1], "first_frame": 0, "frames": 100,
    ...     "reward": [40.0, 60.0], "episodes": 0, "episode_reward": float("nan"), "acted": 0.25,
    ... })
    >>> case = case_summaries(rows)[0]
    >>> case.reward_per_frame, round(case.interval, 3)
    (0.5, 1.271)
    """
    import numpy as np
    from scipy import stats

    summaries = []
    for which, own in rows.groupby(["case", "delay", "interaction"], sort=False, dropna=False):
        case, delay, interaction = cast(tuple[str, int, str], which)
        end = int((own["first_frame"] + own["frames"]).max())
        late = own[own["first_frame"] >= (1 - counted) * end - 1e-9]
        by_seed = late.groupby("seed", sort=True)
        means = (by_seed["reward"].sum() / by_seed["frames"].sum()).to_numpy()
        spread = None
        if len(means) > 1:
            spread = float(stats.t.ppf(0.975, len(means) - 1) * np.std(means, ddof=1) / len(means) ** 0.5)
        ended = late[late["episodes"] > 0]
        total = int(ended["episodes"].sum())
        summaries.append(
            CaseSummary(
                case=str(case),
                delay=int(delay),
                interaction=str(interaction),
                seeds=len(means),
                reward_per_frame=float(np.mean(means)),
                interval=spread,
                by_seed=tuple(means.tolist()),
                episode_reward=float((ended["episode_reward"] * ended["episodes"]).sum() / total) if total else None,
                acted=float((late["acted"] * late["frames"]).sum() / late["frames"].sum()),
            )
        )
    return summaries
