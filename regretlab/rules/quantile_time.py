"""Quantile-time staggering: starts q/N apart, outputs held to q, a high quantile of the latest inference times.

Maximum-time staggering (Algorithm 1) never forgets the longest time of a run: it lengthens all later cycles.
Here q is the k-th longest of the last W occupations, with k = 5 and W = 256, so a slow inference is forgotten after W
completions and fewer than k of them in a window change nothing. While only n < W occupations are known,
q is the k_n-th longest, k_n = max(1, floor((n + 1) k / (W + 1))).

Guarantee: an output is late if its inference takes longer than the q in force when it completes, which earlier
completions alone determine. If the occupations are exchangeable in the order of their completions (independent and
identically distributed for one worker), the rank of each among itself and the n before it is uniform, so

    P(late) <= k_n / (n + 1) <= max(1 / (n + 1), k / (W + 1)),

with equality for laws without ties: 1.95 % in a full window (Vovk, Gammerman & Shafer 2005, proposition 2.4). Nothing
is promised while times grow steadily: each is then longer than those before it.

An output that is in time is released q after its start, so outputs leave as evenly as starts; a late one is released
on completion. A worker is idle on completion. Where all workers are busy at a start, the start waits for the first to
finish and the pace goes on from there, as in expected-time staggering, whose starts this rule uses. An estimate from a
warm-up spaces the first starts and is forgotten with the first completion.
"""

from ..compilation import kernel
from .expected_time import next_start as paced_start
from .expected_time import on_dispatch as paced_dispatch
from .rule import StaggeringRule
from .state import ALIGNED, BINS, COUNT, FRAME_TIME, LEARNED_TIME, State, boundary_at_or_after

WINDOW = BINS
"""W: completions that are remembered."""
RANK = 5
"""k: which of them, from the longest down, spaces the starts once the window is full."""


@kernel(allocates=False)
def rank_among(known: int) -> int:
    """Return k_n, the rank of the spacing among so many known occupations, at least 1."""
    return max(1, (min(known, WINDOW) + 1) * RANK // (WINDOW + 1))


@kernel(allocates=False)
def prime(state: State, seconds: float) -> None:
    """Space the first starts by an estimate; the first completion takes its place."""
    state[LEARNED_TIME] = _occupation(state, 0.0, seconds)


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the instant this worker has claimed; claim the next one, q/N after the last, if it has none."""
    return paced_start(state, worker, now)


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Use up the claim."""
    paced_dispatch(state, worker, start)


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release q after the start, or on completion if that is later; then learn q."""
    release = max(completion, start + state[LEARNED_TIME])
    occupation = _occupation(state, start, completion)
    first = len(state) - WINDOW
    seen = int(state[COUNT])
    place = first + seen % WINDOW
    forgotten = state[place]
    state[place] = occupation
    state[COUNT] = seen + 1.0
    spacing = state[LEARNED_TIME]
    if seen < WINDOW or (occupation > spacing) != (forgotten > spacing) or forgotten == spacing:
        state[LEARNED_TIME] = _longest(state, first, min(seen + 1, WINDOW), rank_among(seen + 1))
    return release


@kernel(allocates=False)
def _occupation(state: State, start: float, completion: float) -> float:
    """Return how long an inference occupied its worker, in seconds: whole frames where starts lie on frames."""
    if state[ALIGNED] == 1.0:
        return boundary_at_or_after(completion - start, state[FRAME_TIME]) * state[FRAME_TIME]
    return completion - start


@kernel(allocates=False)
def _longest(state: State, first: int, number: int, rank: int) -> float:
    """Return the occupation of that rank, from the longest down, of those remembered."""
    below = 1e300
    while True:
        longest, times = -1.0, 0
        for place in range(first, first + number):
            if state[place] == longest:
                times += 1
            elif longest < state[place] < below:
                longest, times = state[place], 1
        if times >= rank:
            return longest
        rank -= times
        below = longest


RULE = StaggeringRule(
    name="quantile-time",
    summary="starts q/N apart, outputs held to q, the fifth longest of the last 256 times",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    prime=prime,
    closed_form="its spacing is learned from the last 256 times",
    alignments=("uniform", "frame"),
    learns="quantile_time",
)
