"""Readouts: the fit against a plain least-squares solution, generalisation to images never seen, and the store."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from regretlab.errors import InputError
from regretlab.policies import PolicySpec
from regretlab.policies.fitted import fitted_readout
from regretlab.policies.networks import build_network
from regretlab.policies.parameters import attach_parameters, random_parameters
from regretlab.policies.policy import build_policy
from regretlab.policies.readout import (
    LabelledFrames,
    collect_frames,
    distinct_frames,
    fit_readout,
    policy_accuracy,
    readout_parameters,
)
from regretlab.policies.weights import load_parameters, read_metadata

SMALL = PolicySpec("impala-k1/16", actions=4)


class Screens:
    """Shows one of a few random pictures, with pixel noise; its first frame is not labelled; 40 frames an episode."""

    def __init__(self, symbols=3, noise=0.0, shown=None, lying=False):
        pictures = np.random.default_rng(99).integers(0, 2, (symbols, 12, 12))
        self.pictures = 200.0 * pictures.repeat(7, axis=1).repeat(7, axis=2)
        self.symbols, self.noise, self.shown, self.lying = symbols, noise, shown or symbols, lying
        self.closed, self.resets = False, []

    def _frame(self, first):
        symbol = int(self.generator.integers(self.shown))
        frame = self.pictures[symbol] + self.noise * self.generator.random((84, 84))
        if self.lying:
            symbol = int(self.generator.integers(self.shown))
        return frame.astype(np.uint8), {} if first else {"symbol": symbol}

    def reset(self, *, seed=None):
        self.generator, self.age = np.random.default_rng(seed), 0
        self.resets.append(seed)
        return self._frame(first=True)

    def step(self, action):
        assert 0 <= action <= self.symbols
        self.age += 1
        frame, facts = self._frame(first=False)
        return frame, 0.0, self.age >= 40, False, facts

    def close(self):
        self.closed = True


def test_equal_frames_count_as_often_as_they_were_seen():
    """Weighted fit on distinct frames against penalised least squares (np.linalg.lstsq) on all frames."""
    generator = np.random.default_rng(3)
    pictures = generator.integers(0, 256, (30, 84, 84)).astype(np.uint8)
    chosen = np.concatenate([np.arange(30), generator.integers(0, 30, 40)])
    symbols = chosen % 3
    ridge = 1e-2
    readout = fit_readout(SMALL, distinct_frames(pictures[chosen], symbols), ridge=ridge)

    network = build_network(SMALL)
    attach_parameters(network, random_parameters(SMALL))
    with torch.inference_mode():
        features = network.features(torch.from_numpy(pictures[chosen] / np.float32(255))[:, None]).numpy()
    features = features.astype(np.float64)
    targets = np.zeros((70, 4))
    targets[np.arange(70), 1 + symbols] = 1.0
    targets[:, 0] = -1.0
    penalty = ridge * features.var(axis=0).mean() * 70
    design = np.vstack([np.column_stack([features, np.ones(70)]), np.sqrt(penalty) * np.eye(512, 513)])
    solution = np.linalg.lstsq(design, np.vstack([targets, np.zeros((512, 4))]))[0]
    weight, bias = solution[:-1].T, solution[-1]
    assert np.allclose(readout.weight, weight, rtol=0, atol=1e-5 * np.abs(weight).max())
    assert np.allclose(readout.bias, bias, rtol=0, atol=1e-4)


def test_distinct_frames_keeps_counts_and_drops_the_unknown():
    frames = np.zeros((6, 84, 84), np.uint8)
    frames[3:] = 9
    data = distinct_frames(frames, np.array([0, 0, 1, 0, 0, -1]))
    assert data.counts.tolist() == [2, 1, 2]
    assert data.symbols.tolist() == [0, 1, 0]
    assert data.seen == 5
    with pytest.raises(InputError, match="frames must be uint8"):
        distinct_frames(frames, np.zeros(5, np.int64))


@pytest.mark.parametrize("channels_last", [False, True])
def test_images_never_seen_are_named(channels_last):
    spec = replace(SMALL, channels_last=channels_last)
    data = collect_frames(lambda: Screens(noise=40), symbols=3, frames=200, seed=0)
    held_out = collect_frames(lambda: Screens(noise=40), symbols=3, frames=300, seed=500)
    assert not {frame.tobytes() for frame in data.frames} & {frame.tobytes() for frame in held_out.frames}
    policy = build_policy(spec, readout_parameters(spec, fit_readout(spec, data)))
    assert policy_accuracy(policy, held_out) >= 0.999


def test_collecting_goes_through_episodes_and_closes():
    screens = Screens()
    data = collect_frames(lambda: screens, symbols=3, frames=100, seed=7)
    assert data.seen == 100
    assert screens.resets == [7, 8, 9]  # 40 labelled frames an episode; the frame of a reset has no label here
    assert screens.closed


def test_a_symbol_that_is_never_shown_is_named():
    screens = Screens(symbols=3, shown=2)
    with pytest.raises(InputError, match=r"showed only the symbols \[0, 1\] of 3 in 500 frames"):
        collect_frames(lambda: screens, symbols=3, frames=50)
    assert screens.closed


@pytest.mark.parametrize(
    ("data", "ridge", "message"),
    [
        (distinct_frames(np.zeros((1, 84, 84), np.uint8), np.array([3])), 1e-6, "need 5 actions but policy .* has 4"),
        (distinct_frames(np.zeros((1, 84, 84), np.uint8), np.array([-1])), 1e-6, "at least one frame"),
        (distinct_frames(np.zeros((1, 84, 84), np.uint8), np.array([0])), 0.0, "must be positive, not 0.0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(data: LabelledFrames, ridge, message):
    with pytest.raises(InputError, match=message):
        fit_readout(SMALL, data, ridge=ridge)


def _fitted(tmp_path, spec=SMALL, facts=None, **options):
    return fitted_readout(spec, Screens, facts or {"id": "screens"}, directory=tmp_path, **{"frames": 60, **options})


def test_a_stored_readout_is_found_again_and_plays(tmp_path):
    first = _fitted(tmp_path)
    assert first.fitted_now
    assert first.accuracy == 1.0
    assert first.held_out_frames == first.fitted_frames == 60
    second = _fitted(tmp_path, spec=replace(SMALL, channels_last=True))  # the order of weights is no part of the fit
    assert not second.fitted_now
    assert second.spec.weights == first.spec.weights
    held_out = collect_frames(Screens, symbols=3, frames=100, seed=4_000)
    assert policy_accuracy(build_policy(second.spec), held_out) == 1.0
    metadata = read_metadata(first.spec.weights)
    assert metadata["environment"] == {"id": "screens"}
    assert metadata["torch"] == torch.__version__
    # The file names the random weights below the readout: another seed in the specification changes nothing.
    assert np.array_equal(load_parameters(replace(first.spec, seed=77)), load_parameters(first.spec))


def test_any_change_is_a_new_fit(tmp_path, monkeypatch):
    files = {_fitted(tmp_path).spec.weights}
    for change in (
        {"spec": replace(SMALL, seed=1)},
        {"spec": replace(SMALL, name="nature")},
        {"facts": {"id": "screens", "rom": "00ff"}},
        {"ridge": 1e-5},
        {"frames": 61},
        {"fit_seed": 1},
    ):
        fitted = _fitted(tmp_path, **change)
        assert fitted.fitted_now, change
        files.add(fitted.spec.weights)
    monkeypatch.setattr(torch, "__version__", "0.0.0")
    files.add(_fitted(tmp_path).spec.weights)
    assert len(files) == 8
    assert not _fitted(tmp_path).notes


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-7], lambda data: b"\x00" * len(data)])
def test_a_file_that_cannot_be_read_is_replaced_with_a_note(tmp_path, damage):
    path = next(iter([_fitted(tmp_path)])).spec.weights
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(damage(data))
    again = _fitted(tmp_path)
    assert again.fitted_now
    assert again.notes == (f"the readout {path.rsplit('/', 1)[-1]} was damaged and has been fitted again",)
    assert not _fitted(tmp_path).fitted_now


def test_a_readout_that_is_not_good_enough_is_not_kept(tmp_path):
    with pytest.raises(RuntimeError, match=r"names [0-9.]+% of 60 held-out frames, less than the required 99\.9000%"):
        fitted_readout(SMALL, lambda: Screens(lying=True), {}, directory=tmp_path, frames=60)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other", [replace(SMALL, name="impala2x-k1/16"), replace(SMALL, actions=5), replace(SMALL, frame_shape=(84, 90))]
)
def test_a_readout_of_another_network_is_refused(tmp_path, other):
    weights = _fitted(tmp_path).spec.weights
    with pytest.raises(InputError, match=f"not for '{other.name}' with {other.actions} actions"):
        load_parameters(replace(other, weights=weights))


def test_what_has_no_readout(tmp_path):
    for spec in (PolicySpec("oracle", actions=4), replace(SMALL, weights="w.safetensors")):
        with pytest.raises(InputError, match="a readout is fitted for a network without weights of its own"):
            _fitted(tmp_path, spec=spec)
    with pytest.raises(InputError, match="must be JSON-able"):
        _fitted(tmp_path, facts={"id": object()})
