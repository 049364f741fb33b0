"""Latency profiles: contract of the samples, the summary and the files (no claim about how fast anything is)."""

import json

import numpy as np
import pytest
import torch

from regretlab.policies import PolicySpec
from regretlab.policies.profile import profile_policy

SPEC = PolicySpec("nature", actions=5, channels_last=True)


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


def test_progress_is_told_and_threads_are_given_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        told = []
        profile_policy(SPEC, samples=3, warm_up=1, progress=lambda done, total: told.append((done, total)))
        assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
