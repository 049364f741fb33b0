"""When a rule gives up inferences: the one threshold with which the rule itself loses least, if any gains anything."""

import functools
import math

import numpy as np

from ..laws import Law
from ..laws.racing import fastest_of
from ..scenario import Scenario
from ..theory.cancelling import best_threshold
from ..theory.loss import AgeLoss, by_age, loss_of, workers_in_groups
from .setting import mean_occupied

__all__ = ["gain_of_learned", "threshold_for_rule"]

_FRAMES, _WARMUP, _BATCHES = 100_000, 2_000, 16
_MOST_STARTS, _FEWEST_FRAMES = 2e7, 2_000
"""Of a simulation: with thousands of workers, where each frame has hundreds of outputs, fewer frames say as much."""
_SURE = 2.0  # standard errors that cancelling must gain
_EACH = 12


def threshold_for_rule(scenario: Scenario, law: Law, loss: AgeLoss) -> float:
    """Return after how many seconds, a whole number of frames, to cancel: where the rule's own regret is least.

    The threshold of the least lower bound over all rules is not it: a rule that keeps its unused outputs, for one,
    gains less from freshness than the bound. So the rule is simulated with a dozen thresholds and those next to the
    best, with the same random numbers, and without cancelling.

    Parameters
    ----------
    scenario
        Rule, workers, what becomes of outputs; its threshold and its cores have no part in it.
    law
        Of the inference time, on the cores there are.
    loss
        What a frame loses by the age of its action.

    Returns
    -------
    float
        ``inf`` where no threshold loses less than never cancelling, by more than two standard errors.

    Examples
    --------
    >>> from regretlab.theory.loss import FrameLoss
    >>> kept = Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.97, workers=4, unused="keep")
    >>> threshold_for_rule(kept, kept.inference_time, FrameLoss(0.97))
    inf
    """
    asked = scenario.replace(inference_time=law, cores=None, horizon=None, cancel_after=None)
    return _threshold(by_age(asked, loss) if asked.mode == "stays" else asked, law, loss)


def gain_of_learned(scenario: Scenario, law: Law, loss: AgeLoss) -> tuple[str, ...]:
    """Return a warning where the learned threshold, that of the least lower bound, makes the rule lose more."""
    asked = scenario.replace(inference_time=law, cores=None, horizon=None, cancel_after=None)
    raced, workers = fastest_of(law, asked.replicas), workers_in_groups(asked.workers, asked.replicas)
    after = best_threshold(
        raced, asked.frame_time, loss, workers=workers, service_model=asked.service_model, chunk=asked.chunk
    )
    if math.isinf(after):
        return ()
    played = by_age(asked, loss) if asked.mode == "stays" else asked
    (with_it, error), (without, other) = _lost(played.replace(cancel_after=after)), _lost(played)
    if with_it <= without + _SURE * math.hypot(error, other):
        return ()
    said = f"about {with_it:.4g} per frame with it and {without:.4g} without cancelling"
    return (f"the learned threshold is that of the least lower bound: this rule loses {said} (auto compares)",)


@functools.lru_cache(maxsize=256)
def _lost(asked: Scenario) -> tuple[float, float]:
    """Return the regret per frame of a scenario, and its standard error."""
    from .on_witness import simulate

    law = asked.inference_time
    assert law is not None
    if asked.never_completes:
        loss = loss_of(asked, "simulate")
        return loss.limit if asked.service_model == "repeat" else loss.gap_default, 0.0
    cycle = mean_occupied(law, float(asked.cancel_after or math.inf)) / asked.frame_time
    frames = int(min(_FRAMES, max(_FEWEST_FRAMES, _MOST_STARTS * cycle / min(asked.workers, _MOST_STARTS))))
    warmup = _WARMUP + math.ceil(20.0 * cycle)
    found = simulate(asked, frames=frames, warmup=warmup, replications=1, batches=_BATCHES, threads=1)
    return found.regret.total, found.standard_errors["regret_per_frame"]["total"] or 0.0


@functools.lru_cache(maxsize=64)
def _threshold(asked: Scenario, law: Law, loss: AgeLoss) -> float:
    frame, raced = asked.frame_time, fastest_of(law, asked.replicas)
    workers = workers_in_groups(asked.workers, asked.replicas)

    def lost(count: float) -> tuple[float, float]:
        """Return what is lost with that many frames as the threshold."""
        return _lost(asked if math.isinf(count) else asked.replace(cancel_after=count * frame))

    of_bound = best_threshold(raced, frame, loss, workers=workers, service_model=asked.service_model, chunk=asked.chunk)
    longest = max(1, math.ceil(raced.quantile(1.0 - 1e-4) / frame))
    shortest = max(1, math.floor(raced.quantile(0.05) / frame))
    counts = {float(count) for count in np.geomspace(shortest, longest, _EACH).round()}
    if math.isfinite(of_bound):
        counts.add(float(round(of_bound / frame)))
    best = min(sorted(counts), key=lambda count: lost(count)[0])
    step = max(1.0, round(best / 8.0))
    while True:  # closer and closer
        best = min((best, best - step, best + step), key=lambda count: lost(count)[0] if count >= 1.0 else math.inf)
        if step == 1.0:
            break
        step = max(1.0, step // 2.0)
    (least, error), (never, other) = lost(best), lost(math.inf)
    return best * frame if least + _SURE * math.hypot(error, other) < never else math.inf
