"""A plain event loop that runs any staggering rule on given inference times: a heap of (time, kind, worker)."""

import heapq
import inspect
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from regretlab.rules import get_rule
from regretlab.rules.state import NEXT_START, boundary_at_or_after, boundary_at_or_before, slot

CANCELLED, COMPLETION, START = -1, 0, 1


@dataclass
class Timeline:
    """What happened: a row an inference (not ``kept``: cancelled), and the freshest observation to reach each frame."""

    workers: list[int] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    completions: list[float] = field(default_factory=list)
    releases: list[float] = field(default_factory=list)
    observed: list[int] = field(default_factory=list)
    effect: list[int] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)
    served: dict[int, int] = field(default_factory=dict)

    def service(self, first: int, last: int) -> tuple[float, dict[int, float]]:
        """Return phi and the served-delay law over frames first..last-1."""
        delays = Counter(e - o for e, o in self.served.items() if first <= e < last)
        count = last - first
        return 1 - sum(delays.values()) / count, {d: n / count for d, n in sorted(delays.items())}


def run_rule(
    name: str,
    workers: int,
    inference_time: Callable[..., float],
    frames: int,
    frame_time: float = 1.0,
    alignment: str | None = None,
    hold: int = 0,
    first_estimate: float | None = None,
    cancel_after: float = math.inf,
    offset: float = 0.0,
) -> Timeline:
    """Run a rule for ``frames`` frames; inferences longer than ``cancel_after`` seconds are given up then.

    The first starts are ``offset`` seconds later than the rule begins with. ``inference_time`` is called once for each
    dispatch, in order: without an argument, or with the worker if it takes one.
    """
    per_worker = bool(inspect.signature(inference_time).parameters) if inspect.isfunction(inference_time) else False
    rule = get_rule(name)
    state = rule.new_state(workers, frame_time, alignment=alignment, hold=hold, first_estimate=first_estimate)
    state[slot(0) + NEXT_START : slot(workers) : slot(1) - slot(0)] += offset
    log = Timeline()
    events = [(0.0, START, worker, 0.0) for worker in range(workers)]
    while events:
        now, kind, worker, start = heapq.heappop(events)
        if now >= frames * frame_time:
            break
        if kind == START:
            start = rule.next_start(state, worker, now)
            if start > now:
                heapq.heappush(events, (start, START, worker, 0.0))
                continue
            rule.on_dispatch(state, worker, start)
            seconds = inference_time(worker) if per_worker else inference_time()
            ending = (CANCELLED, cancel_after) if seconds > cancel_after else (COMPLETION, seconds)
            heapq.heappush(events, (start + ending[1], ending[0], worker, start))
        else:
            release = rule.on_completion(state, worker, start, now)
            observed = boundary_at_or_before(start, frame_time)
            effect = max(observed + 1, boundary_at_or_after(release, frame_time))
            log.workers.append(worker)
            log.starts.append(start)
            log.completions.append(now)
            log.releases.append(release)
            log.observed.append(observed)
            log.effect.append(effect)
            log.kept.append(kind == COMPLETION)
            if kind == COMPLETION:
                log.served[effect] = max(log.served.get(effect, -1), observed)
            heapq.heappush(events, (now, START, worker, 0.0))
    return log
