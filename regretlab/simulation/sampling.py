"""The sampling interval of the figures of a scenario whose inference times are known from samples.

Each resample of the samples (``laws.resampling``) is simulated with the same random numbers, so that what differs is
the law; the ends are counted from the figure that was computed, whatever its method.
"""

import math
from collections.abc import Mapping
from functools import partial

from ..errors import InputError
from ..laws import Law
from ..laws.resampling import SamplingInterval, sampling_interval
from ..laws.sample_law import SampleLaw
from ..results import RegretParts
from ..rules import get_rule
from ..rules.state import BINS
from ..scenario import Scenario
from ..theory.loss import AgeLoss, by_age, loss_of
from ..theory.realtime import without_inaction
from .on_witness import Outcome, outcome, with_hold

__all__ = ["interval_from_samples"]

_FEWEST_FRAMES, _MOST_FRAMES, _STARTS, _WARMUP, _SEED = 500, 10_000, 5_000, 100, 7


def interval_from_samples(scenario: Scenario, regret: RegretParts, inaction_fraction: float) -> SamplingInterval | None:
    """Return the sampling interval of regret and inaction; None for a law that is not known from samples.

    Parameters
    ----------
    scenario
        What was asked. A hold that is not given stays that of the samples.
    regret, inaction_fraction
        The figures that the interval belongs to.

    Returns
    -------
    SamplingInterval
        Of ``mean_inference_time``, ``inaction_fraction``, ``interaction_time``, ``regret_per_frame`` with its parts and
        ``workers_for_zero_inaction``. None also for a scenario that no simulation plays.

    Examples
    --------
    >>> from regretlab.laws import law_from_samples
    >>> asked = Scenario(law_from_samples([0.15] * 200), fps=60, mode_probability=0.9, workers=10, rule="max-time")
    >>> low, high = interval_from_samples(asked, RegretParts(0.0, 0.65), 0.0).intervals["inaction_fraction"]
    >>> low, round(high, 2)  # a time twice as long would leave 8 of 18 frames
    (0.0, 0.44)
    """
    law = scenario.inference_time
    if not isinstance(law, SampleLaw):
        return None
    try:
        asked = with_hold(scenario)
        loss = loss_of(asked, "simulate")
        aged = by_age(asked, loss) if asked.mode == "stays" else asked
        here, found = _figures(asked, aged, loss, law), sampling_interval(law, partial(_figures, asked, aged, loss))
    except InputError:
        return None
    assert found is not None
    values = {
        **here,
        "inaction_fraction": inaction_fraction,
        **{f"regret_per_frame.{part}": regret.estimate(part).value for part in ("inaction", "delay", "total")},
    }
    intervals = {}
    for name, (low, high) in found.intervals.items():
        moved = values[name] - here[name]
        intervals[name] = max(0.0, low + moved), high + moved
    low, high = intervals["inaction_fraction"]
    intervals["inaction_fraction"] = low, min(1.0, high)
    intervals["interaction_time"] = tuple(  # type: ignore[assignment]
        scenario.frame_time / (1.0 - idle) if idle < 1.0 else float("inf") for idle in intervals["inaction_fraction"]
    )
    return SamplingInterval(found.samples, found.level, found.unseen_time, intervals)


def _figures(scenario: Scenario, aged: Scenario, loss: AgeLoss, law: Law) -> Mapping[str, float]:
    """Return the figures for another law; the regret by the ages that are served, without the noise of a path.

    ``aged`` is the scenario whose loss depends on the age alone, where its mode stays.
    """
    mean = law.mean() / scenario.frame_time
    cut = scenario.cancel_after
    cycle = float(law.mean_up_to(cut)) / scenario.frame_time if isinstance(cut, float) else mean
    frames = int(min(_MOST_FRAMES, max(_FEWEST_FRAMES, _STARTS * cycle / min(scenario.workers, 1e6))))
    rule = get_rule(scenario.rule)
    warmup: int | None = _WARMUP + math.ceil(20.0 * mean)
    if rule.learns == "quantile_time":  # its window fills
        warmup = _WARMUP + math.ceil(2 * BINS * mean / scenario.workers)
    elif scenario.maximum_time is not None and scenario.maximum_time < law.maximum():
        warmup = None  # the longest time has to occur

    def played(asked: Scenario) -> Outcome:
        return outcome(asked.replace(inference_time=law), frames=frames, warmup=warmup, seed=_SEED, batches=1)

    stays, repeats = scenario.mode == "stays", scenario.service_model == "repeat"
    found = played(scenario if repeats else aged)
    regret = found.regret
    if stays and repeats:
        delay = loss.delay(found.service)
        regret = RegretParts(played(aged).regret.total - delay, delay)
    workers = without_inaction(law, scenario, loss) if rule.takes_maximum_time else None
    return {
        "mean_inference_time": law.mean(),
        "inaction_fraction": found.service.inaction_fraction,
        "regret_per_frame.inaction": regret.inaction,
        "regret_per_frame.delay": regret.delay,
        "regret_per_frame.total": regret.inaction + regret.delay,
        **({} if workers is None else {"workers_for_zero_inaction": float(workers)}),
    }
