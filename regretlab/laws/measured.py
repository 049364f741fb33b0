"""Profiles of a network, read back from disk: the law of its inference time and how workers slow each other down.

`regretlab profile` writes the samples and, beside them, a JSON file with what it found out. Theory takes both from
there as data; nothing that measures is imported.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from .law import Law
from .parsing import parse_law
from .sample_law import SampleLaw

__all__ = ["MeasuredProfile", "read_profile"]


@dataclass(frozen=True)
class MeasuredProfile:
    """What a profile says to a plan.

    Attributes
    ----------
    policy
        The network.
    law
        Inference times of a lone worker, seconds: the samples.
    contention
        chi: share of the lone time that each further worker adds; 0 if it was not measured.
    contention_workers
        Numbers of workers it was measured with; empty if it was not.
    """

    policy: str
    law: Law
    contention: float
    contention_workers: tuple[int, ...]


def read_profile(path: str | Path) -> MeasuredProfile:
    """Read the samples of a profile and the summary beside them.

    Parameters
    ----------
    path
        The .npy or .csv file that ``regretlab profile --out`` wrote, with or without an @ before it.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the two do not belong together.

    Examples
    --------
    >>> read_profile("nowhere.npy")
    Traceback (most recent call last):
    regretlab.errors.InputError: samples file 'nowhere.npy' does not exist
    """
    name = str(path).removeprefix("@")
    law = parse_law(f"@{name}")
    summary = Path(name).with_suffix(".json")
    if not isinstance(law, SampleLaw) or not summary.is_file():
        raise InputError(f"profile '{name}' has no summary beside it: '{summary}' does not exist")
    try:
        found = json.loads(summary.read_text(encoding="utf-8"))
        policy, samples, shared = str(found["policy"]), found["samples"], found.get("contention")
        chi = 0.0 if shared is None else _share(shared["contention"])
        workers = () if shared is None else tuple(int(number) for number in shared["workers"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise InputError(f"summary '{summary}' is not one that regretlab profile wrote") from None
    if samples != len(law.seconds):
        raise InputError(f"summary '{summary}' speaks of {samples} samples, and '{name}' holds {len(law.seconds)}")
    return MeasuredProfile(policy, law, chi, workers)


def _share(value: Any) -> float:
    share = float(value)
    if not (math.isfinite(share) and share >= 0):
        raise ValueError(value)
    return share
