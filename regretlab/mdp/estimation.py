"""Stochasticity estimated from what was seen: trajectories of states and actions, or the record of a run.

* For each (state, action) the mode probability of the next state, with an exact interval (``intervals``).
* p_minimax, the least of them, with an interval at simultaneous confidence: each pair's interval at level
  alpha / (number of pairs), Bonferroni.
* kappa_d for each horizon, from windows of d frames that do not overlap, grouped by first state and the d actions.
* The staleness of a policy: how often its action from a d-frame-old observation is still its action now. Successive
  frames are not independent: the interval is that of Korn & Graubard (1998), Clopper-Pearson on the effective sample
  size that batch means give, less what is uncertain about that size itself.

``assumptions`` states what the data cannot show: pairs that were not visited often enough may be less predictable.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..errors import InputError
from ..results import Result, listed
from ..scenario import frames_of
from .intervals import clopper_pearson, mode_interval

if TYPE_CHECKING:
    from ..records import Record

__all__ = [
    "HorizonEstimate",
    "StochasticityEstimate",
    "estimate_from_record",
    "estimate_staleness",
    "estimate_stochasticity",
    "staleness_from_record",
]


@dataclass(frozen=True)
class HorizonEstimate:
    """A probability at one horizon.

    Attributes
    ----------
    horizon
        d, in frames.
    value
        The estimate; NaN without data.
    lower, upper
        Limits of its interval.
    samples
        Windows (kappa) or pairs of frames (staleness) it rests on.
    groups
        How many groups of windows the minimum was taken over; 1 for staleness.
    """

    horizon: int
    value: float
    lower: float
    upper: float
    samples: int
    groups: int

    def in_words(self, truth: float | None = None) -> str:
        """Return the estimate with its interval, and the exact value where that is known."""
        if self.value != self.value:
            return "not seen often enough"
        said = f"{self.value:.4f} in [{self.lower:.4f}, {self.upper:.4f}], {self.samples:,} windows"
        return said if truth is None else f"{said} (exactly: {truth:.4f})"


@dataclass(frozen=True, eq=False, repr=False)
class StochasticityEstimate(Result):
    """What trajectories say about p_minimax and kappa_d.

    Attributes
    ----------
    pairs
        Integer array of shape (M, 2): the visited (state, action) pairs (action -1 where actions were ignored).
    visits
        Integer array of shape (M,): transitions seen from each.
    modes
        Integer array of shape (M,): the most frequent next state.
    modal_probability
        Array of shape (M,): its frequency.
    modal_interval
        Array of shape (2, M): limits of each pair's mode probability, each at the given confidence.
    p_minimax
        Least mode probability over the pairs visited often enough, with its simultaneous interval.
    kappa
        kappa_d for each horizon, with simultaneous intervals.
    confidence
        Of every interval.
    assumptions
        What must hold for these figures to be right.
    """

    pairs: NDArray[np.int64]
    visits: NDArray[np.int64]
    modes: NDArray[np.int64]
    modal_probability: NDArray[np.float64]
    modal_interval: NDArray[np.float64]
    p_minimax: HorizonEstimate
    kappa: tuple[HorizonEstimate, ...]
    confidence: float
    assumptions: tuple[str, ...]

    @property
    def title(self) -> str:
        """What was estimated, in one line."""
        return f"stochasticity of {len(self.pairs)} states and actions seen, {int(self.visits.sum()):,} transitions"

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        return [
            ("p_minimax", self.p_minimax.in_words()),
            *((f"kappa over {frames_of(point.horizon)}", point.in_words()) for point in self.kappa),
            ("intervals", f"{100 * self.confidence:g} %; of p_minimax and kappa for all states at once"),
            *listed("assuming", self.assumptions),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the estimates and every pair as plain values."""
        columns = (self.visits, self.modes, self.modal_probability, *self.modal_interval)
        return {
            "p_minimax": asdict(self.p_minimax),
            "kappa": [asdict(point) for point in self.kappa],
            "pairs": [
                {
                    "state": int(pair[0]),
                    "action": None if pair[1] < 0 else int(pair[1]),
                    "visits": int(visits),
                    "mode": int(mode),
                    "modal_probability": float(share),
                    "lower": float(lower),
                    "upper": float(upper),
                }
                for pair, visits, mode, share, lower, upper in zip(self.pairs, *columns, strict=True)
            ],
            "confidence": self.confidence,
            "assumptions": list(self.assumptions),
        }


def estimate_stochasticity(
    states: ArrayLike,
    actions: ArrayLike | None = None,
    *,
    ended: ArrayLike | None = None,
    horizons: Sequence[int] = (1,),
    confidence: float = 0.95,
    least_visits: int = 20,
) -> StochasticityEstimate:
    """Return mode probabilities, p_minimax and kappa_d with intervals, from one trajectory.

    Parameters
    ----------
    states
        Integer array of shape (n,): the state at each frame boundary, in order.
    actions
        Integer array of shape (n,): the action applied in the frame that follows; ``None`` where the transitions
        ignore the actions.
    ended
        Boolean array of shape (n,): whether that frame ended an episode, so that the next state does not follow.
    horizons
        The d of kappa_d, in frames.
    confidence
        Of each interval, in (0, 1).
    least_visits
        Pairs and windows seen less often are left out of p_minimax and kappa_d, and reported.

    Raises
    ------
    InputError
        If lengths differ, numbers are out of range, or nothing was seen often enough.

    References
    ----------
    Intervals: Clopper & Pearson 1934, with the correction of ``intervals.mode_interval``; Bonferroni.

    Examples
    --------
    A coin that is kept with probability 0.8 each frame:

    >>> rng = np.random.default_rng(1)
    >>> coin = np.cumsum(rng.random(20_000) > 0.8) % 2
    >>> seen = estimate_stochasticity(coin, horizons=(1, 2))
    >>> seen.p_minimax.lower < 0.8 < seen.p_minimax.upper, seen.kappa[1].lower < 0.68 < seen.kappa[1].upper
    (True, True)
    """
    path, moves, cuts = _trajectory(states, actions, ended)
    if least_visits < 1:
        raise InputError(f"least_visits {least_visits} is less than 1")
    keys, visits, modes, largest = _windows(path, moves, cuts, 1)
    simultaneous = _least(1, keys, visits, largest, confidence, least_visits)
    kappas = []
    for horizon in horizons:
        if horizon < 1:
            raise InputError(f"horizon {horizon} is not a number of frames >= 1")
        kappas.append(_least(horizon, *_counts_only(_windows(path, moves, cuts, horizon)), confidence, least_visits))
    rare = int((visits < least_visits).sum())
    assumptions = [
        "the state is fully seen: the next one depends on nothing but state and action",
        f"states and actions not seen {least_visits} times are no less predictable"
        + (f" ({rare} of {len(visits)} pairs seen were left out)" if rare else ""),
    ]
    if actions is None:
        assumptions.append("the transitions ignore the actions")
    elif any(horizon > 1 for horizon in horizons):
        assumptions.append("within a window the actions were chosen without a look at the states in between")
    return StochasticityEstimate(
        pairs=keys,
        visits=visits,
        modes=modes,
        modal_probability=largest / visits,
        modal_interval=mode_interval(largest, visits, confidence),
        p_minimax=simultaneous,
        kappa=tuple(kappas),
        confidence=confidence,
        assumptions=tuple(assumptions),
    )


def estimate_from_record(
    record: "Record",
    *,
    horizons: Sequence[int] = (1,),
    ignore_actions: bool = False,
    confidence: float = 0.95,
    least_visits: int = 20,
) -> StochasticityEstimate:
    """Return ``estimate_stochasticity`` of a run whose environment reported its true symbol in every frame.

    Parameters
    ----------
    record
        The record; its frames need the ``label`` of the observation at the start of the frame.
    horizons, confidence, least_visits
        As in ``estimate_stochasticity``.
    ignore_actions
        Whether the environment's transitions are known to ignore the actions (``regretlab/Beacon-v0``).
    """
    frames = record.frames
    labels = frames["label"].to_numpy()
    if "action_0" in frames and not ignore_actions:
        raise InputError(f"the record {record.directory} has actions that are rows of numbers, which are not counted")
    if len(labels) == 0 or (labels < 0).any():
        raise InputError(
            f"the record {record.directory} has frames without a true symbol (label -1): stochasticity needs an "
            "environment that reports its state, as regretlab/Beacon-v0 does"
        )
    return estimate_stochasticity(
        labels,
        None if ignore_actions else frames["action"].to_numpy(),
        ended=(frames["terminated"] | frames["truncated"]).to_numpy(),
        horizons=horizons,
        confidence=confidence,
        least_visits=least_visits,
    )


def estimate_staleness(
    actions: ArrayLike,
    horizons: Sequence[int],
    *,
    frames: ArrayLike | None = None,
    ended: ArrayLike | None = None,
    confidence: float = 0.95,
) -> tuple[HorizonEstimate, ...]:
    """Return how often a policy's action from a d-frame-old observation is still its action now.

    Parameters
    ----------
    actions
        Integer array of shape (n,): the policy's action for the observation of each frame.
    horizons
        The d, in frames, each >= 1.
    frames
        Integer array of shape (n,): the number of the frame observed; default 0..n-1. Frames may be missing.
    ended
        Boolean array: entry k says whether frame k ended an episode; pairs across an end are not compared.
    confidence
        In (0, 1).

    References
    ----------
    Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data": Clopper & Pearson's interval on n* = p (1 - p) / (standard error)^2, at most n, times (z / t)^2,
    with the standard error of batch means and Student's t of its degrees of freedom.

    Examples
    --------
    >>> curve = estimate_staleness(np.arange(1000) // 10 % 2, horizons=(1, 5))
    >>> [round(point.value, 3) for point in curve]
    [0.901, 0.503]
    """
    from ..records.batch_means import batch_count, batch_means, student_quantile

    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence} is not in (0, 1)")
    normal = float(special.ndtri(0.5 + confidence / 2))
    chosen = np.asarray(actions, dtype=np.int64)
    observed = np.arange(chosen.size) if frames is None else np.asarray(frames, dtype=np.int64)
    if chosen.ndim != 1 or observed.shape != chosen.shape or chosen.size == 0:
        raise InputError(
            f"actions of shape {chosen.shape} and frames of shape {observed.shape} are not two equal lists"
        )
    if observed.min() < 0 or chosen.min() < 0:
        raise InputError("actions and frame numbers must not be negative")
    length = int(observed.max()) + 1
    by_frame = np.full(length, -1)
    by_frame[observed] = chosen
    episode = np.zeros(length, dtype=np.int64)
    if ended is not None:
        cuts = np.asarray(ended, dtype=bool)[: length - 1]
        episode[1 : cuts.size + 1] = np.cumsum(cuts)
        episode[cuts.size + 1 :] = episode[cuts.size]
    curve = []
    for horizon in horizons:
        if horizon < 1:
            raise InputError(f"horizon {horizon} is not a number of frames >= 1")
        old, new = by_frame[:-horizon], by_frame[horizon:]
        kept = (old >= 0) & (new >= 0) & (episode[:-horizon] == episode[horizon:])
        same = (old == new)[kept].astype(np.float64)
        if same.size == 0:
            curve.append(HorizonEstimate(horizon, float("nan"), 0.0, 1.0, 0, 1))
            continue
        share = float(same.mean())
        error, batches = batch_means(same).standard_error, batch_count(same.size)
        if error > 0:
            effective = min(share * (1 - share) / error**2, float(same.size))
            effective *= (normal / student_quantile(confidence, batches)) ** 2
        else:  # all alike, or one pair: the data do not show how much one frame says about the next
            effective = float(batches)
        lower, upper = clopper_pearson(share * effective, effective, confidence)
        curve.append(HorizonEstimate(horizon, share, float(lower), float(upper), int(same.size), 1))
    return tuple(curve)


def staleness_from_record(
    record: "Record", horizons: Sequence[int], *, confidence: float = 0.95
) -> tuple[HorizonEstimate, ...]:
    """Return ``estimate_staleness`` of the policy of a run, from the inferences it made (one a frame at most counts).

    Parameters
    ----------
    record
        The record.
    horizons, confidence
        As in ``estimate_staleness``.
    """
    table = record.inferences
    if "action_0" in table:
        raise InputError(f"the record {record.directory} has actions that are rows of numbers, which are not counted")
    done = table[~table["lost"] & (table["action"] >= 0)].drop_duplicates("observation_frame", keep="last")
    if len(done) == 0:
        raise InputError(f"the record {record.directory} holds no finished inference")
    frames = record.frames
    ended = np.zeros(int(frames["frame"].max()) + 1 if len(frames) else 1, dtype=bool)
    ended[frames["frame"].to_numpy()] = (frames["terminated"] | frames["truncated"]).to_numpy()
    return estimate_staleness(
        done["action"].to_numpy(),
        horizons,
        frames=done["observation_frame"].to_numpy(),
        ended=ended,
        confidence=confidence,
    )


def _trajectory(
    states: ArrayLike, actions: ArrayLike | None, ended: ArrayLike | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    path = np.asarray(states, dtype=np.int64)
    if path.ndim != 1 or path.size < 2:
        raise InputError(f"states of shape {path.shape} are not a trajectory of at least two states")
    moves = np.full(path.size, -1) if actions is None else np.asarray(actions, dtype=np.int64)
    cuts = np.zeros(path.size, dtype=bool) if ended is None else np.asarray(ended, dtype=bool)
    if moves.shape != path.shape or cuts.shape != path.shape:
        raise InputError(
            f"states, actions and ended have shapes {path.shape}, {moves.shape}, {cuts.shape}: one length is needed"
        )
    return path, moves, cuts


def _windows(
    path: NDArray[np.int64], moves: NDArray[np.int64], cuts: NDArray[np.bool_], horizon: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each group (first state, actions of the window): key, windows, mode of the last state, its count."""
    episode = np.concatenate([[0], np.cumsum(cuts[:-1])])
    first = np.flatnonzero(np.diff(episode, prepend=-1))
    # Windows begin a whole number of horizons after their episode did, so that they do not overlap.
    starts = np.flatnonzero((np.arange(path.size) - first[episode]) % horizon == 0)
    starts = starts[starts + horizon < path.size]
    starts = starts[episode[starts] == episode[starts + horizon]]
    keys = np.column_stack([path[starts], *(moves[starts + i] for i in range(horizon))]).astype(np.int64)
    if np.all(keys[:, 1:] < 0):
        keys = keys[:, :2]
    groups, member = np.unique(keys, axis=0, return_inverse=True)
    ends, count = np.unique(np.column_stack([member.ravel(), path[starts + horizon]]), axis=0, return_counts=True)
    # Among ends of equal count the smallest state: sort by group, then count downwards.
    order = np.lexsort((ends[:, 1], -count, ends[:, 0]))
    lead = order[np.unique(ends[order, 0], return_index=True)[1]]
    return groups, np.bincount(member.ravel(), minlength=len(groups)), ends[lead, 1], count[lead]


def _counts_only(
    windows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    return windows[0], windows[1], windows[3]


def _least(
    horizon: int,
    groups: NDArray[np.int64],
    visits: NDArray[np.int64],
    largest: NDArray[np.int64],
    confidence: float,
    least_visits: int,
) -> HorizonEstimate:
    """Return the least mode probability over the groups, with limits that hold for all groups at once."""
    often = visits >= least_visits
    if not often.any():
        return HorizonEstimate(horizon, float("nan"), 0.0, 1.0, int(visits.sum()), 0)
    # All groups seen count for Bonferroni: which of them are seen often is up to the data.
    each = 1 - (1 - confidence) / len(groups)
    limits = mode_interval(largest[often], visits[often], each)
    return HorizonEstimate(
        horizon=horizon,
        value=float((largest[often] / visits[often]).min()),
        lower=float(limits[0].min()),
        upper=float(limits[1].min()),
        samples=int(visits[often].sum()),
        groups=int(often.sum()),
    )
