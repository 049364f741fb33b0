"""A readout: the output layer that names the symbol on the screen, fitted by ridge regression.

The network below it keeps its random weights, so that a network of any size costs its full inference time and still
plays perfectly: action 1 + symbol. Over frames x with symbols y the weights minimise
``sum_i |W f(x_i) + b - e(y_i)|^2 + ridge * s |W|^2``, with f the hidden layer's values, e(y) the unit vector of
action 1 + y and s the mean of the centred features' variances times the number of frames (so that `ridge` has no
unit). Action 0 gets the constant value -1.

Equal frames are run through the network once and weighted by their number, so a large network is fitted in seconds
where the environment shows few distinct frames.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from regretlab.errors import InputError
from regretlab.policies.networks import FrameNetwork, build_network
from regretlab.policies.parameters import attach_parameters, named_views, random_parameters
from regretlab.policies.policy import Policy
from regretlab.policies.spec import PolicySpec

__all__ = [
    "FitEnvironment",
    "LabelledFrames",
    "Readout",
    "collect_frames",
    "distinct_frames",
    "fit_readout",
    "policy_accuracy",
    "readout_parameters",
]

_BATCH = 8  # a frame's activations take 100 MB at k=29


class FitEnvironment(Protocol):
    """What a readout needs of an environment: Gymnasium's ``reset`` and ``step``, with ``info["symbol"]``."""

    def reset(self, *, seed: int | None = None) -> tuple[Any, Mapping[str, Any]]:
        """Start an episode; return its first frame and facts."""
        ...

    def step(self, action: int, /) -> tuple[Any, Any, bool, bool, Mapping[str, Any]]:
        """Play one frame; return frame, reward, terminated, truncated and facts."""
        ...

    def close(self) -> None:
        """Free what the environment holds."""
        ...


@dataclass(frozen=True)
class LabelledFrames:
    """Frames of an environment and the symbols they show.

    Attributes
    ----------
    frames
        Distinct frames, shape (n, height, width), uint8.
    symbols
        Their symbols, shape (n,), int64.
    counts
        How often each was seen, shape (n,), int64.
    """

    frames: NDArray[np.uint8]
    symbols: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def seen(self) -> int:
        """Number of frames seen, repeats counted."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class Readout:
    """An output layer fitted over a network's random weights.

    Attributes
    ----------
    weight
        Shape (actions, units), float32.
    bias
        Shape (actions,), float32.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def distinct_frames(frames: NDArray[np.uint8], symbols: NDArray[np.int64]) -> LabelledFrames:
    """Merge equal (frame, symbol) pairs.

    Parameters
    ----------
    frames
        Shape (n, height, width), uint8.
    symbols
        Shape (n,); frames of symbol -1 (not known) are left out.

    Raises
    ------
    InputError
        If the shapes do not fit.

    Examples
    --------
    >>> frames = np.zeros((3, 2, 2), np.uint8)
    >>> distinct_frames(frames, np.array([1, 1, -1])).counts
    array([2])
    """
    if frames.ndim != 3 or symbols.shape != frames.shape[:1] or frames.dtype != np.uint8:
        raise InputError(
            "frames must be uint8 of shape (n, height, width) with n symbols, not "
            f"{frames.dtype} of shape {frames.shape} with symbols of shape {symbols.shape}"
        )
    position: dict[tuple[int, bytes], int] = {}
    kept: list[int] = []
    counts: list[int] = []
    for index in np.flatnonzero(symbols >= 0):
        key = int(symbols[index]), frames[index].tobytes()
        if key not in position:
            position[key] = len(kept)
            kept.append(int(index))
            counts.append(0)
        counts[position[key]] += 1
    return LabelledFrames(frames[kept], symbols[kept].astype(np.int64), np.array(counts, np.int64))


def collect_frames(
    environment: Callable[[], FitEnvironment],
    *,
    symbols: int,
    frames: int = 2000,
    episode_frames: int = 250,
    seed: int = 0,
) -> LabelledFrames:
    """Watch an environment and keep its frames with the symbols it says they show.

    Episodes are seeded ``seed``, ``seed + 1``, ...; random actions are played, so that what actions draw on the
    screen is seen too.

    Parameters
    ----------
    environment
        Makes the environment; it is closed at the end.
    symbols
        Number of symbols that must be seen.
    frames
        Number of labelled frames to see; goes on to ten times as many while a symbol has not been seen.
    episode_frames
        Frames after which a new episode starts.
    seed
        Seed of the first episode and of the actions.

    Raises
    ------
    InputError
        If the environment does not show all its symbols in ten times `frames` frames.
    """
    played = environment()
    generator = np.random.default_rng(seed)
    pictures: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    steps, episodes, in_episode = 0, 0, episode_frames
    try:
        while len(labels) < frames or len(set(labels)) < symbols:
            if steps >= 10 * frames:
                raise InputError(
                    f"the environment showed only the symbols {sorted(set(labels))} of {symbols} in {steps} frames: "
                    "fit on one that shows all of them"
                )
            if in_episode >= episode_frames:
                frame, facts = played.reset(seed=seed + episodes)
                episodes, in_episode, done = episodes + 1, 0, False
            else:
                frame, _, terminated, truncated, facts = played.step(int(generator.integers(1 + symbols)))
                done = terminated or truncated
            steps += 1
            in_episode = episode_frames if done else in_episode + 1
            label = int(facts.get("symbol", -1))
            if label >= 0:
                pictures.append(np.array(frame, np.uint8))
                labels.append(label)
    finally:
        played.close()
    return distinct_frames(np.stack(pictures), np.array(labels, np.int64))


def _features(network: FrameNetwork, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Hidden values of each frame, shape (n, units), one frame batch at a time."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(frames), _BATCH):
            scaled = torch.from_numpy(frames[start : start + _BATCH].astype(np.float32) / np.float32(255))
            parts.append(network.features(scaled[:, None]).numpy().astype(np.float64))
    return np.concatenate(parts)


def fit_readout(spec: PolicySpec, data: LabelledFrames, *, ridge: float = 1e-6) -> Readout:
    """Fit the output layer over the random weights that the seed of `spec` gives.

    Parameters
    ----------
    spec
        A policy with a network; ``spec.weights`` is not used.
    data
        What the environment showed.
    ridge
        Weight of the penalty relative to the features' mean variance, positive.

    Returns
    -------
    Readout
        The output layer.

    Raises
    ------
    InputError
        If there is nothing to fit, a symbol has no action, or `ridge` is not positive.

    References
    ----------
    Hoerl & Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems. Random features with a
    linear readout: Rahimi & Recht (2008), Weighted sums of random kitchen sinks.
    """
    if not ridge > 0:
        raise InputError(f"the ridge penalty must be positive, not {ridge}")
    if len(data.frames) == 0:
        raise InputError("a readout needs at least one frame whose symbol is known")
    if int(data.symbols.max()) + 2 > spec.actions:
        raise InputError(
            f"symbols up to {data.symbols.max()} need {data.symbols.max() + 2} actions but policy {spec.name!r} has "
            f"{spec.actions} actions"
        )
    network = build_network(spec)
    attach_parameters(network, random_parameters(spec), channels_last=spec.channels_last)
    features = _features(network, data.frames)
    targets = np.zeros((len(features), spec.actions))
    targets[np.arange(len(features)), 1 + data.symbols] = 1.0
    targets[:, 0] = -1.0
    share = data.counts[:, None] / data.seen
    mean, target_mean = (share * features).sum(axis=0), (share * targets).sum(axis=0)
    centred = np.sqrt(share) * (features - mean)
    covariance = centred.T @ centred
    scale = max(float(np.trace(covariance)) / len(covariance), np.finfo(np.float64).tiny)
    covariance[np.diag_indices_from(covariance)] += ridge * scale
    weight = np.linalg.solve(covariance, centred.T @ (np.sqrt(share) * (targets - target_mean))).T
    bias = target_mean - weight @ mean
    return Readout(weight.astype(np.float32), bias.astype(np.float32))


def readout_parameters(spec: PolicySpec, readout: Readout) -> NDArray[np.float32]:
    """Return the flat weights of the network with the fitted output layer, shape (parameter_count(spec),)."""
    flat = random_parameters(spec)
    views = named_views(build_network(spec), flat, channels_last=spec.channels_last)
    views["output.weight"][...] = readout.weight
    views["output.bias"][...] = readout.bias
    return flat


def policy_accuracy(policy: Policy, data: LabelledFrames) -> float:
    """Return the fraction of frames (repeats counted) in which a policy plays action 1 + symbol.

    Examples
    --------
    >>> from regretlab.policies.policy import make_policy
    >>> data = distinct_frames(np.zeros((4, 84, 84), np.uint8), np.array([0, 0, 0, 1]))
    >>> policy_accuracy(make_policy("noop", actions=3), data), policy_accuracy(make_policy("oracle", actions=3), data)
    (0.0, 1.0)
    """
    observed = data.symbols.tolist() if policy.spec.observes_symbol else data.frames
    played = [policy.act(observation) for observation in observed]
    return float(data.counts[np.array(played) == 1 + data.symbols].sum() / data.seen)
