"""What the commands of the theory ask about alike: an inference time in a world, and workers under a rule."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from ..errors import InputError
from ..rules import DEFAULT_RULE
from .options import Whole

if TYPE_CHECKING:
    from ..laws import Law

__all__ = ["Alignment", "Scenario", "Surroundings", "World", "read_hold", "read_workers"]

Alignment = Literal["frame", "uniform"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """How fast the world moves, and what it costs to be late.

    Parameters
    ----------
    mode_probability
        How likely the likeliest successor of a frame is at least, p.
    frame_time
        Seconds of a frame, or gameboy, or atari.
    symbols
        Evaluate the ring of this many symbols instead of the worst case of all MDPs.
    gap_default
        Reward per frame that the default behaviour loses.
    gap_delay
        Reward per frame that a wrong action loses.
    maximum_time
        tau_max of max-time in seconds; the upper end of the law if not given. Where the law has none: its 99.9 %
        quantile, but simulate learns it as the rule does, from the longest time seen so far.
    cores
        Cores that workers, learners and environment share; with more processes than cores everything slows down.
    """

    mode_probability: float
    frame_time: str = "gameboy"
    symbols: Whole | None = None
    gap_default: float = 1.0
    gap_delay: float = 1.0
    maximum_time: float | None = None
    cores: float | None = None

    def frame_seconds(self) -> float:
        """Return the seconds of a frame."""
        from ..laws import parse_frame_time

        return parse_frame_time(self.frame_time)

    def keywords(self) -> dict[str, Any]:
        """Return what the library functions take by keyword, under their names."""
        return {
            "symbols": self.symbols,
            "gap_default": self.gap_default,
            "gap_delay": self.gap_delay,
            "maximum_time": self.maximum_time,
        }


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class World(Surroundings):
    """How slow inference is in a world.

    Parameters
    ----------
    inference_time
        Law of the inference time in seconds: 0.1, constant(0.1), any scipy.stats distribution such as
        "gamma(4, scale=0.02)", @FILE with samples (.csv, .npy) or @RECORD (the folder of a run).
    """

    inference_time: str

    def law(self) -> "Law":
        """Return the law of the inference time."""
        from ..laws import parse_law

        return parse_law(self.inference_time)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Scenario(World):
    """Workers under a staggering rule in a world.

    Parameters
    ----------
    workers
        Number of inference workers, or inf.
    rule
        Staggering rule: sequential, sequential-strict, unstaggered, free-running, max-time, expected-time, frame-pool
        or frame-hold.
    hold
        Frames that frame-hold holds its outputs to; auto, its default, is the hold of least regret.
    alignment
        Whether inferences start on frames or anywhere; the rule's default if not given.
    horizon
        Seconds to add the regret up over.
    """

    workers: str = "1"
    rule: str = DEFAULT_RULE
    hold: str | None = None
    alignment: Alignment | None = None
    horizon: float | None = None

    @property
    def title(self) -> str:
        """The scenario in one line."""
        workers = "1 worker" if self.workers == "1" else f"{self.workers} workers"
        return f"{self.rule}, {workers}, inference time {self.inference_time} s"

    def keywords(self) -> dict[str, Any]:
        """Return what the library functions take by keyword, under their names."""
        return super().keywords() | {
            "workers": read_workers(self.workers),
            "rule": self.rule,
            "hold": read_hold(self.hold),
            "alignment": self.alignment,
            "horizon": self.horizon,
        }


def read_workers(text: str) -> float:
    """Read a number of workers."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 1 or (value != math.inf and value != int(value)):
        raise InputError(f"workers must be a whole number of at least 1 or inf, not '{text}'")
    return value if value == math.inf else int(value)


def read_hold(text: str | None) -> int | str | None:
    """Read a number of frames to hold outputs to."""
    if text is None or text == "auto":
        return text
    try:
        frames = int(text)
    except ValueError:
        frames = 0
    if frames < 1:
        raise InputError(f"hold must be a whole number of frames, at least 1, or auto, not '{text}'")
    return frames
