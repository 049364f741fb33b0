"""In which order kept outputs act: the best of ``theory.orders`` for the rule itself, found by playing it with each."""

import functools
import math
from dataclasses import replace

import numpy as np

from ..rules.store import NO_LIMIT
from ..scenario import Scenario
from ..theory.batching import with_batch_time
from ..theory.loss import AgeLoss, limit_of
from ..theory.orders import FRESHEST, Order, orders_of_use
from ..theory.realtime import law_on_cores
from .events.engine import Outputs
from .setting import Setting, mean_occupied, resolve
from .tallies import _kernels as column

__all__ = ["order_of_run", "ordered"]

_FRAMES, _WARMUP = 200_000, 2_000


def ordered(setting: Setting, loss: AgeLoss) -> Setting:
    """Return a setting whose kept outputs act in the best order for the loss, and from the age of no worth on not.

    Where none is proved to be best (``theory.orders``), each is played for 200,000 frames with the same inference
    times, and that of the least regret taken; among equal ones the first, which is the freshest first.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> from regretlab.scenario import Scenario
    >>> from regretlab.theory.loss import MeasuredLoss
    >>> from regretlab.simulation.setting import resolve
    >>> law, steps = parse_law("gamma(4, scale=0.8)"), MeasuredLoss((0, 4, 9), (0.0, 0.4, 1.0), 1.0)
    >>> resolve(Scenario(frame_time=1, workers=3, unused="keep"), law, frames=1000, warmup=0, loss=steps).order
    'the output that loses most by waiting 8 frames acts first, the best of 7 orders as played'
    """
    limit = math.inf if setting.outputs.limit >= NO_LIMIT else float(setting.outputs.limit)
    orders = orders_of_use(loss, limit)
    if len(orders) == 1:
        said = "" if orders[0] is FRESHEST else ": all useful ages are worth the same"
        return with_order(setting, loss, orders[0], said)
    return with_order(setting, loss, _best(setting, loss, orders), f", the best of {len(orders)} orders as played")


def with_order(setting: Setting, loss: AgeLoss, order: Order, said: str = "") -> Setting:
    """Return a setting whose kept outputs act in an order; only the freshest first needs no limit of age.

    What is ``said`` of the order stands in the assumptions.
    """
    outputs = setting.outputs
    limit = outputs.limit
    if order.oldest_first or order.ranks:
        limit = int(min(NO_LIMIT, limit, max(0.0, loss.last_useful_age) + 1.0))
    ordered_outputs = Outputs(outputs.most, limit, order.oldest_first, order.ranks)
    return replace(setting, outputs=ordered_outputs, order=order.name + said if said else "")


def order_of_run(scenario: Scenario, loss: AgeLoss) -> tuple[Order, float]:
    """Return the order in which a run uses its outputs, and the frames of age from which none acts (may be ``inf``).

    Without a law of the inference times none can be played: then the freshest first, but for a deadline. It was at most
    .083 away from the optimum on the examples of docs/lower-bound, the order by the loss per frame of waiting .25.
    """
    limit = limit_of(scenario.replace(chunk=None), loss)
    if scenario.inference_time is None and scenario.batch_law is None:
        order = orders_of_use(loss, limit)[0]
    else:
        from .on_witness import with_hold

        asked = with_hold(with_batch_time(scenario, "run"))
        law, _ = law_on_cores(asked)
        found = resolve(asked, law, frames=1, warmup=0, loss=loss).outputs
        order = Order("", found.oldest_first, found.ranks)
    if order.oldest_first or order.ranks:
        limit = min(limit, max(0.0, loss.last_useful_age) + 1.0)
    return order, limit


@functools.lru_cache(maxsize=256)
def _best(setting: Setting, loss: AgeLoss, orders: tuple[Order, ...]) -> Order:
    from .replication import compile_kernels, no_environment, play_replications

    def lost(order: Order) -> float:
        """Return the regret per frame of an order."""
        played = with_order(short, loss, order)
        compile_kernels(played, no_environment)
        (found,) = play_replications(played, no_environment, rate=loss.of_age, seed=0, replications=1, threads=1)
        default = float(found.columns[..., column.DEFAULT].sum())
        return (float(np.sum(found.values)) + loss.gap_default * default) / _FRAMES

    occupied = mean_occupied(setting.law, setting.cancel_after)
    warmup = _WARMUP + math.ceil(20.0 * occupied / setting.frame_time)
    short = replace(setting, warmup=warmup, batches=1, batch_frames=_FRAMES)
    return min(orders, key=lambda order: round(lost(order), 12))
