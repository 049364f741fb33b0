"""Contract: with ``--json`` standard output is one JSON object with these keys, and nothing else."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from regretlab.errors import RunError
from regretlab.records import Record
from regretlab.validation import suite
from regretlab.validation.claim import judge

BOUND = ["bound", "--inference-time", "0.05", "--mode-probability", "0.95"]
BOUND_KEYS = {
    "above_lower_bound",
    "assumptions",
    "delay_law",
    "inaction_fraction",
    "interaction_time",
    "lower_bound",
    "method",
    "regret",
    "regret_per_frame",
    "regret_per_second",
    "sampling_interval",
    "service_value",
    "standard_error",
    "symbolic",
    "witness",
    "workers_for_quantile",
    "workers_for_zero_inaction",
}
PARTS = {"inaction", "delay", "learning", "total"}


def _object(answer, *words):
    said = answer(*words, "--json")
    progress = re.sub(r"^planning \(\d+ %\)\n", "", said.err, flags=re.M)  # on a busy machine
    assert (said.code, progress) == (0, "")
    assert said.out.count("\n") == 1
    return json.loads(said.out, parse_constant=lambda token: pytest.fail(f"{token} is no JSON"))


def test_bound(answer):
    values = _object(answer, *BOUND, "--workers", "3", "--horizon", "60")
    assert set(values) == BOUND_KEYS
    assert set(values["regret_per_frame"]) == set(values["regret_per_second"]) == set(values["regret"]) == PARTS
    assert values["method"] == "closed-form"
    assert values["workers_for_zero_inaction"] is None  # phases of free-running workers meet
    staggered = _object(answer, *BOUND, "--workers", "3", "--rule", "max-time")
    assert staggered["workers_for_zero_inaction"] == 3
    assert values["standard_error"] is None
    assert sum(values["delay_law"]) == pytest.approx(1 - values["inaction_fraction"])
    assert values["regret"]["total"] == pytest.approx(60 * values["regret_per_second"]["total"])


def test_bound_of_any_rule(answer):
    """The same keys; what a bound over all rules leaves open is null."""
    words = ["bound", "--inference-time", "gamma(4, scale=0.8)", "--frame-time", "1", "--mode-probability", "0.9"]
    values = _object(answer, *words, "--workers", "4", "--rule", "any")
    assert values["regret_per_frame"]["total"] == pytest.approx(0.273340555, abs=1e-9)
    assert values["inaction_fraction"] == 0.0
    assert values["workers_for_zero_inaction"] == 4
    assert values["delay_law"] is values["interaction_time"] is values["regret_per_frame"]["delay"] is None
    assert [sharp["name"] for sharp in values["sharper"]] == ["phase"]
    held = _object(answer, *words, "--workers", "4", "--rule", "any", "--default-behaviour", "repeat")
    assert held["regret_per_frame"]["total"] == pytest.approx(0.238554733, abs=1e-9)
    rule = _object(answer, *words, "--workers", "4", "--rule", "free-running")
    assert rule["lower_bound"]["regret_per_frame"] == values["regret_per_frame"]["total"]
    assert rule["above_lower_bound"] == pytest.approx(rule["regret_per_frame"]["total"] / 0.273340555, abs=1e-6)


def test_bound_without_a_horizon(answer):
    assert _object(answer, *BOUND)["regret"] is None


@pytest.mark.parametrize("hold", ["5", "auto", None])
def test_bound_of_a_hold(hold, answer):
    """The hold of 5 frames is the best one for this law, so that all three ways of asking agree."""
    words = ["--inference-time", "gamma(4, scale=0.8)", "--frame-time", "1", "--mode-probability", "0.9"]
    asked = [] if hold is None else ["--hold", hold]
    values = _object(answer, "bound", *words, "--rule", "frame-hold", "--workers", "inf", *asked)
    assert set(values) == BOUND_KEYS | {"hold"}
    assert values["hold"] == 5
    assert values["inaction_fraction"] == pytest.approx(0.113958120263, abs=1e-11)
    assert values["service_value"] == pytest.approx(0.521644380983, abs=1e-11)


def test_bound_with_learning(answer):
    words = ["--horizon", "600", "--learning-bound", "gaussian-bandit", "--actions", "4", "--workers", "2"]
    values = _object(answer, *BOUND, *words, "--learners", "1", "--batch-time", "0.2")
    assert set(values) == BOUND_KEYS | {"learning_bound", "learners_to_keep_up"}
    parts = values["regret"]
    n = 600 / values["interaction_time"]
    assert parts["learning"] == pytest.approx(math.sqrt((4 - 1) * n / values["learning_bound"]["share"]) / 27)
    assert parts["total"] == pytest.approx(parts["inaction"] + parts["delay"] + parts["learning"])
    assert values["learners_to_keep_up"] == math.ceil(0.2 / values["interaction_time"])


def test_bound_on_few_cores(answer):
    """Three workers and the environment on two cores: everything takes twice as long."""
    shared = _object(answer, *BOUND, "--workers", "3", "--cores", "2")
    alone = _object(answer, "bound", "--inference-time", "0.1", *BOUND[3:], "--workers", "3")
    assert shared["regret_per_frame"] == alone["regret_per_frame"]


SIMULATE = ["simulate", *BOUND[1:], "--workers", "3", "--frames", "20000", "--replications", "2", "--threads", "1"]


def test_simulate_says_what_bound_says_and_how_sure_it_is(answer):
    bound = _object(answer, *BOUND, "--rule", "max-time", "--workers", "3", "--horizon", "60")
    measured = _object(answer, *SIMULATE, "--rule", "max-time", "--horizon", "60", "--seed", "7")
    theory_alone = {"workers_for_quantile", "lower_bound", "above_lower_bound"}
    assert (BOUND_KEYS - theory_alone) | {"frames_per_second", "standard_errors"} <= set(measured)
    assert set(measured["regret_per_frame"]) == set(measured["regret"]) == PARTS
    assert measured["method"] == "simulation"
    assert measured["frames"] == 40_000
    difference = measured["regret_per_frame"]["total"] - bound["regret_per_frame"]["total"]
    assert abs(difference) < 4 * measured["standard_error"]
    assert measured["inaction_fraction"] == pytest.approx(bound["inaction_fraction"], abs=1e-3)


def test_simulate_repeats_itself_and_its_seed_matters(answer):
    def reward(seed):
        return _object(answer, *SIMULATE, "--seed", seed)["reward_per_frame"]

    assert reward("3") == reward("3")
    assert reward("3") != reward("4")


def test_a_long_simulation_tells_its_progress(answer):
    words = ["--rule", "frame-pool", "--workers", "inf", "--frames", "10000000", "--replications", "5"]
    said = answer("simulate", *BOUND[1:], *words, "--json")
    assert said.code == 0
    assert said.err.splitlines()[-1].startswith("playing replications (100 %")
    assert json.loads(said.out)["frames"] == 50_000_000


def test_simulate_plays_an_unlimited_pool_and_holds(answer):
    pool = ["--inference-time", "gamma(4, scale=0.8)", "--frame-time", "1", "--mode-probability", "0.9"]
    words = [*pool, "--workers", "inf", "--rule", "frame-hold", "--hold", "5", "--frames", "50000"]
    values = _object(answer, "simulate", *words, "--replications", "4", "--seed", "1", "--threads", "1")
    assert values["workers"] is None
    assert abs(values["service_value"] - 0.521644380983) < 4 * values["standard_errors"]["service_value"]
    assert abs(values["inaction_fraction"] - 0.113958120263) < 4 * values["standard_errors"]["inaction_fraction"]


@pytest.mark.parametrize(
    ("words", "phi"),
    [
        (["--inference-time", "5.3", "--rule", "max-time", "--workers", "3"], 0.433962264151),
        (["--inference-time", "expon(scale=2.5)", "--rule", "sequential"], 0.670320046036),
        (["--inference-time", "expon(scale=2.5)", "--rule", "frame-pool", "--workers", "inf"], 0.326049337638),
        (["--inference-time", "expon(scale=2.5)", "--rule", "frame-pool", "--workers", "4"], 0.340402175182),
        (["--inference-time", "gamma(4, scale=0.8)", "--rule", "free-running", "--workers", "3"], 0.328987427259),
    ],
)
def test_known_values_pass_through(words, phi, answer):
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


PLAN_KEYS = {
    "alignment",
    "alternatives",
    "assumptions",
    "binds",
    "cost_per_frame",
    "hold",
    "inaction_fraction",
    "largest_inference_time",
    "meets_target",
    "method",
    "model_size",
    "profile",
    "regime",
    "regret_per_frame",
    "rule",
    "target_regret",
    "workers",
    "above_lower_bound",
    "age_limit",
    "cancel_after",
    "chunk",
    "default_behaviour",
    "ignored",
    "least_total",
    "sampling_interval",
    "lower_bound",
    "most_workers",
    "most_workers_binds",
    "not_computed",
    "other_services",
    "replicas",
    "standard_error",
    "unused",
}
STEPS = ["--frame-time", "1", "--mode-probability", "0.9"]


def test_plan(answer):
    """Constant time of 3.2 frames: ceil(x) workers, and the delay part of ceil(x) frames is left."""
    values = _object(answer, "plan", "--inference-time", "3.2", *STEPS, "--worker-cost", "0.02")
    assert set(values) == PLAN_KEYS
    assert (values["regime"], values["workers"], values["binds"]) == ("asynchronous", 4, "stochasticity")
    assert values["regret_per_frame"]["total"] == pytest.approx(1 - 0.9**4)
    assert values["cost_per_frame"] == pytest.approx(0.08)


def test_plan_of_the_slowest_network_and_the_largest_model(answer):
    words = ["--inference-time", "expon(scale=1)", "--target-regret", "0.25", "--scaling", "2*m**0.5"]
    values = _object(answer, "plan", *words, *STEPS)
    assert values["largest_inference_time"] == pytest.approx(2.46630346238, rel=1e-6)
    assert values["model_size"] == pytest.approx((2.46630346238 / 2) ** 2, rel=1e-5)


@pytest.mark.thorough
def test_plan_of_a_profile_is_the_plan_of_its_figures_given_by_hand(answer, tmp_path):
    """Without --workers a profile holds no contention; with a summary that does, both come from the file."""
    out = tmp_path / "nature.npy"
    assert answer("profile", "--policy", "nature", "--samples", "30", "--out", str(out)).code == 0
    np.save(out, np.random.default_rng(0).gamma(20, 0.0005 / 20, 30))  # the times of a busy machine plan for minutes
    words = ["--mode-probability", "0.9", "--frame-time", "0.0002"]
    summary = json.loads(out.with_suffix(".json").read_text())
    fitted = "gamma(4, scale=0.0005)"
    tests = {"p_value": 0.4, "anderson_darling_p_value": 0.3}
    summary["fits"] = [{"family": "gamma", "text": fitted, **tests}]  # on a busy machine every family may be rejected
    out.with_suffix(".json").write_text(json.dumps(summary))

    def planned(times, *more):
        values = _object(answer, "plan", *times, *more, *words)
        return values.pop("profile"), values

    nothing, alone = planned(["--inference-time", f"@{out}"])
    assert nothing is None
    by_profile = ["--profile", str(out)]
    assert planned(by_profile, "--law", "samples")[1] == alone
    taken, values = planned(by_profile, "--law", "fitted")
    assert values == planned(["--inference-time", fitted])[1]
    assert (taken["law"], taken["samples"], taken["slowdown"], taken["contention"]) == (fitted, 30, "none", None)
    shared = {"workers": [1, 2, 4], "means": [1.0, 1.4, 2.2], "lone_time": 1.0, "contention": 0.4, "line_p_value": 0.7}
    summary["contention"] = {**shared, "contention_lower": 0.3, "contention_upper": 0.5}
    out.with_suffix(".json").write_text(json.dumps(summary))
    by_hand = planned(["--inference-time", f"@{out}"], "--contention", "0.4")[1]
    taken, values = planned(["--profile", f"@{out}"], "--law", "samples")
    assert values == by_hand != alone
    assert (taken["slowdown"], taken["contention"], taken["contention_workers"]) == ("line", 0.4, [1, 2, 4])
    assert planned(by_profile, "--law", "samples", "--contention", "0")[1] == alone
    # The same times called no line: interpolated, and as they lie on one the plan is the same.
    summary["contention"]["line_p_value"] = 0.001
    out.with_suffix(".json").write_text(json.dumps(summary))
    taken, values = planned(by_profile, "--law", "samples")
    assert taken["slowdown"] == "interpolated"
    assert values["workers"] == by_hand["workers"]
    assert values["regret_per_frame"]["total"] == pytest.approx(by_hand["regret_per_frame"]["total"], rel=1e-9)
    for line in ("interpolated", "30 samples"):
        assert line in answer("plan", *by_profile, *words).out


@pytest.mark.thorough
def test_profile_with_everything(answer, tmp_path, monkeypatch):
    """What is printed is what goes beside the samples."""
    import torch

    monkeypatch.setattr(torch, "compile", lambda network, **settings: network)
    out = tmp_path / "nature.csv"
    words = ["--policy", "nature", "--samples", "25", "--bf16", "--effects", "--workers", "1,2"]
    said = answer("profile", *words, "--out", str(out), "--json")
    assert said.code == 0, said.err
    values = json.loads(said.out)
    assert (values["bf16"], values["compiled"], values["samples"]) == (True, False, 25)
    low, high = values["mean_interval"]
    assert low < values["mean"] < high
    assert bool(values["fits"]) or "gamma" in values["rejected"]
    for fit in values["fits"]:
        assert set(fit) == {
            "aic",
            "anderson_darling",
            "anderson_darling_if_true",
            "anderson_darling_p_value",
            "distance",
            "distance_if_true",
            "family",
            "p_value",
            "text",
        }
    assert set(values["effects"][0]) == {
        "actions_agree",
        "largest_difference",
        "lower",
        "mean",
        "option",
        "ratio",
        "unavailable",
        "upper",
        "value_spread",
    }
    assert set(values["contention"]) == {
        "contention",
        "contention_error",
        "contention_lower",
        "contention_upper",
        "errors",
        "line_p_value",
        "lone_time",
        "means",
        "rounds",
        "workers",
    }
    assert json.loads(out.with_suffix(".json").read_text()) | {"file": str(out), "plan": None} == values


def test_plan_not_to_act(answer):
    values = _object(answer, "plan", "--inference-time", "3.2", *STEPS, "--worker-cost", "0.9")
    assert (values["regime"], values["workers"], values["rule"]) == ("do-not-act", 0, None)


SOLVE_KEYS = {
    "actions",
    "assumptions",
    "augmented_states",
    "closed_form_regret",
    "delay_frames",
    "every",
    "gain",
    "gain_error",
    "inaction_fraction",
    "kappa",
    "method",
    "optimal_gain",
    "p_minimax",
    "regret_per_frame",
    "states",
}


@pytest.mark.parametrize(
    ("mdp", "delay", "every", "regret"),
    [
        ("shift-register(p=0.8, n=3)", "3", "1", 0.488),
        ("ring(p=0.7, symbols=3)", "2", "1", 0.465),
        ("trap(p=0.9, length=3)", "2", "1", 0.307692307692),
        ("shift-register(p=0.7, n=3, noop_gap=0.9)", "3", "3", 0.819),
        ("shift-register(p=0.7, n=3, noop_gap=0.9)", "3", "4", 0.83925),
    ],
)
def test_solve(mdp, delay, every, regret, answer):
    values = _object(answer, "solve", "--mdp", mdp, "--delay", delay, "--every", every)
    assert set(values) == SOLVE_KEYS
    assert values["regret_per_frame"] == pytest.approx(regret, abs=1e-9)
    assert values["regret_per_frame"] == pytest.approx(values["optimal_gain"] - values["gain"], abs=1e-12)
    assert values["closed_form_regret"] == pytest.approx(regret, abs=1e-9)
    assert (values["delay_frames"], values["every"]) == (int(delay), int(every))


def test_solve_reads_a_file_and_a_family_without_closed_form(answer, tmp_path):
    rewards, transitions = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[[0.9, 0.1], [0.1, 0.9]]] * 2)
    np.savez(tmp_path / "two.npz", transitions=transitions, rewards=rewards)
    values = _object(answer, "solve", "--mdp", str(tmp_path / "two.npz"), "--delay", "1")
    assert values["gain"] == pytest.approx(0.9)  # guess that the state stays
    assert values["kappa"] == pytest.approx(0.9)
    assert values["closed_form_regret"] is None
    assert _object(answer, "solve", "--mdp", "riverswim(6)")["regret_per_frame"] == pytest.approx(0, abs=1e-9)


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
        "tau_max",
        "quantile_time",
        "warnings",
        "mean_time",
        "missed_frames",
        "record",
    } <= set(values)
    assert set(values["action_interval"]) == {"mean", "std", "p99"}
    assert set(values["deadline_lateness"]) == {"p50", "p99", "max"}
    assert (tmp_path / "r" / "meta.json").exists()


def test_record_info_export_and_replay(answer, tmp_path):
    folder, tables = tmp_path / "r", tmp_path / "tables"
    played = json.loads(answer(*RUN, "--workers", "3", "--symbols", "4", "--out", str(folder), "--json").out)
    assert _object(answer, "record", "info", str(folder)) == {
        **played,
        "complete": True,
        "clock": "virtual",
    }
    files = _object(answer, "record", "export", str(folder), "--out", str(tables))["files"]
    assert files == [str(tables / "frames.csv"), str(tables / "inferences.csv")]
    frames, inferences = map(pd.read_csv, files)
    assert frames["frame"].tolist() == list(range(200))
    assert frames["reward"].sum() == pytest.approx(Record.open(folder).frames["reward"].sum())
    assert set(inferences["worker"]) == {0, 1, 2}
    again = _object(answer, "record", "replay", str(folder), "--gif", str(tmp_path / "run.gif"))
    assert again == {
        "frames": 200,
        "differing": 0,
        "first_difference": None,
        "reward": frames["reward"].sum(),
        "recorded_reward": frames["reward"].sum(),
        "gif": str(tmp_path / "run.gif"),
    }
    assert (tmp_path / "run.gif").read_bytes().startswith(b"GIF8")


def test_a_record_that_does_not_play_again_is_exit_code_1(answer, tmp_path):
    folder = tmp_path / "r"
    assert answer(*RUN, "--workers", "3", "--symbols", "4", "--out", str(folder)).code == 0
    rows = pd.read_parquet(folder / "frames.parquet")
    rows.loc[77, "reward"] = 1 - rows.loc[77, "reward"]
    rows.to_parquet(folder / "frames.parquet")
    said = answer("record", "replay", str(folder), "--json")
    assert (said.code, said.err) == (1, "")
    found = json.loads(said.out)
    assert (found["differing"], found["first_difference"], found["gif"]) == (1, 77, None)


@pytest.mark.parametrize(
    "words",
    [
        ["info", "{}/nothing"],
        ["export", "{}/nothing", "--out", "{}/new"],
        ["replay", "{}/nothing", "--gif", "{}/a.gif"],
    ],
)
def test_the_record_of_a_run_that_never_was(words, answer, tmp_path):
    """Bad input: exit code 2, one line that names the folder, and nothing is written."""
    said = answer("record", *[word.format(tmp_path) for word in words], "--json")
    assert (said.code, said.out) == (2, "")
    assert str(tmp_path / "nothing") in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_export_overwrites_nothing(answer, tmp_path):
    assert answer(*RUN, "--workers", "3", "--out", str(tmp_path / "r")).code == 0
    (tmp_path / "inferences.csv").write_text("mine\n")
    said = answer("record", "export", str(tmp_path / "r"), "--out", str(tmp_path), "--json")
    assert (said.code, said.out) == (2, "")
    assert f"'{tmp_path / 'inferences.csv'}' is already there" in said.err
    assert (tmp_path / "inferences.csv").read_text() == "mine\n"
    assert not (tmp_path / "frames.csv").exists()


def test_stochasticity_of_a_record_and_of_random_play(answer, tmp_path):
    settings = ["--symbols", "2", "--mode-probability", "0.9"]
    words = ["--clock", "virtual", "--emulate-latency", "0.04", "--policy", "oracle", "--workers", "3", *settings]
    assert answer("run", *words, "--frames", "2000", "--out", str(tmp_path / "r")).code == 0
    seen = ["--horizon", "2", "--ignore-actions", "--json", "--confidence"]
    sources = ["--record", str(tmp_path / "r")], ["--env", "beacon", *settings, "--frames", "2000"]
    for source in sources:
        values = json.loads(answer("stochasticity", *source, *seen, "0.9999").out)
        narrow = json.loads(answer("stochasticity", *source, *seen, "0.5").out)
        for name in ("p_minimax", "kappa", "staleness"):
            wide, inner = ([found[name]] if name == "p_minimax" else found[name] for found in (values, narrow))
            assert all(a["lower"] < b["lower"] < b["upper"] < a["upper"] for a, b in zip(wide, inner, strict=True))
        assert values["p_minimax"]["lower"] < 0.9 < values["p_minimax"]["upper"]
        assert values["kappa"][1]["lower"] < 0.9**2 + 0.1**2 < values["kappa"][1]["upper"]
        assert {pair["state"] for pair in values["pairs"]} == {0, 1}
        assert values["confidence"] == 0.9999
        assert [point["horizon"] for point in values["staleness"]] == [1, 2]
        assert values["policy"] == "oracle"
        exact = 1 - round(0.1 * 65536) / 65536  # what the cartridge plays
        assert values["truth"]["p_minimax"] == pytest.approx(exact)
        both = [exact, exact**2 + (1 - exact) ** 2]
        assert values["truth"]["kappa"] == values["truth"]["staleness"] == pytest.approx(both)
        assert all(
            point["lower"] < known < point["upper"] for point, known in zip(values["staleness"], both, strict=True)
        )


def test_stochasticity_where_no_state_is_told(answer, tmp_path):
    """Observations are the states of play; a record without states says how long choices stay, and no more."""
    asked = ["--env", "CartPole-v1", "--frames", "300", "--horizon", "1"]
    silent = _object(answer, "stochasticity", *asked)
    assert (silent["policy"], silent["staleness"], silent["truth"]) == (None, [], None)
    assert silent["p_minimax"]["value"] is None
    assert any("--policy" in note for note in silent["assumptions"])
    assert "delay-curve" in silent["assumptions"][-1]
    (point,) = _object(answer, "stochasticity", *asked, "--policy", "random")["staleness"]
    assert 0.3 < point["value"] < 0.7
    words = ["--env", "CartPole-v1", "--default-action", "0", "--clock", "virtual", "--emulate-latency", "0.03"]
    played = answer("run", *words, "--policy", "random", "--frames", "200", "--out", str(tmp_path / "r"))
    assert played.code == 0, played.err
    recorded = _object(answer, "stochasticity", "--record", str(tmp_path / "r"), "--horizon", "1")
    assert recorded["p_minimax"] is None
    assert recorded["kappa"] == recorded["pairs"] == []
    assert recorded["staleness"][0]["samples"] > 20


CLAIM_KEYS = {
    "identity",
    "group",
    "rival",
    "rival_predicted",
    "quantile",
    "measured",
    "name",
    "passed",
    "power",
    "predicted",
    "source",
    "standard_error",
    "statement",
    "tolerance",
    "verdict",
}


@pytest.mark.thorough
def test_validate(answer, tmp_path):
    """The records of an earlier call are taken over, so that the second call is quick and says the same."""
    words = [
        "validate",
        "--quick",
        "--clock",
        "virtual",
        "--claims",
        "delay-regret[p=0.8,d=2]",
        "--out",
        str(tmp_path / "v"),
    ]
    first = answer(*words, "--json")
    values = json.loads(first.out)
    assert first.code == (0 if values["passed"] else 1)
    assert set(values) == {"passed", "claims", "report", "directory", "busy"}
    (claim,) = values["claims"]
    assert set(claim) == CLAIM_KEYS
    assert claim["name"] == "delay-regret[p=0.8,d=2]"
    assert claim["passed"] == (claim["verdict"] == "holds")
    assert (tmp_path / "v" / "report.html").stat().st_size > 1000
    assert json.loads(answer(*words, "--json").out) == values


def _judged(measured):
    return judge(
        "x", "x is 1", predicted=1.0, measured=measured, standard_error=0.001, tolerance=0.01, source="virtual"
    )


@pytest.mark.parametrize(("measured", "code"), [((1.0, 1.001), 0), ((1.0, 1.1), 1), ((1.01,), 1)])
def test_a_claim_that_does_not_hold_is_exit_code_1(measured, code, answer, monkeypatch, tmp_path):
    found = suite.Validation(tuple(map(_judged, measured)), tmp_path / "report.html", tmp_path)
    monkeypatch.setattr(suite, "validate", lambda *args, **settings: found)
    for form in ([], ["--json"]):
        assert answer("validate", "--out", str(tmp_path), *form).code == code


@pytest.mark.parametrize("error", [RunError("worker 1 cannot start"), OSError(28, "No space left on device")])
def test_a_run_that_breaks_off_is_exit_code_1(error, answer, monkeypatch, tmp_path):
    def broken(*args, **settings):
        raise error

    monkeypatch.setattr("regretlab.play.run.run", broken)
    said = answer(*RUN, "--out", str(tmp_path / "r"))
    assert (said.code, said.out, said.err) == (1, "", f"regretlab: error: {error}\n")


@pytest.mark.thorough
def test_policies_are_compared_in_one_command(answer, tmp_path, monkeypatch):
    """The slower of two policies has the larger plan; each plan is that of its own samples."""
    from regretlab.policies import profile as profiles

    def measured(spec, *, samples, **settings):
        seconds = np.random.default_rng(1).gamma(40, {"nature": 0.001, "mlp": 0.002}[spec.name] / 40, samples)
        return profiles.LatencyProfile(spec.name, None, seconds, 1, True, 30, 0, "here", "2", cores_of_others=1.0)

    monkeypatch.setattr(profiles, "profile_policy", measured)
    words = ["--policy", "mlp", "--policy", "nature", "--samples", "200"]
    world = ["--mode-probability", "0.9", "--frame-time", "1ms"]
    values = json.loads(answer("profile", *words, *world, "--json").out)
    slow, fast = values["policies"]
    assert (slow["policy"], fast["policy"], values["recommended"]) == ("mlp", "nature", "nature")
    assert slow["plan"]["workers"] >= fast["plan"]["workers"]
    totals = [each["plan"]["regret_per_frame"]["total"] for each in (slow, fast)]
    assert values["worth_more_by"] == {"mlp": pytest.approx(totals[0] - totals[1])}
    assert totals[0] > totals[1]
    np.save(tmp_path / "fast.npy", np.random.default_rng(1).gamma(40, 0.001 / 40, 200))
    again = _object(answer, "plan", "--inference-time", f"@{tmp_path / 'fast.npy'}", "--services", "given", *world)
    assert (again["rule"], again["workers"]) == (fast["plan"]["rule"], fast["plan"]["workers"])
    assert again["regret_per_frame"] == fast["plan"]["regret_per_frame"]
    out = answer("profile", *words, *world).out
    for text in ("2 policies, mode probability 0.9", "nature: the machine was busy", "per frame more without delay"):
        assert text in out
    assert "nature is the fastest" in answer("profile", *words).out
    curve = tmp_path / "curve.json"
    curve.write_text('{"ages": [0, 4], "losses": [0, 2.0], "gap_default": 5}')
    measured_world = ["--loss", str(curve), "--frame-time", "1ms"]
    slow, fast = json.loads(answer("profile", *words, *measured_world, "--json").out)["policies"]
    assert slow["plan"]["regret_per_frame"]["total"] > fast["plan"]["regret_per_frame"]["total"] > 0.25
    assert "2 policies, a measured loss curve, 1000 frames per second" in answer("profile", *words, *measured_world).out
    refused = answer("profile", *words, "--workers", "1,2")
    assert (refused.code, refused.err.count("are for one policy, and 2 are given")) == (2, 1)
    refused = answer("profile", "--policy", "nature", "--fps", "30")
    assert (refused.code, refused.err.count("--frame-time has no effect without --mode-probability")) == (2, 1)


@pytest.mark.parametrize(
    "command", [["bound"], ["bound", "--rule", "any"], ["simulate", "--frames", "20000"], ["plan"]]
)
def test_every_command_says_what_samples_leave_open(command, answer, tmp_path):
    np.save(tmp_path / "t.npy", np.random.default_rng(0).gamma(4, 0.01, 30))
    world = ["--mode-probability", "0.9", "--json"]
    if command == ["plan"]:
        world += ["--services", "given", "--workers", "3"]
    values = json.loads(answer(*command, "--inference-time", f"@{tmp_path / 't.npy'}", *world).out)
    found = values["sampling_interval"]
    assert (found["samples"], found["level"]) == (30, 0.95)
    low, high = found["regret_per_frame"]["total"]
    assert low < values["regret_per_frame"]["total"] < high
    assert found["inaction_fraction"][0] <= values["inaction_fraction"] <= found["inaction_fraction"][1]
    again = json.loads(answer(*command, "--inference-time", "gamma(4, scale=0.01)", *world).out)
    assert again["sampling_interval"] is None
