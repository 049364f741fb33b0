"""Latency profiles: contract of the samples, the summary and the files (no claim about how fast anything is)."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import signal

from regretlab.errors import InputError
from regretlab.laws.measured import read_profile
from regretlab.policies import PolicySpec
from regretlab.policies.contention import measure_contention
from regretlab.policies.profile import LatencyProfile, profile_policy
from regretlab.results import interval_quantile

SPEC = PolicySpec("nature", actions=5, channels_last=True)
MEASURED = LatencyProfile("nature", 55_469, np.array([0.01, 0.02, 0.03]), 1, True, 4, 0, "here", "2")


def test_the_summary_is_that_of_the_samples(tmp_path):
    profile = profile_policy(SPEC, samples=30, warm_up=4, seed=2)
    summary = profile.to_json()
    assert summary["mean"] == pytest.approx(np.mean(profile.seconds))
    assert summary["p50"] == pytest.approx(np.median(profile.seconds))
    assert summary["p50"] <= summary["p99"] <= summary["max"] == profile.seconds.max()
    assert summary["inferences_per_second"] == pytest.approx(30 / profile.seconds.sum())
    settings = {name: summary[name] for name in ("policy", "parameters", "samples", "channels_last", "warm_up", "seed")}
    assert settings == {
        "policy": "nature",
        "parameters": 55_469,
        "samples": 30,
        "channels_last": True,
        "warm_up": 4,
        "seed": 2,
    }
    profile.save(tmp_path / "nature.csv")
    assert json.loads((tmp_path / "nature.json").read_text()) == summary
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["nature.csv", "nature.json"]
    assert np.loadtxt(tmp_path / "nature.csv", skiprows=1) == pytest.approx(profile.seconds, abs=1e-9)


def test_the_warm_up_of_a_policy_of_ones_own_does_not_count(tmp_path):
    """Its first three inferences sleep; a long warm-up ends early, but not before two inferences."""
    (tmp_path / "slow.py").write_text(
        "import time\n\nclass Slow:\n    calls = 0\n\n    def __call__(self, frame):\n        self.calls += 1\n"
        "        time.sleep(0.1 if self.calls <= 3 else 0.0)\n        return 0\n\n\n"
        "def slow(shape, actions):\n    return Slow()\n"
    )
    spec = PolicySpec(f"module:{tmp_path / 'slow.py'}:slow", actions=2)
    profile = profile_policy(spec, samples=40)
    assert profile.warm_up == 30
    assert profile.first_seconds > 0.1
    assert np.median(profile.seconds) < 0.05
    assert "30 inferences that do not count, the first took 1" in dict(profile.facts())["warm-up"]
    assert profile_policy(spec, samples=1, warm_up=1).warm_up == 1


def test_a_busy_machine_is_warned_of():
    busy = replace(MEASURED, cores_of_others=1.5)
    assert busy.to_json()["warnings"] == busy.warnings
    assert "other processes used 1.5 of its" in dict(busy.facts())["warning"]
    assert replace(MEASURED, cores_of_others=0.1).warnings == MEASURED.warnings == []


def test_progress_is_told_and_threads_are_given_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        told = []
        profile_policy(SPEC, samples=3, warm_up=1, progress=lambda done, total, what: told.append((done, total)))
        assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_the_interval_of_the_mean_covers_where_slow_spells_last():
    """Autoregressive times (correlation 0.9): 95 % intervals of 300 profiles cover the mean in at least 95 % less four
    standard errors (5 %) less 4 % for batches that are not quite independent; naive intervals cover in under 60 %."""
    random = np.random.default_rng(0)
    covered = naive = 0
    effective = []
    for _ in range(300):
        noise = random.normal(size=2000)
        noise[0] /= np.sqrt(1 - 0.81)  # stationary from the start
        times = 0.01 + 0.001 * signal.lfilter([1.0], [1.0, -0.9], noise)
        profile = replace(MEASURED, seconds=times)
        low, high = profile.mean_interval
        covered += low < 0.01 < high
        half = interval_quantile(0.95) * times.std() / np.sqrt(len(times))
        naive += abs(times.mean() - 0.01) < half
        effective.append(profile.effective_samples)
    assert covered >= 300 * (0.95 - 0.05 - 0.04)
    assert naive < 0.6 * 300
    # The variance of a mean of 62 values is 19 - 2 * 0.9 (1 - 0.9^62) / (62 * 0.01) times that of independent ones; the
    # median of a variance from 32 batches is 0.979 of it, and that of 300 such within 4 * 1.8 %.
    expected = 2000 / (19 - 180 * (1 - 0.9**62) / 62) / 0.979
    assert np.median(effective) == pytest.approx(expected, rel=0.075)


@pytest.mark.thorough
def test_a_policy_of_ones_own_is_measured_on_what_its_environment_shows(tmp_path):
    """A policy that sleeps 3 ms when it is shown four numbers: no inference is shorter, alone or in company."""
    source = tmp_path / "slow.py"
    source.write_text(
        "import time\n\ndef slow(shape, actions):\n    def act(seen):\n        assert seen.shape == shape == (4,)\n"
        "        time.sleep(0.003)\n        return actions - 1\n    return act\n"
    )
    spec = PolicySpec(f"module:{source}:slow", actions=2, frame_shape=(4,), frame_dtype="float32")
    profile = profile_policy(spec, samples=5, warm_up=1)
    assert profile.parameters is None
    assert profile.seconds.min() >= 0.003
    shared = measure_contention(spec, [1, 2], samples=3, rounds=3)
    assert min(shared.means) >= 0.003
    for execution in ({"bf16": True}, {"compiled": True}):
        with pytest.raises(InputError, match="is your own, and its code says how it is executed"):
            profile_policy(spec, **execution)


FIT = {"family": "gamma", "text": "gamma(4, scale=0.005)", "p_value": 0.4, "anderson_darling_p_value": 0.2}
SHARED = {
    "workers": [1, 2, 4],
    "means": [0.02, 0.02, 0.04],
    "contention": 0.3,
    "contention_lower": 0.2,
    "contention_upper": 0.4,
    "line_p_value": 0.5,
    "lone_time": 0.019,
}


def written(folder, **found):
    MEASURED.save(folder / "x.npy", found)
    return read_profile(folder / "x.npy")


def test_the_law_of_a_profile_is_its_samples_unless_the_fitted_one_is_asked_for(tmp_path):
    fitting = written(tmp_path, fits=[FIT])
    assert fitting.fits
    assert fitting.fit_p_value == 0.2
    assert fitting.law() is fitting.samples
    assert fitting.law("fitted").text == "gamma(4, scale=0.005)"
    np.testing.assert_array_equal(fitting.law("samples").seconds, MEASURED.seconds)
    for other in ({"p_value": 0.04}, {"anderson_darling_p_value": 0.01}, {"p_value": None} | dict.fromkeys(FIT, None)):
        refuted = written(tmp_path, fits=[FIT | {k: v for k, v in other.items() if k.endswith("value")}])
        assert not refuted.fits
        assert refuted.law() is refuted.samples
        assert refuted.law("fitted").mean() == pytest.approx(0.02)
    without = written(tmp_path, fits=[])
    assert without.law() is without.samples
    with pytest.raises(
        InputError, match=r"holds no fitted law for its 3 samples \(too few, or its tests rejected every family\)"
    ):
        without.law("fitted")
    with pytest.raises(InputError, match="must be auto, samples or fitted, not 'best'"):
        without.law("best")


def test_contention_that_is_on_no_line_is_taken_as_measured(tmp_path):
    straight = written(tmp_path, contention=SHARED).contention
    assert straight.on_a_line
    assert straight.taken == 0.3
    bent = written(tmp_path, contention=SHARED | {"line_p_value": 0.01}).contention
    assert not bent.on_a_line
    assert [bent.taken(workers) for workers in (1, 2, 3, 4, 8)] == pytest.approx([1, 1, 1.5, 2, 4])
    late = written(tmp_path, contention=SHARED | {"workers": [2, 3, 5], "line_p_value": 0.01}).contention
    assert late.workers == (2, 3, 5)
    assert [late.taken(workers) for workers in (1, 2)] == pytest.approx([1, 0.02 / 0.019])
    falling = written(tmp_path, contention=SHARED | {"means": [0.02, 0.018, 0.019], "line_p_value": 0.01}).contention
    assert falling.taken(64) == 1


def test_what_was_found_out_goes_beside_the_samples(tmp_path):
    MEASURED.save(tmp_path / "x.npy", {"fits": [{"anderson_darling": np.inf}], "contention": None})
    kept = json.loads((tmp_path / "x.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert kept["fits"] == [{"anderson_darling": None}]
    with pytest.raises(InputError, match="is not one that regretlab profile wrote"):
        read_profile(tmp_path / "x.npy")  # a fit without text


@pytest.mark.parametrize(
    ("summary", "message"),
    [
        (None, "has no summary next to it"),
        ("{", "is not one that regretlab profile wrote"),
        ("[]", "is not one that regretlab profile wrote"),
        ('{"policy": "nature"}', "is not one that regretlab profile wrote"),
        (json.dumps({"policy": "nature", "samples": 3, "contention": SHARED | {"contention": -1}}), "is not one that"),
        (json.dumps({"policy": "nature", "samples": 3, "contention": SHARED | {"workers": [1, 4, 2]}}), "is not one"),
        (json.dumps({"policy": "nature", "samples": 3, "contention": SHARED | {"workers": [1, 2]}}), "is not one"),
        (json.dumps({"policy": "nature", "samples": 3, "fits": [FIT | {"text": "@x.npy"}]}), "is not one that"),
        ('{"policy": "nature", "samples": 2}', "speaks of 2 samples"),
    ],
)
def test_profiles_that_cannot_be_read(summary, message, tmp_path):
    np.save(tmp_path / "x.npy", np.array([0.01, 0.02, 0.03]))
    if summary is not None:
        (tmp_path / "x.json").write_text(summary)
    with pytest.raises(InputError, match=message):
        read_profile(tmp_path / "x.npy")
