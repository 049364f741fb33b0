"""Contract: with ``--json`` standard output is one JSON object with these keys, and nothing else."""

import json

import numpy as np
import pytest

BOUND = ["bound", "--inference-time", "0.05", "--mode-probability", "0.95"]
BOUND_KEYS = {
    "assumptions",
    "delay_law",
    "inaction_fraction",
    "interaction_time",
    "method",
    "regret",
    "regret_per_frame",
    "regret_per_second",
    "service_value",
    "standard_error",
    "symbolic",
    "witness",
    "workers_for_zero_inaction",
}
PARTS = {"inaction", "delay", "learning", "total"}


def _object(answer, *words):
    said = answer(*words, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.out.count("\n") == 1
    return json.loads(said.out, parse_constant=lambda token: pytest.fail(f"{token} is no JSON"))


def test_bound(answer):
    values = _object(answer, *BOUND, "--workers", "3", "--horizon", "60")
    assert set(values) == BOUND_KEYS
    assert set(values["regret_per_frame"]) == set(values["regret_per_second"]) == set(values["regret"]) == PARTS
    assert values["method"] == "closed-form"
    assert values["workers_for_zero_inaction"] == 3
    assert values["standard_error"] is None
    assert sum(values["delay_law"]) == pytest.approx(1 - values["inaction_fraction"])
    assert values["regret"]["total"] == pytest.approx(60 * values["regret_per_second"]["total"])


def test_bound_without_a_horizon(answer):
    assert _object(answer, *BOUND)["regret"] is None


@pytest.mark.parametrize(
    ("words", "phi"),
    [
        (["--inference-time", "5.3", "--rule", "max-time", "--workers", "3"], 0.433962264151),
        (["--inference-time", "expon(scale=2.5)", "--rule", "sequential"], 0.670320046036),
        (["--inference-time", "expon(scale=2.5)", "--rule", "frame-pool", "--workers", "inf"], 0.326049337638),
        (["--inference-time", "expon(scale=2.5)", "--rule", "frame-pool", "--workers", "4"], 0.340402175182),
    ],
)
def test_published_check_values_pass_through(words, phi, answer):
    values = _object(answer, "bound", *words, "--mode-probability", "0.9", "--frame-time", "1")
    assert values["inaction_fraction"] == pytest.approx(phi, abs=1e-11)


def test_figures_that_are_not_finite_are_null(answer):
    values = _object(answer, *BOUND, "--gap-default", "1e308", "--horizon", "1e308")
    assert values["regret_per_frame"]["inaction"] == pytest.approx(0.665e308, rel=1e-3)
    assert values["regret"]["total"] is None


def test_samples_from_a_file(answer, tmp_path):
    np.save(tmp_path / "k1.npy", np.array([0.02, 0.03]))
    words = ["bound", "--inference-time", f"@{tmp_path / 'k1.npy'}", "--mode-probability", "0.9"]
    assert set(_object(answer, *words)) == BOUND_KEYS


@pytest.mark.parametrize("written", ["1e1", "10", "10.0"])
def test_whole_numbers_may_be_written_as_they_are_spoken(written, answer):
    assert _object(answer, *BOUND, "--symbols", written) == _object(answer, *BOUND, "--symbols", "10")


RUN = ["run", "--clock", "virtual", "--emulate-latency", "0.04", "--frames", "200", "--policy", "oracle"]


def test_run(answer, tmp_path):
    said = answer(*RUN, "--workers", "3", "--symbols", "4", "--out", str(tmp_path / "r"), "--json")
    assert said.code == 0
    values = json.loads(said.out)
    assert {
        "frames",
        "warmup_frames",
        "reward_per_frame",
        "inaction_fraction",
        "delay_law",
        "action_interval",
        "deadline_lateness",
        "restarts",
        "record",
    } <= set(values)
    assert set(values["action_interval"]) == {"mean", "std", "p99"}
    assert set(values["deadline_lateness"]) == {"p50", "p99", "max"}
    assert (tmp_path / "r" / "meta.json").exists()
