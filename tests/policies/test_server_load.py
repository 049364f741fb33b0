"""Answer times that depend on the requests in flight: measured, read back, planned with, and shown by runs."""

import itertools
import json

import numpy as np
import pytest

import regretlab as rl
from regretlab.cli import main
from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.laws.load_law import law_under_load
from regretlab.laws.sample_law import law_from_samples
from regretlab.play.configuration import RunConfiguration
from regretlab.play.latencies import LatencyStream
from regretlab.play.run import run
from regretlab.policies import PolicySpec
from regretlab.policies.policy import build_policy
from regretlab.policies.profile import profile_policy
from regretlab.policies.serving.client import inspect_server
from regretlab.policies.serving.load import measure_load
from regretlab.policies.serving.server import ServerOptions
from tests.oracles.policy_servers import running

SYMBOLS = 6
ORACLE = PolicySpec("oracle", actions=SYMBOLS + 1)
BEACON = {"symbols": SYMBOLS, "mode_probability": 0.95, "pixels": False}


def oracle(requests, law="uniform(loc=0.03, scale=0.06)"):
    """Arguments of a server of the oracle that treats requests in that way."""
    stream = LatencyStream(parse_law(law), 0, 0)
    return (lambda number: build_policy(ORACLE)), ORACLE, ServerOptions(port=0, requests=requests), stream.next


def family(slowdown, alone=(0.05, 0.06, 0.1)):
    """Times under 1, 2, 4 and 8 requests in flight, each a multiple of a lone one's."""
    return law_under_load({number: np.array(alone) * slowdown(number) for number in (1, 2, 4, 8)})


def test_a_table_of_times_is_read_back_and_a_scenario_takes_the_law_of_its_workers(tmp_path):
    path = tmp_path / "load.csv"
    rows = {1: [0.05, 0.07], 2: [0.11, 0.13], 4: [0.2, 0.2, 0.26]}
    table = [f"{number},{seconds}" for number, times in rows.items() for seconds in times]
    path.write_text("in_flight,seconds\n" + "\n".join(table) + "\n")
    asked = rl.Scenario(f"@{path}", mode_probability=0.95, rule="free-running")
    for workers, times in rows.items():
        here = asked.replace(workers=workers)
        plain = rl.Scenario(law_from_samples(times), mode_probability=0.95, rule="free-running", workers=workers)
        assert here.inference_time.mean() == pytest.approx(np.mean(times))
        assert rl.bound(here).regret.total == pytest.approx(rl.bound(plain).regret.total, rel=1e-12)
        assert rl.lower_bound(here).regret == pytest.approx(rl.lower_bound(plain).regret, rel=1e-12)
        simulated = [rl.simulate(each, frames=20_000, seed=1).regret.total for each in (here, plain)]
        assert simulated[0] == simulated[1]
        assert rl.Scenario.from_json(here.to_json()) == here
    assert asked.replace(workers=4).replace(workers=1).inference_time.mean() == pytest.approx(0.06)


def test_between_two_numbers_quantiles_lie_on_lines():
    law = law_under_load({2: [1.0, 2.0], 4: [3.0, 6.0]})
    assert law.under(3).quantile(0.25) == pytest.approx(2.0)
    assert law.under(3).quantile(0.75) == pytest.approx(4.0)
    assert law.under(1).mean() == 1.5  # below the least number measured: its law
    with pytest.raises(InputError, match="measured with up to 4 requests in flight, not with 5 workers: give fewer"):
        law.under(5)


def test_times_under_a_load_that_was_not_measured_say_so():
    law = law_under_load({2: [0.05, 0.06], 4: [0.09, 0.12]})
    asked = rl.Scenario(law, mode_probability=0.95, rule="free-running")
    for workers, taken in (
        (1, "those of 2"), (2, None), (3, "between those of 2 and 4, quantile by quantile"), (4, None)
    ):  # fmt: skip
        here = asked.replace(workers=workers)
        computed = [rl.bound(here), rl.lower_bound(here), rl.simulate(here, frames=1000, replications=2)]
        planned = rl.plan(asked, workers=workers, rule="free-running", services="given")
        for found in (*computed, planned):
            said = " ".join(found.assumptions)
            assert ("were not measured" in said) == (taken is not None)
            assert taken is None or f"{workers} requests in flight were not measured: they are taken as {taken}" in said


@pytest.mark.parametrize("rows", ["1,0.1\n2", "1,fast", "one,0.1", "1,0.1\n0,0.2", "1,-1", ""])
def test_a_damaged_table_is_one_sentence(rows, tmp_path):
    path = tmp_path / "load.csv"
    path.write_text(f"in_flight,seconds\n{rows}\n")
    with pytest.raises(InputError, match=r"load\.csv|numbers in flight") as refused:
        parse_law(f"@{path}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("slowdown", "workers"),
    [
        (lambda number: number, 1),  # one after the other
        (lambda number: 1 if number == 1 else 2, 8),  # in batches: the running one, then one's own
        (lambda number: 1, 8),  # each at once
        (lambda number: 1 if number <= 2 else number / 2, 2),  # two at a time
    ],
)
def test_a_plan_takes_the_workers_that_the_server_can_use(slowdown, workers):
    asked = rl.Scenario(family(slowdown), frame_time=1 / 60, mode_probability=0.95)
    found = rl.plan(asked, worker_cost=1e-4, rule="free-running", services="given")
    assert found.workers == workers
    # Independent: the bound of each number, next to the cost, from its own samples.
    totals = {
        number: rl.bound(
            rl.Scenario(
                law_from_samples(np.array([0.05, 0.06, 0.1]) * slowdown(number)),
                frame_time=1 / 60, mode_probability=0.95, workers=number, rule="free-running",
            )
        ).regret.total + 1e-4 * number
        for number in (1, 2, 4, 8)
    }  # fmt: skip
    assert min(totals, key=totals.get) == workers
    assert found.regret.total + found.cost == pytest.approx(totals[workers], abs=1e-9)


def test_what_cannot_be_measured_is_one_sentence(capsys, tmp_path):
    for words, sentence in (
        (["--policy", "nature", "--concurrency", "1,2"], "concurrency is for policies on a server"),
        (["--policy", "nature", "--observation-key", "image"], "observation key is for policies on a server"),
        (["--policy", "ws://127.0.0.1:9", "--concurrency", "1,2"], "no policy server answers at"),
        (["--policy", "ws://127.0.0.1:9", "--concurrency", "2"], "at least two different numbers"),
        (["--policy", "ws://127.0.0.1:9", "--workers", "1,2"], "give a policy server's --concurrency instead"),
    ):
        assert main(["profile", *words, "--out", str(tmp_path / "times.csv")]) == 2
        assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_served_policy_is_profiled_from_request_to_answer(capsys):
    with running(*oracle("serial", "0.02")) as server:
        assert main(["profile", "--policy", server.url, "--actions", "7", "--samples", "5", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["samples"] == 5
    assert measured["mean"] >= 0.02  # a busy machine can only add


def test_the_warm_up_of_a_server_does_not_count():
    """Its first three answers take a quarter of a second each, all others 5 ms."""
    answers = itertools.count()
    policy, spec, options, _ = oracle("serial")
    with running(policy, spec, options, lambda: 0.25 if next(answers) < 3 else 0.005) as server:
        profile = profile_policy(inspect_server(PolicySpec(server.url, actions=SYMBOLS + 1)), samples=20)
    assert profile.warm_up > 3
    assert profile.first_seconds > 0.2
    assert np.median(profile.seconds) < 0.1


VERDICTS = {"serial": "one worker", "batch": "batch", "independent": "N workers"}


@pytest.mark.realtime
@pytest.mark.parametrize("requests", VERDICTS)
def test_what_a_profile_predicts_for_each_server_a_run_shows(requests, tmp_path):
    """The prediction is that of the law measured under load; the run's own times play no part in it.

    Both know the mean time of the server from so many of its times only, which spread by .29 of their mean.
    """
    frames, samples = 1500, 100
    with running(*oracle(requests)) as server:
        spec = inspect_server(PolicySpec(server.url, actions=SYMBOLS + 1))
        found = measure_load(spec, [1, 2, 4, 8], samples=samples, rounds=4)
        assert found.verdict == VERDICTS[requests]
        assert (None if found.server is None else found.server.discipline) == (
            None if requests == "independent" else requests
        )
        path = found.save(tmp_path / "load.csv")
        asked = rl.Scenario(f"@{path}", frame_time="gameboy", mode_probability=0.95, symbols=SYMBOLS)
        asked = asked.replace(rule="free-running")
        measured = {}
        for workers in (1, 2, 4):
            settings = {"environment_options": BEACON, "workers": workers, "rule": "free-running", "frames": frames}
            run(RunConfiguration(policy=server.url, **settings), tmp_path / str(workers))
            measured[workers] = rl.Record(tmp_path / str(workers)).summary
    for workers, summary in measured.items():
        predicted = rl.bound(asked.replace(workers=workers)).service
        served = 1.0 - predicted.inaction_fraction
        error = 0.29 * served * (1.0 / samples + 1.0 / (frames * served)) ** 0.5
        assert abs(1.0 - summary.inaction_fraction - served) < 4.0 * error, (requests, workers)
        ages, law = (np.asarray(each) for each in (summary.delay_law, predicted.delay_law))
        age = law @ np.arange(len(law)) / law.sum()
        assert ages @ np.arange(len(ages)) / ages.sum() == pytest.approx(age, rel=0.1)
    plan = rl.plan(asked, worker_cost=0.002, rule="free-running", services="given")
    assert plan.workers >= 4 if requests == "independent" else plan.workers <= 2


def test_a_run_takes_the_times_of_as_many_requests_as_it_has_workers(tmp_path):
    (tmp_path / "load.csv").write_text("in_flight,seconds\n1,0.05\n2,0.1\n4,0.2\n")
    for workers, seconds in ((1, 0.05), (2, 0.1), (3, 0.15), (4, 0.2)):
        world = rl.Scenario(f"@{tmp_path}/load.csv", mode_probability=0.95, symbols=6, workers=workers)
        record = rl.run(world, policy="oracle", clock="virtual", frames=60, out=tmp_path / str(workers))
        rows = record.inferences
        assert (rows["completion"] - rows["scheduled"]).dropna().to_numpy() == pytest.approx(seconds)
        assert any("were not measured" in said for said in record.summary.warnings) == (workers == 3)
