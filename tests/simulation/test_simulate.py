"""``simulate`` against the closed forms and exact chains of every rule that has one, with stated z-bounds."""

import json
import math

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.rules.service.service import service_law
from regretlab.scenario import Scenario
from regretlab.simulation import simulate
from regretlab.theory.realtime import bound
from regretlab.theory.sticky import sticky_sequential_regret

EXPONENTIAL, GAMMA = parse_law("expon(scale=2.5)"), parse_law("gamma(4, scale=0.8)")
THREE_FRAMES = law_from_samples([0.5] * 2 + [1.5] * 5 + [2.5] * 3)  # P(D = 1, 2, 3) = .2, .5, .3
FRAMES, REPLICATIONS = 200_000, 4
TOTAL = FRAMES * REPLICATIONS


def assert_near(value, error, expected, *, scale=1.0, name=""):
    """|z| < 4.5, and what a figure without noise is off by because a run begins and ends somewhere."""
    assert abs(value - expected) <= 4.5 * (error or 0.0) + 50 * scale / TOTAL, (name, value, expected, error)


CLOSED = [
    ("sequential", EXPONENTIAL, 1, None),
    ("sequential", GAMMA, 1, None),
    ("sequential", parse_law("3.2"), 1, None),
    ("sequential-strict", EXPONENTIAL, 1, None),
    ("sequential-strict", parse_law("0.3"), 1, None),
    ("frame-pool", EXPONENTIAL, math.inf, None),
    ("frame-pool", GAMMA, 10**6, None),
    ("frame-pool", THREE_FRAMES, math.inf, None),
    ("frame-pool", EXPONENTIAL, 4, None),
    ("frame-pool", EXPONENTIAL, 1, None),
    ("frame-pool", THREE_FRAMES, 2, None),
    ("frame-pool", GAMMA, 3, None),
    ("frame-pool", parse_law("uniform(0.2, 4)"), 3, None),
    ("max-time", parse_law("5.2915026"), 3, None),
    ("max-time", parse_law("5.2915026"), 6, None),
    ("max-time", parse_law("0.3711"), 1, None),
    ("max-time", parse_law("uniform(1, 3.3)"), 3, None),
    ("max-time", parse_law("5.3"), 3, "frame"),
    ("max-time", parse_law("uniform(1, 3.3)"), 9, "frame"),
    ("unstaggered", parse_law("3.2347"), 4, None),
    ("unstaggered", parse_law("0.7071"), 2, None),
    ("unstaggered", GAMMA, 3, None),
    ("free-running", EXPONENTIAL, 2, None),
    ("free-running", GAMMA, 3, None),
    ("frame-hold", GAMMA, math.inf, None),
    ("frame-hold", THREE_FRAMES, 2, None),
    ("frame-hold", EXPONENTIAL, 3, None),
]


@pytest.mark.parametrize(("rule", "law", "workers", "alignment"), CLOSED)
def test_rules_with_a_closed_form(rule, law, workers, alignment):
    keywords = {"workers": workers, "rule": rule, "alignment": alignment}
    if rule == "frame-hold":
        keywords["hold"] = 3
    result = simulate(
        Scenario(law, frame_time=1.0, mode_probability=0.9, **keywords),
        frames=FRAMES,
        replications=REPLICATIONS,
        seed=7,
    )
    theory = service_law(law, 1.0, **keywords)
    errors = result.standard_errors
    assert_near(result.inaction_fraction, errors["inaction_fraction"], theory.inaction_fraction)
    for delay in range(1, max(len(theory.delay_law), len(result.delay_law))):
        expected = theory.delay_law[delay] if delay < len(theory.delay_law) else 0.0
        measured = result.delay_law[delay] if delay < len(result.delay_law) else 0.0
        error = errors["delay_law"][delay] if delay < len(result.delay_law) else math.sqrt(expected / TOTAL)
        assert_near(measured, error, expected, name=delay)
    assert result.delay_law.sum() + result.inaction_fraction == pytest.approx(1)
    assert_near(result.service_value, errors["service_value"], theory.service_value(0.9))
    for name in ("mean_age", "peak_age"):
        assert_near(getattr(result.service, name), errors[name], getattr(theory, name), scale=10, name=name)
    theory_says = bound(Scenario(law, frame_time=1.0, mode_probability=0.9, **keywords))
    assert_near(result.regret.total, errors["regret_per_frame"]["total"], theory_says.regret.total)


@pytest.mark.parametrize(("rule", "pause"), [("sequential", 0), ("sequential-strict", 1)])
def test_the_law_of_the_intervals_of_one_worker_is_that_of_its_delays(rule, pause):
    """Actions are one inference apart, strictly one frame more: f_(g - pause), |z| < 4.5 by 16 replications."""
    result = simulate(
        Scenario(EXPONENTIAL, frame_time=1.0, mode_probability=0.9, rule=rule), frames=FRAMES, replications=16, seed=8
    )
    law, errors = result.interval_law, result.standard_errors["interval_law"]
    expected = np.concatenate([np.zeros(pause), EXPONENTIAL.frame_pmf(1.0)])
    assert law.sum() == pytest.approx(1)
    for frames in range(1, 15):
        assert_near(law[frames], errors[frames], expected[frames], name=frames)
    assert law[: 1 + pause].max() == 0
    assert law @ np.arange(len(law)) == pytest.approx(result.action_interval["mean"])
    p99 = int(result.action_interval["p99"])
    assert law[:p99].sum() < 0.99 <= law[: p99 + 1].sum()


def test_the_law_of_the_intervals_of_the_unlimited_pool():
    """D = 1 or 2, each half of the time: frame k has an action if D_(k-1) = 1 or D_(k-2) = 2, so phi = 1/4.

    Frames k and k + 1 both have one if D_(k-1) = 1 and D_k = 1, or D_(k-1) = 2 and D_(k-2) = 2: half of the time.
    """
    short = parse_law("uniform(0.5, 1)")
    result = simulate(
        Scenario(short, frame_time=1.0, mode_probability=0.9, workers=math.inf, rule="frame-pool"),
        frames=FRAMES,
        replications=16,
        seed=9,
    )
    phi, expected = 1 / 4, 1 / 2 / (3 / 4)
    assert_near(result.inaction_fraction, result.standard_errors["inaction_fraction"], phi)
    assert_near(result.interval_law[1], result.standard_errors["interval_law"][1], expected)


@pytest.mark.parametrize("hold", [1, 3, 5, 12])
def test_a_held_pool(hold):
    """phi = (1-F_h) prod_{j>h}(1-f_j); S = F_h p^h + sum_{j>h} f_j p^j (1-F_h) prod_{h<i<j}(1-f_i)."""
    f = GAMMA.frame_pmf(1.0)
    held = np.concatenate([np.zeros(min(hold, len(f) - 1)), [f[: hold + 1].sum()], f[hold + 1 :]])
    before = np.concatenate([[1.0], np.cumprod(1 - held)[:-1]])
    served = held * before
    result = simulate(
        Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=math.inf, rule="frame-hold", hold=hold),
        frames=FRAMES,
        seed=1,
    )
    assert_near(result.inaction_fraction, result.standard_errors["inaction_fraction"], np.prod(1 - held))
    value = served @ 0.9 ** np.arange(len(served))
    assert_near(result.service_value, result.standard_errors["service_value"], value)
    assert_near(result.regret.total, result.standard_errors["regret_per_frame"]["total"], 1 - value)
    if hold == 5:
        assert value == pytest.approx(0.521644380983, abs=1e-9)


@pytest.mark.parametrize(("workers", "expected"), [(math.inf, 5), (5, 5)])
def test_the_hold_is_chosen_if_it_is_not_given(workers, expected):
    """The best among its neighbours, by the same random numbers."""
    asked = Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=workers, rule="frame-hold")
    play = {"frames": FRAMES, "seed": 3}
    chosen = simulate(asked, **play)
    assert dict(chosen)["delay_law"] == simulate(asked.replace(hold="auto"), **play)["delay_law"]
    assert np.flatnonzero(chosen.delay_law)[0] == expected
    for hold in (expected - 1, expected + 1):
        other = simulate(asked.replace(hold=hold), **play)
        assert chosen.regret.total < other.regret.total


@pytest.mark.parametrize(("law", "workers"), [(GAMMA, 3), (EXPONENTIAL, 5), (parse_law("uniform(0.2, 2)"), 2)])
def test_free_running_workers(law, workers):
    """phi = (1-q)^N, q = E min(T, frame) / E T."""
    times = np.linspace(0, 1, 20_001)
    q = np.trapezoid(law.survival(times), times) / law.mean()
    result = simulate(
        Scenario(law, frame_time=1.0, mode_probability=0.9, workers=workers, rule="free-running"), frames=FRAMES, seed=2
    )
    assert_near(result.inaction_fraction, result.standard_errors["inaction_fraction"], (1 - q) ** workers)


def test_free_running_workers_of_constant_time_never_mix():
    """Constant time: phases stay for ever, so the error must come from the replications and not from their batches."""
    result = simulate(
        Scenario("3.2", frame_time=1.0, mode_probability=0.9, workers=2, rule="free-running"),
        frames=5000,
        replications=200,
        seed=3,
    )
    assert result.standard_errors["inaction_fraction"] > 1e-3
    assert_near(result.inaction_fraction, result.standard_errors["inaction_fraction"], (1 - 1 / 3.2) ** 2, scale=40)


@pytest.mark.parametrize("alignment", ["uniform", "frame"])
def test_expected_time_with_a_constant_time(alignment):
    result = simulate(
        Scenario("6", frame_time=1.0, mode_probability=0.9, workers=3, rule="expected-time", alignment=alignment),
        frames=FRAMES,
        seed=4,
    )
    assert result.inaction_fraction == pytest.approx(0.5, abs=1e-4)
    assert result.action_interval["std"] == pytest.approx(0.0, abs=0.02)
    assert result.inferences_per_frame == pytest.approx(0.5, abs=1e-4)


def test_expected_time_lies_between_free_running_and_max_time_in_variance():
    spread = {
        rule: simulate(
            Scenario("uniform(5.5, 1)", frame_time=1.0, mode_probability=0.9, workers=3, rule=rule),
            frames=100_000,
            seed=5,
        ).action_interval["std"]
        for rule in ("free-running", "expected-time", "max-time")
    }
    assert spread["max-time"] < spread["expected-time"] < spread["free-running"]


@pytest.mark.parametrize("symbols", [None, 4])
def test_a_repeated_action_costs_what_theory_says(symbols):
    """Held I frames on fresh states: 1 - p^d (1-p^I) / (I (1-p)); on the ring with lambda in the right places."""
    p, delay = 0.9, 3
    result = simulate(
        Scenario(
            "2.5", frame_time=1.0, mode_probability=p, rule="sequential", symbols=symbols, default_behaviour="repeat"
        ),
        frames=FRAMES,
        seed=6,
    )
    share, rate = (0.0, p) if symbols is None else (1 / symbols, (symbols * p - 1) / (symbols - 1))
    expected = 1 - share - (1 - share) * rate**delay * (1 - rate**delay) / (delay * (1 - rate))
    assert_near(result.regret.total, result.standard_errors["regret_per_frame"]["total"], expected)


@pytest.mark.parametrize("law", [EXPONENTIAL, GAMMA, THREE_FRAMES])
@pytest.mark.parametrize("symbols", [None, 3])
def test_a_repeated_action_under_random_times(law, symbols):
    result = simulate(
        Scenario(
            law,
            frame_time=1.0,
            mode_probability=0.8,
            rule="sequential",
            symbols=symbols,
            default_behaviour="repeat",
            gap_delay=0.6,
        ),
        frames=FRAMES,
    )
    expected = sticky_sequential_regret(law, 1.0, 0.8, symbols=symbols, gap_delay=0.6)
    assert_near(result.regret.total, result.standard_errors["regret_per_frame"]["total"], expected)


@pytest.mark.parametrize(("symbols", "actions", "expected"), [(None, 5, 0.8), (4, None, 0.75), (4, 10, 0.9)])
def test_random_default_actions_are_right_one_time_in_a(symbols, actions, expected):
    result = simulate(
        Scenario(
            GAMMA,
            frame_time=1.0,
            mode_probability=0.8,
            rule="sequential",
            symbols=symbols,
            default_behaviour="random",
            actions=actions,
            gap_delay=0.5,
            gap_default=9.0,
        ),
        frames=20_000,
    )
    assert result.regret.inaction == pytest.approx(0.5 * expected * result.inaction_fraction)


@pytest.mark.parametrize("symbols", [2, 4, 16])
def test_regret_on_the_ring(symbols):
    result = simulate(
        Scenario(
            EXPONENTIAL,
            frame_time=1.0,
            mode_probability=0.9,
            workers=4,
            symbols=symbols,
            gap_default=0.7,
            gap_delay=0.4,
            horizon=500.0,
            rule="frame-pool",
        ),
        frames=FRAMES,
    )
    theory_says = bound(
        Scenario(
            EXPONENTIAL,
            frame_time=1.0,
            mode_probability=0.9,
            workers=4,
            symbols=symbols,
            gap_default=0.7,
            gap_delay=0.4,
            horizon=500.0,
            rule="frame-pool",
        )
    )
    errors = result.standard_errors["regret_per_frame"]
    for part in ("inaction", "delay"):
        assert_near(getattr(result.regret, part), errors[part], getattr(theory_says.regret, part))
    assert result.over_horizon.total == pytest.approx(500 * result.regret.total)
    assert result["regret"]["total"] == result.over_horizon.total
    assert result.standard_errors["regret"]["total"] == pytest.approx(500 * errors["total"])
    assert_near(result.service_value, result.standard_errors["service_value"], theory_says.service_value)


def test_blocking_is_that_of_the_finite_pool():
    result = simulate(
        Scenario(EXPONENTIAL, frame_time=1.0, mode_probability=0.9, workers=4, rule="frame-pool"), frames=FRAMES
    )
    assert_near(result.blocking_fraction, result.standard_errors["blocking_fraction"], 0.0564788196268)
    result = simulate(
        Scenario(THREE_FRAMES, frame_time=1.0, mode_probability=0.9, workers=2, rule="frame-pool"), frames=FRAMES
    )
    assert_near(result.blocking_fraction, result.standard_errors["blocking_fraction"], 0.155844155844)
    assert_near(result.inferences_per_frame, result.standard_errors["inferences_per_frame"], 1 - 0.155844155844)


def test_ages_of_constant_times():
    """Evenly staggered: an action each x/N frames with delay ceil(v + x); one back to back: mean 1.5 x + 0.5 frames."""
    one = simulate(
        Scenario("2", frame_time=0.5, mode_probability=0.9, workers=1, rule="sequential"), frames=10_000, replications=1
    )
    # delay 4 frames, an action every 4: the age runs from 4 to 8 frames
    assert one.service.mean_age == pytest.approx(6 * 0.5)
    assert one.service.peak_age == pytest.approx(8 * 0.5)
    two = simulate(
        Scenario("4", frame_time=0.5, mode_probability=0.9, workers=2, rule="max-time", alignment="frame"),
        frames=10_000,
    )
    assert two.service.mean_age == pytest.approx(4 * (1 + 1 / 4))  # theta (1 + 1 / (2 N))
    assert two.out_of_order_fraction == 0.0


def test_scale_of_time_does_not_matter():
    seconds = simulate(
        Scenario("gamma(4, scale=0.013)", frame_time=0.01625, mode_probability=0.9, workers=3, rule="expected-time"),
        frames=50_000,
    )
    frames = simulate(
        Scenario("gamma(4, scale=0.8)", frame_time=1.0, mode_probability=0.9, workers=3, rule="expected-time"),
        frames=50_000,
    )
    assert seconds.inaction_fraction == pytest.approx(frames.inaction_fraction, abs=1e-4)
    assert seconds.interaction_time == pytest.approx(frames.interaction_time * 0.01625, rel=1e-3)


@pytest.mark.parametrize("rule", ["frame-pool", "expected-time"])
def test_the_figures_do_not_depend_on_the_number_of_cores(rule):
    def figures(cores):
        result = simulate(
            Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=3, rule=rule),
            frames=30_000,
            seed=11,
            replications=5,
            threads=cores,
        )
        return {name: value for name, value in result.to_json().items() if name != "frames_per_second"}

    assert figures(1) == figures(2) == figures(5)
    again = simulate(
        Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=3, rule=rule),
        frames=30_000,
        seed=12,
        replications=5,
    )
    assert again.inaction_fraction != figures(1)["inaction_fraction"]


def test_standard_errors_are_those_of_repeated_runs():
    """The spread of 60 independent runs against their stated errors: a chi-square ratio, |z| < 4."""
    runs = [
        simulate(
            Scenario(EXPONENTIAL, frame_time=1.0, mode_probability=0.9, workers=4, rule="frame-pool"),
            frames=20_000,
            replications=2,
            seed=seed,
        )
        for seed in range(60)
    ]
    for name in ("inaction_fraction", "service_value"):
        values = np.array([run[name] for run in runs])
        stated = np.array([run.standard_errors[name] for run in runs])
        ratio = values.var(ddof=1) / np.mean(stated**2)
        # stated errors take the larger of two estimates, so they are a little too large on average
        assert 0.75 - 4 * math.sqrt(2 / 59) < ratio < 1 + 4 * math.sqrt(2 / 59)


def test_the_result_is_a_mapping_with_the_keys_of_bound():
    result = simulate(
        Scenario(GAMMA, frame_time=0.5, mode_probability=0.9, workers=3, rule="frame-pool"), frames=10_000
    )
    theory_says = bound(Scenario(GAMMA, frame_time=0.5, mode_probability=0.9, workers=3, rule="frame-pool")).to_json()
    assert set(theory_says) - {"lower_bound", "above_lower_bound", "workers_for_quantile"} <= set(result)
    assert set(theory_says["regret_per_frame"]) == set(result["regret_per_frame"])
    assert json.loads(json.dumps(dict(result), allow_nan=False))["method"] == "simulation"
    assert result["standard_error"] == result.standard_errors["regret_per_frame"]["total"] > 0
    assert result["frames_per_second"] > 0
    assert len(result) == len(list(result))
    assert result.frames == 8 * (10_000 // 32) * 32


def test_so_many_workers_that_no_float_counts_them():
    result = simulate(
        Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=10**30, rule="frame-pool"),
        frames=1000,
        replications=2,
    )
    assert result.to_json()["workers"] == 10**30
    most = simulate(
        Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, symbols=2**30, rule="frame-pool"), frames=FRAMES, seed=2
    )
    few = simulate(
        Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, symbols=10**6, rule="frame-pool"), frames=FRAMES, seed=2
    )
    assert most.regret.delay == pytest.approx(few.regret.delay, abs=1e-4)


def test_one_frame_is_enough():
    result = simulate(
        Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, rule="sequential"), frames=1, warmup=0, replications=1
    )
    assert result.inaction_fraction == 1.0
    assert result.service.standard_error is None
    assert result.action_interval["mean"] is None
    json.dumps(dict(result), allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "magic"}, "unknown staggering rule"),
        ({"workers": 2, "rule": "sequential"}, "exactly 1 worker"),
        ({"workers": math.inf, "rule": "max-time"}, "finite number of workers"),
        ({"workers": 2.5}, "whole number"),
        ({"workers": 0}, "at least 1"),
        ({"mode_probability": 1.5}, r"in \[0, 1\]"),
        ({"symbols": 1}, "at least 2"),
        ({"hold": 3}, "has no hold"),
        ({"hold": "auto"}, "has no hold"),
        ({"rule": "frame-hold", "hold": -1}, "hold must be a whole number of frames, at least 1"),
        ({"alignment": "uniform"}, "alignment frame, not 'uniform'"),
        ({"frames": 0}, "frames must be at least 1"),
        ({"warmup": -1}, "warmup must be at least 0"),
        ({"seed": -1}, "non-negative"),
        ({"replications": 0}, "replications must be at least 1"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"gap_delay": -1.0}, "gap of a wrong action must be"),
        ({"horizon": 0.0}, "horizon must be"),
        ({"frame_time": 0.0}, r"frame time '0\.0' must be"),
        ({"default_behaviour": "sleep"}, "one of noop, repeat, random, not 'sleep'"),
        ({"maximum_time": -1.0, "rule": "max-time"}, "maximum time must be"),
        ({"frames": 10**9, "rule": "max-time"}, "at most 100000000 frames"),
        (
            {"inference_time": parse_law("1e300"), "rule": "max-time"},
            r"not 2e\+301 .*mean inference time is 1e\+300 frames",
        ),
        (
            {"inference_time": parse_law("1e-300"), "rule": "max-time"},
            r"start 1e\+300 inferences in each of .* at most 1e\+10",
        ),
        ({"frame_time": 1e12, "rule": "free-running"}, r"frames of 1e\+12 s: at most 1e\+10 in a replication"),
        ({"maximum_time": 1e9, "rule": "max-time"}, r"takes 1e\+09 frames to its effect: at most 4194304"),
        ({"symbols": 10**12}, "at most 1073741824 symbols are simulated, not 1000000000000"),
        ({"workers": 10**12, "rule": "free-running"}, r"at most 10000000 workers, not 1e\+12"),
    ],
)
def test_bad_input_is_named(changes, message):
    play = {name: changes[name] for name in ("frames", "warmup", "seed", "replications", "threads") if name in changes}
    asked = {name: value for name, value in changes.items() if name not in play}
    values = {"inference_time": GAMMA, "frame_time": 1.0, "mode_probability": 0.9, "rule": "frame-pool", **asked}
    with pytest.raises(InputError, match=message):
        simulate(Scenario(**values), **play)
