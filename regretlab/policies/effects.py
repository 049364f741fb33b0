"""What each option of execution does to the inference time of a network, measured side by side.

The plain network (contiguous weights, float32, not compiled, one thread) and each option are timed in turn, in rounds:
each round times all of them in an order of its own, so that whatever slows the machine down meets all alike. The
effect is the ratio of the mean times r = E[y] / E[x], with Student's interval from the residuals y_i - r x_i of the
rounds (Cochran 1977, *Sampling Techniques*, section 6.4), which what is common to a round leaves alone.
"""

import math
import os
from dataclasses import dataclass, replace
from time import perf_counter, sleep
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..progress import Progress, silent
from ..records.batch_means import student_quantile
from .execution import build_executed
from .policy import NetworkPolicy
from .spec import PolicySpec
from .weights import load_parameters

__all__ = ["OptionEffect", "measure_effects", "ratio_interval"]

_CHECKED_FRAMES = 64
_SPINNING = 0.05  # seconds for which threads may go on spinning after their work, to the harm of what is timed next
_LEAST_SECONDS = 0.02  # of a measurement: long against what else the machine does in between


@dataclass(frozen=True)
class OptionEffect:
    """What an option does.

    Attributes
    ----------
    option
        "plain", "channels-last", "bf16", "compile", "threads-N", or "together" (the first three that are available).
    mean
        Mean seconds of an inference; None where the option is not available.
    ratio
        Mean time over that of the plain network; below 1 is faster.
    lower, upper
        Interval of the ratio.
    actions_agree
        Share of random frames in which the action is that of the plain network.
    largest_difference
        Largest difference of an action value from the plain network's in those frames.
    value_spread
        Standard deviation of the plain network's values over frames and actions, to judge that difference by.
    unavailable
        Why the option could not be measured; None if it was.
    """

    option: str
    mean: float | None
    ratio: float | None
    lower: float | None
    upper: float | None
    actions_agree: float | None
    largest_difference: float | None
    value_spread: float
    unavailable: str | None = None


@dataclass
class _Variant:
    option: str
    policy: NetworkPolicy
    threads: int


def ratio_interval(y: ArrayLike, x: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the ratio of two means measured in the same rounds, and its interval.

    Parameters
    ----------
    y, x
        Means of each round, shape (rounds,), at least two.
    confidence
        In (0, 1).

    Returns
    -------
    tuple of float
        Ratio, lower and upper limit.

    References
    ----------
    Cochran (1977), *Sampling Techniques*, equation 6.13, with Student's t of rounds - 1.

    Examples
    --------
    >>> ratio_interval([2.0, 4.0], [1.0, 2.0])
    (2.0, 2.0, 2.0)
    """
    above, below = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    ratio = float(above.mean() / below.mean())
    spread = float((above - ratio * below).std(ddof=1)) / math.sqrt(len(above)) / float(below.mean())
    half = student_quantile(confidence, len(above)) * spread
    return ratio, max(0.0, ratio - half), ratio + half  # times are not negative


def measure_effects(
    spec: PolicySpec,
    *,
    samples: int = 500,
    rounds: int = 20,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[OptionEffect, ...]:
    """Measure what each option of execution does to a network's inference time and to its values.

    Parameters
    ----------
    spec
        A policy with a network; its ``channels_last`` is not looked at.
    samples
        Inferences of each variant, spread over the rounds (at least one a round, and at least 20 ms).
    rounds
        Rounds, at least 5.
    confidence
        Of the intervals, in (0, 1).
    seed
        Seed of the frames and of the order in each round.
    progress
        Called with the rounds done and the total (the first stage counts as one: building and compiling).

    Returns
    -------
    tuple of OptionEffect
        The plain network first. An option that this machine does not offer says why.

    Raises
    ------
    InputError
        If the policy has no network, or a number is out of range.
    """
    if samples < 1 or rounds < 5 or not 0 < confidence < 1:
        raise InputError(
            f"effects need at least 1 sample, 5 rounds and a confidence in (0, 1), not {samples}, {rounds} and "
            f"{confidence}"
        )
    if not spec.has_network:
        raise InputError(f"policy '{spec.name}' has no network to execute: give nature, impala-kN or impala2x-kN")
    if spec.device != "cpu":
        raise InputError(f"options are compared on the cpu, not on device '{spec.device}'")
    before = torch.get_num_threads()
    random = np.random.default_rng(seed)
    try:
        variants, missing = _variants(spec)
        frames = random.integers(0, 256, (_CHECKED_FRAMES, *spec.frame_shape)).astype(np.uint8)
        values = [_values(variant, frames) for variant in variants]
        seconds = np.empty((rounds, len(variants)))
        for done in range(rounds):
            progress(done + 1, rounds + 1, "options side by side")
            for index in random.permutation(len(variants)):
                seconds[done, index] = _mean_time(variants[index], frames, -(-samples // rounds))
    finally:
        torch.set_num_threads(before)
    spread = float(values[0].std())
    found = []
    for index, variant in enumerate(variants):
        ratio, lower, upper = ratio_interval(seconds[:, index], seconds[:, 0], confidence)
        found.append(
            OptionEffect(
                option=variant.option,
                mean=float(seconds[:, index].mean()),
                ratio=ratio,
                lower=lower,
                upper=upper,
                actions_agree=float((values[index].argmax(axis=1) == values[0].argmax(axis=1)).mean()),
                largest_difference=float(np.abs(values[index] - values[0]).max()),
                value_spread=spread,
            )
        )
    return (*found, *(OptionEffect(name, None, None, None, None, None, None, spread, why) for name, why in missing))


def _variants(spec: PolicySpec) -> tuple[list[_Variant], list[tuple[str, str]]]:
    """Build the variants, the plain network first; those that cannot be built come with the reason."""
    plain = replace(spec, channels_last=False)
    rearranged = replace(spec, channels_last=True)
    flat = load_parameters(plain)
    flat_rearranged = load_parameters(rearranged)
    cores = len(os.sched_getaffinity(0))
    variants = [
        _Variant("plain", build_executed(plain, flat), 1),
        _Variant("channels-last", build_executed(rearranged, flat_rearranged), 1),
        _Variant("bf16", build_executed(plain, flat, bf16=True), 1),
    ]
    missing = []
    together: dict[str, Any] = {"bf16": True}
    try:
        variants.append(_Variant("compile", build_executed(plain, flat, compiled=True), 1))
        together["compiled"] = True
    except InputError as error:
        missing.append(("compile", str(error)))
    if cores > 1:
        variants.append(_Variant(f"threads-{cores}", build_executed(plain, flat, threads=cores), cores))
    else:
        missing.append(("threads", "this process may use one core only"))
    variants.append(_Variant("together", build_executed(rearranged, flat_rearranged, **together), 1))
    return variants, missing


def _values(variant: _Variant, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    torch.set_num_threads(variant.threads)
    return np.stack([variant.policy.values(frame).copy() for frame in frames])


def _mean_time(variant: _Variant, frames: NDArray[np.uint8], number: int) -> float:
    """Return the mean seconds of an inference, after one that does not count (caches, threads waking up)."""
    torch.set_num_threads(variant.threads)
    act = variant.policy.act
    act(frames[0])
    began, count = perf_counter(), 0
    while count < number or perf_counter() - began < _LEAST_SECONDS:
        act(frames[count % len(frames)])
        count += 1
    seconds = (perf_counter() - began) / count
    if variant.threads > 1:
        sleep(_SPINNING)
    return seconds
