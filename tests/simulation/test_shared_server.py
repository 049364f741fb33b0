"""Workers that wait for each other at one server: the event kernel against plain loops, and against exact figures."""

import math

import numpy as np
import pytest

import regretlab as rl
from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.laws.load_law import server_line
from regretlab.laws.server import Server
from regretlab.rules import get_rule
from regretlab.simulation.events.engine import EventEngine, Outputs


def freshest(requests, frames):
    """Return the delay of each frame, 0 without an output: its freshest output among those released in it."""
    served = np.zeros(frames, int)
    for asked, answered in requests:
        observed, effect = math.floor(asked), max(math.floor(asked) + 1, math.ceil(answered))
        if effect < frames and (served[effect] == 0 or effect - observed < served[effect]):
            served[effect] = effect - observed
    return served


def in_turn(own, workers, network):
    """Free-running workers at a serial server, by the recursion of a closed queue: no events."""
    asked, ended = [], []
    for number, seconds in enumerate(own):
        asked.append(0.0 if number < workers else ended[number - workers] + network)
        ended.append(max(asked[-1], ended[-1] if ended else 0.0) + seconds)
    return [(begin, end + network) for begin, end in zip(asked, ended, strict=True)]


def in_batches(own, workers, network, growth):
    """Free-running workers at a server of batches, batch by batch."""
    ready, free, requests, draws = [0.0] * workers, 0.0, [], iter(own)
    for seconds in draws:
        begin = max(free, min(ready))
        batch = [worker for worker in range(workers) if ready[worker] < begin]
        batch = batch or [ready.index(min(ready))]  # an idle server takes the first that comes
        free = begin + seconds * (1.0 + growth * (len(batch) - 1))
        for worker in batch:
            requests.append((ready[worker], free + network))
            ready[worker] = free + network
    return requests


def in_turn_of_frames(own, workers, network, frames):
    """A frame pool at a serial server: an idle worker asks on each boundary."""
    idle_from, ended, requests, draws = [0.0] * workers, 0.0, [], iter(own)
    for boundary in range(frames):
        idle = [worker for worker in range(workers) if idle_from[worker] <= boundary]
        if idle:
            ended = max(float(boundary), ended) + next(draws)
            idle_from[idle[0]] = ended + network
            requests.append((float(boundary), ended + network))
    return requests


def played(rule, server, times, workers, frames, **options):
    supply = iter([times])
    engine = EventEngine(
        get_rule(rule), workers, 1.0, lambda: next(supply, np.empty(0)), server=server, **options
    )  # fmt: skip
    served, rows = np.zeros(frames, np.int32), np.empty(0, np.int64)
    count = engine.serve(0, frames, served, rows)
    assert count >= frames - 1
    return served[:count], engine


TIMES = {"short": (0.3, 0.4), "frames": (2.0, 3.0), "long": (20.0, 300.0)}


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("length", TIMES)
@pytest.mark.parametrize("network", [0.0, 0.7, 4.5])
def test_free_running_workers_at_a_server_are_served_as_the_plain_loops_say(workers, length, network):
    low, width = TIMES[length]
    frames = 400 if length != "long" else 4000
    own = low + width * np.random.default_rng(workers).random(40_000 if length == "short" else 4000)
    for server, expected in (
        (Server("serial", network=network), in_turn(own, workers, network)),
        (Server("batch", network=network), in_batches(own, workers, network, 0.0)),
        (Server("batch", growth=0.4, network=network), in_batches(own, workers, network, 0.4)),
    ):
        served, engine = played("free-running", server, own + network, workers, frames)
        assert np.array_equal(served, freshest(expected, frames)[: len(served)])
        assert served.max(initial=0) <= engine.reach


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_frame_pool_at_a_serial_server_is_served_as_a_plain_loop_says(workers):
    own = np.random.default_rng(1).gamma(2.0, 1.3, 3000)
    served, _ = played("frame-pool", Server("serial", network=0.5), own + 0.5, workers, 2000)
    assert np.array_equal(served, freshest(in_turn_of_frames(own, workers, 0.5, 2000), 2000))


def test_kept_outputs_of_a_batch_act_one_after_the_other():
    """Answers that come together are for observations of different frames; kept, each of them acts."""
    own = np.full(1000, 4.0)
    server = Server("batch")
    dropped, _ = played("expected-time", server, own, 4, 300, first_estimate=4.0)
    kept, _ = played("expected-time", server, own, 4, 300, first_estimate=4.0, outputs=Outputs(most=16))
    assert (dropped[100:] > 0).mean() < (kept[100:] > 0).mean()


@pytest.mark.parametrize("discipline", ["serial", "batch"])
@pytest.mark.parametrize("workers", [2, 3, 6])
def test_constant_times_give_one_answer_time_after_the_other(discipline, workers):
    """The server is always busy: an answer (or batch) every 2.5 frames, N or 2 of them after the request."""
    asked = rl.Scenario(
        f"{discipline}(2.5)", frame_time=1, mode_probability=0.9, workers=workers, rule="free-running"
    )  # fmt: skip
    found = rl.simulate(asked, frames=50_000, replications=8)
    assert found.inaction_fraction == pytest.approx(0.6, abs=1e-4)
    law = found.service.delay_law
    waited = 2.5 * (workers if discipline == "serial" else 2)
    ages = {math.ceil(waited), math.ceil(waited) + 1}  # from the boundary before the request
    assert law.sum() == pytest.approx(law[sorted(ages)].sum())


def test_exponential_times_in_turn_are_a_poisson_process_of_answers():
    """A busy server with exponential times answers at the points of a Poisson process, whatever the workers."""
    for workers in (2, 5):
        asked = rl.Scenario(
            "serial(expon(scale=3))", frame_time=1, mode_probability=0.9, workers=workers, rule="free-running"
        )  # fmt: skip
        found = rl.simulate(asked, frames=100_000, replications=8, seed=workers)
        error = math.sqrt(math.exp(-1 / 3) * (1 - math.exp(-1 / 3)) / 800_000)
        assert abs(found.inaction_fraction - math.exp(-1 / 3)) < 4.5 * error


def test_a_lone_worker_never_waits_and_more_workers_of_a_serial_server_lose_more():
    asked = rl.Scenario("serial(uniform(2, 2))", frame_time=1, mode_probability=0.9, rule="free-running")
    plain = asked.replace(inference_time="uniform(2, 2)")
    assert rl.bound(asked).regret.total == pytest.approx(rl.bound(plain).regret.total, rel=1e-12)
    totals = [rl.bound(asked.replace(workers=workers)).regret.total for workers in (1, 2, 4)]
    assert totals == sorted(totals)
    found = rl.bound(asked.replace(workers=4))
    assert found.method == "simulation"
    assert any("one request after the other" in said for said in found.assumptions)
    assert rl.plan(asked, worker_cost=1e-4, rule="free-running", services="given").workers == 1


@pytest.mark.parametrize("law", ["serial(uniform(2, 2))", "batch(uniform(2, 2), growth=0.3)"])
@pytest.mark.parametrize("rule", ["free-running", "expected-time", "frame-pool", "unstaggered"])
def test_no_rule_loses_less_than_the_lower_bound_of_its_server(law, rule):
    for workers in (2, 4):
        asked = rl.Scenario(law, frame_time=1, mode_probability=0.9, workers=workers, rule=rule, unused="keep")
        found = rl.simulate(asked, frames=30_000, replications=8)
        assert found.regret.total > rl.lower_bound(asked).regret_per_frame
    serial = rl.lower_bound(asked.replace(inference_time="serial(3)", workers=5))
    assert serial.regret_per_frame == pytest.approx(
        rl.lower_bound(asked.replace(inference_time=3, workers=1)).regret_per_frame
    )


@pytest.mark.parametrize(
    ("law", "sentence"),
    [
        ("serial(0.05, growth=1)", "serial has no parameter 'growth'"),
        ("batch(0.05, growth=-1)", "growth of a server must be a finite number of at least 0, not -1"),
        ("batch(0.05, network=inf)", "network of a server must be a finite number of at least 0, not inf"),
        ("batch(0.05, growth=much)", "growth must be a finite number of at least 0, not 'much'"),
        ("serial(0.05, network=1, network=2)", "parameter 'network' is given twice"),
        ("serial(serial(0.1))", "takes the law of a lone request, which 'serial(0.1)' is not"),
        ("batch(gama(4))", "'gama' is not a continuous distribution"),
    ],
)
def test_a_server_that_is_not_understood_is_one_sentence(law, sentence):
    with pytest.raises(InputError) as refused:
        parse_law(law)
    assert sentence in str(refused.value)


def test_what_a_queue_does_not_play_is_one_sentence(tmp_path):
    asked = rl.Scenario("batch(0.05)", mode_probability=0.9, workers=4)
    for changes, sentence in (
        ({"workers": "inf", "rule": "frame-pool"}, "give a finite number of workers"),
        ({"replicas": 2}, "inferences cannot race there"),
        ({"cores": 2}, "leave cores 2 out"),
        ({"cancel_after": 0.1}, "give up no request there"),
    ):
        with pytest.raises(InputError, match=sentence):
            rl.simulate(asked.replace(**changes), frames=1000)
    with pytest.raises(InputError, match="leave cores and contention out"):
        rl.plan(asked.replace(workers=1), contention=0.1)
    with pytest.raises(InputError, match="a run does not emulate its queue"):
        rl.run(asked.replace(symbols=6), policy="oracle", clock="virtual", frames=60, out=tmp_path / "run")


def test_a_table_with_a_server_is_the_law_of_a_lone_request(tmp_path):
    path, server = tmp_path / "load.csv", Server("batch", growth=0.25, network=0.002)
    path.write_text(f"{server_line(server)}\nin_flight,seconds\n1,0.05\n1,0.07\n4,0.2\n")
    law = parse_law(f"@{path}")
    assert (law.mean(), law.server) == (pytest.approx(0.06), server)
    path.write_text(f"{server_line(server)}\nin_flight,seconds\n2,0.05\n")
    with pytest.raises(InputError, match="no times of a lone request"):
        parse_law(f"@{path}")
    path.write_text("# server: serial, growth=x, network=0\nin_flight,seconds\n1,0.05\n")
    with pytest.raises(InputError, match="growth and network of the server must be numbers, not 'x' and '0'"):
        parse_law(f"@{path}")
