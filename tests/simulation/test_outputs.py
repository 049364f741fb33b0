"""What becomes of outputs in the simulator: frame by frame against plain Python, and check values."""

import math
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regretlab as rl
from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.laws.racing import fastest_of
from regretlab.mdp import gain_of_unknown_delay, parse_mdp
from regretlab.rules import get_rule, known_rules
from regretlab.rules.store import MOST_KEPT, NO_LIMIT, in_force
from regretlab.simulation.events.engine import EventEngine, Outputs
from regretlab.theory.ages import regret_at_ages, sequential_ages
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.cancelling import best_threshold
from regretlab.theory.delay import best_target
from regretlab.theory.loss import FrameLoss, MeasuredLoss
from tests.oracles.event_loop import run_rule
from tests.oracles.plain_outputs import served as plain_ages

CASES = [(rule.name, alignment) for rule in known_rules() for alignment in rule.alignments]
GAMMA, EXPON = "gamma(4, scale=0.8)", "expon(scale=2.5)"


def engine_ages(case, workers, times, frames, outputs, hold=0, cancel_after=math.inf, blocks=64):
    """Ages of the compiled engine, a block at a time."""
    supply = iter([np.asarray(times, dtype=float)])
    engine = EventEngine(
        get_rule(case[0]), workers, 1.0, lambda: next(supply, np.empty(0)), alignment=case[1], hold=hold,
        outputs=outputs, cancel_after=cancel_after,
    )  # fmt: skip
    parts = []
    for first in range(0, frames, blocks):
        count = min(blocks, frames - first)
        block = np.zeros(count, np.int32)
        assert engine.serve(first, count, block, np.empty(0, np.int64)) == count
        parts.append(block)
    return np.concatenate(parts), engine


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("outputs", "cancel_after"),
    [
        (Outputs(1), math.inf),
        (Outputs(3, limit=6), 4.0),
        (Outputs(MOST_KEPT), 2.5),
        (Outputs(MOST_KEPT, limit=7, oldest_first=True), math.inf),
        (Outputs(MOST_KEPT, limit=9, ranks=(3, 1, 5, 4, 2, 0)), math.inf),
        (Outputs(2, ranks=(2, 2, 1, 4, 0, 0, 3)), 6.0),
        (Outputs(0), 3.0),
    ],
)
def test_every_rule_uses_its_outputs_like_the_plain_loop(case, outputs, cancel_after):
    rng = np.random.default_rng(17)
    workers = 1 if get_rule(case[0]).single_worker else 5
    times = rng.gamma(4.0, 0.8, 6000)
    found, engine = engine_ages(case, workers, times, 700, outputs, 4, cancel_after)
    timeline = run_rule(
        case[0], workers, iter(times).__next__, 700, alignment=case[1], hold=4, cancel_after=cancel_after
    )
    limit = None if outputs.limit == NO_LIMIT or outputs.most == 0 else outputs.limit
    expected = plain_ages(
        timeline, 700, most=outputs.most, limit=limit, oldest_first=outputs.oldest_first, ranks=outputs.ranks
    )
    assert found.tolist() == expected
    assert engine.given_up == timeline.kept.count(False)


@settings(max_examples=60)
@given(
    st.sampled_from(CASES),
    st.integers(1, 6),
    st.lists(st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 3.75, 7.0]), min_size=400, max_size=400),
    st.integers(1, 3),
    st.integers(2, 12),
    st.booleans(),
    st.lists(st.integers(0, 3), max_size=8).map(tuple),
    st.sampled_from([1.0, 2.0, 100.0]),
)
def test_ties_between_outputs_are_broken_like_the_plain_loop(
    case, workers, times, most, limit, oldest, ranks, cancel_after
):
    oldest = oldest and not ranks
    workers = 1 if get_rule(case[0]).single_worker else workers
    found, _ = engine_ages(case, workers, times, 14, Outputs(most, limit, oldest, ranks), 2, cancel_after, blocks=5)
    timeline = run_rule(
        case[0], workers, iter(times).__next__, 14, alignment=case[1], hold=2, cancel_after=cancel_after
    )
    assert found.tolist() == plain_ages(timeline, 14, most=most, limit=limit, oldest_first=oldest, ranks=ranks)


@pytest.mark.parametrize("limit", [NO_LIMIT, 5])
@pytest.mark.parametrize("rule", ["free-running", "frame-pool"])
def test_lasting_outputs_are_those_of_the_plain_loop(rule, limit):
    times = np.random.default_rng(3).exponential(2.5, 4000)
    served, _ = engine_ages((rule, None), 4, times, 900, Outputs())
    timeline = run_rule(rule, 4, iter(times).__next__, 900)
    expected = plain_ages(timeline, 900, limit=None if limit == NO_LIMIT else limit, lasts=True)
    carry, found, fresher = np.zeros(2, np.int64), served.copy(), served.copy()
    for first in range(0, 900, 70):  # blocks carry the action in force on
        in_force(found[first : first + 70], min(70, 900 - first), carry, limit, False)
    assert found.tolist() == expected
    in_force(fresher, 900, np.zeros(2, np.int64), NO_LIMIT, True)
    ages = plain_ages(timeline, 900, lasts=True)
    new = [age if age > 0 and (k == 0 or ages[k - 1] == 0 or age <= ages[k - 1]) else 0 for k, age in enumerate(ages)]
    assert fresher.tolist() == new  # in the other frames the last action is repeated


def regret(frames=125_000, **fields):
    found = rl.simulate(rl.Scenario(**({"frame_time": 1} | fields)), frames=frames, seed=4)
    return found.regret.total, found.standard_errors["regret_per_frame"]["total"]


# simulated by another program over 10^6 frames, so with an error like ours
CHECK_VALUES = [
    (GAMMA, 0.9, 4, "drop", 0.4721), (GAMMA, 0.9, 4, "keep:1", 0.3751), (GAMMA, 0.9, 4, "keep", 0.3585),
    (GAMMA, 0.97, 4, "drop", 0.3096), (GAMMA, 0.97, 4, "keep:1", 0.1598), (GAMMA, 0.97, 4, "keep", 0.1252),
    (GAMMA, 0.9, 24, "drop", 0.2187), (GAMMA, 0.9, 24, "keep:1", 0.2173), (GAMMA, 0.9, 24, "keep", 0.2173),
    (EXPON, 0.97, 4, "drop", 0.2647), (EXPON, 0.97, 4, "keep:1", 0.1403), (EXPON, 0.97, 4, "keep", 0.0946),
    ("lognorm(1, scale=3)", 0.97, 8, "drop", 0.2749), ("lognorm(1, scale=3)", 0.97, 8, "keep:1", 0.1633),
    ("lognorm(1, scale=3)", 0.97, 8, "keep", 0.1248),
]  # fmt: skip


@pytest.mark.parametrize(("law", "p", "workers", "unused", "expected"), CHECK_VALUES)
def test_check_values_of_kept_outputs(law, p, workers, unused, expected):
    value, error = regret(inference_time=law, mode_probability=p, workers=workers, unused=unused)
    assert abs(value - expected) < 4.5 * math.hypot(error, error) + 5e-5


def test_the_oldest_useful_output_first_serves_more_frames_before_a_deadline():
    """Deadline of 6 frames, gamma times, three workers (another program): .738 freshest first, .833 oldest first."""
    deadline = MeasuredLoss((0, 7), (0.0, 1.0), 1.0)
    oldest, error = regret(inference_time=GAMMA, loss=deadline, workers=3, unused="keep", age_limit="auto")
    assert abs(1 - oldest - 0.833) < 4.5 * error + 5e-4
    times = np.random.default_rng(5).gamma(4.0, 0.8, 40_000)
    shares = []
    for order in (False, True):
        ages, _ = engine_ages(("free-running", None), 3, times, 30_000, Outputs(MOST_KEPT, 7, order), blocks=30_000)
        shares.append((ages > 0).mean())
    assert shares[0] == pytest.approx(0.738, abs=0.02)
    assert shares[1] == pytest.approx(0.833, abs=0.02)


@pytest.mark.parametrize("shape", ["witness with noise", "shoulder"])
def test_keeping_outputs_helps_for_measured_curves_too(shape):
    """Neither convex nor a deadline: with the oldest first, keeping would lose more than dropping."""
    ages = np.arange(60)
    curve = 1.0 - 0.97**ages + np.where(ages % 2 == 1, 0.003, 0.0)
    if shape == "shoulder":
        curve = 1.0 / (1.0 + np.exp(-(ages - 10.0)))
    loss = MeasuredLoss(tuple(map(int, ages)), tuple(map(float, np.clip(curve, 0.0, 1.0))), 1.0)
    found = {
        unused: regret(inference_time=GAMMA, loss=loss, workers=4, unused=unused)[0] for unused in ("keep", "drop")
    }
    assert found["keep"] < 0.6 * found["drop"]


@pytest.mark.parametrize("symbols", [3, 4])
def test_a_moving_mode_pays_only_the_delay_that_was_expected(symbols):
    """Unlimited pool, delays 1, 2, 3: against the decision problem of an action chosen before its delay is known."""
    law = law_from_samples([1.0] * 2 + [2.0] * 5 + [3.0] * 3)
    asked = {"inference_time": law, "workers": "inf", "rule": "frame-pool", "mode_probability": 0.8, "symbols": symbols}
    service = rl.bound(rl.Scenario(frame_time=1, **asked)).service
    acted = 1 - service.inaction_fraction
    ring = parse_mdp(f"ring(p=0.8, symbols={symbols}, mode=rotating)").mdp
    gain = gain_of_unknown_delay(ring, service.delay_law / acted)
    value, error = regret(mode="moves", gap_default=2.0, **asked)
    assert abs(value - 2.0 * service.inaction_fraction - acted * (1 - gain)) < 4.5 * error
    target, right = best_target(service.delay_law, 0.8, symbols)
    assert service.delay_law @ right == pytest.approx(acted * gain, abs=1e-12)
    assert target == 2
    chunked, error = regret(mode="moves", chunk=3, **asked)  # a chunk has an action for each age
    staying, other = regret(chunk=3, **asked)
    assert abs(chunked - staying) < 4.5 * math.hypot(error, other)


@pytest.mark.parametrize("symbols", [None, 3])
def test_a_repeated_action_is_right_again_only_after_a_turn_of_the_mode(symbols):
    """One worker, two frames: ages 2, 3, 2, 3; actions for age 2 (or 3) are wrong at the other, but for jumps."""
    p = 0.9
    asked = {"inference_time": 2, "rule": "sequential", "mode_probability": p, "symbols": symbols}
    value, error = regret(mode="moves", default_behaviour="repeat", **asked)
    rate = p if symbols is None else (symbols * p - 1) / (symbols - 1)
    other = 0.0 if symbols is None else 1 / symbols
    expected = 1 - 0.5 * (other + (1 - other) * rate**2) - 0.5 * (other - other * rate**3)
    assert abs(value - expected) < 4.5 * error


def test_an_agent_takes_the_default_action_where_it_cannot_know_the_delay():
    value, _ = regret(
        20_000, inference_time="uniform(0, 9)", rule="frame-pool", workers=9, mode_probability=0.6, mode="moves",
        gap_default=0.5,
    )  # fmt: skip
    assert value == pytest.approx(0.5)


@pytest.mark.parametrize("replicas", [2, 3])
@pytest.mark.parametrize("text", [GAMMA, EXPON, "lognorm(1, scale=3)", "2.5", "samples"])
def test_the_fastest_of_several(text, replicas):
    law = law_from_samples([1.0, 2.0, 2.0, 5.0]) if text == "samples" else parse_law(text)
    fastest = fastest_of(law, replicas)
    times = np.linspace(0.1, 12, 40)
    assert fastest.survival(times) == pytest.approx(law.survival(times) ** replicas, abs=1e-12)
    drawn = law.sample(np.random.default_rng(2), (replicas, 40_000)).min(axis=0)
    assert fastest.mean() == pytest.approx(drawn.mean(), abs=5 * drawn.std() / 200 + 1e-12)
    own = fastest.sample(np.random.default_rng(3), 40_000)
    assert own.mean() == pytest.approx(fastest.mean(), abs=5 * drawn.std() / 200 + 1e-12)


def test_the_fastest_of_many_samples_is_their_quantiles_and_quick():
    """A plan of races asks for it hundreds of times."""
    law = law_from_samples(np.random.default_rng(4).gamma(2, size=200))
    begun = time.process_time()
    for _ in range(10):
        fastest = fastest_of(law, 3)
    assert time.process_time() - begun < 1  # one quantile at a time, ten took 4 s and more
    for share in (0.001, 0.2, 0.5, 0.9, 0.999):
        assert fastest.quantile(share) == pytest.approx(law.quantile(1 - (1 - share) ** (1 / 3)), rel=0.02)


def test_racing_is_fewer_workers_with_the_fastest_time():
    raced, error = regret(inference_time="expon(scale=5)", mode_probability=0.9, workers=6, replicas=2)
    single, other = regret(inference_time=EXPON, mode_probability=0.9, workers=3)
    assert abs(raced - single) < 4.5 * math.hypot(error, other)


def test_a_threshold_that_is_chosen_is_the_best_of_the_lower_bound():
    law = law_from_samples([1.0, 5.0])
    assert best_threshold(law, 1.0, FrameLoss(0.9)) == 1.0
    auto, _ = regret(inference_time=law, mode_probability=0.9, cancel_after="auto", rule="frame-pool")
    assert auto == pytest.approx(0.55, abs=0.005)  # S = .45 exactly
    assert best_threshold(parse_law("3.2"), 1.0, FrameLoss(0.9), workers=4) == math.inf
    chosen = best_threshold(parse_law("lognorm(1, scale=3)"), 1.0, FrameLoss(0.97), workers=4)
    bounds = {
        after: rl.lower_bound(
            rl.Scenario("lognorm(1, scale=3)", frame_time=1, mode_probability=0.97, workers=4, cancel_after=after),
            sharper=False,
        ).regret_per_frame
        for after in range(1, 12)
    }
    assert chosen == min(bounds, key=bounds.__getitem__)


@pytest.mark.parametrize("text", ["lognorm(1, scale=3)", "gamma(0.95, scale=25)", "lomax(1.5, scale=3)", "3.2"])
@pytest.mark.parametrize("loss", [FrameLoss(0.97), FrameLoss(0.9, gap_default=0.4), FrameLoss(0.8, 3)])
def test_the_best_threshold_has_the_least_bound_of_all(text, loss):
    law = parse_law(text)
    chosen = best_threshold(law, 1.0, loss, workers=4)

    def bound(after):
        return lower_bound_of_law(law, 1.0, loss, workers=4, cancel_after=after).regret_per_frame

    never = bound(None)
    each = {float(after): bound(float(after)) for after in range(1, 64)}
    if chosen == math.inf:
        assert min(each.values()) >= never - 1e-9
    else:
        assert bound(chosen) < never
        assert bound(chosen) <= min(each.values()) + 1e-12


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"chunk": 3, "unused": "keep"}, "unused outputs are kept where an output serves one frame"),
        ({"default_behaviour": "repeat", "age_limit": 4}, "a repeated action has no age limit"),
        ({"default_behaviour": "random"}, "the random default behaviour needs the number of actions"),
        ({"workers": 5, "replicas": 2}, "workers must be a multiple of 2 replicas, not 5"),
        ({"mode_probability": None}, "simulate needs mode probability, and none is given"),
        ({"mode_probability": None, "loss": 0.5}, "the loss of a simulate must be a loss curve"),
    ],
)
def test_what_does_not_go_together_is_refused(fields, said):
    with pytest.raises(InputError, match=said):
        rl.simulate(rl.Scenario(**({"inference_time": GAMMA, "frame_time": 1, "mode_probability": 0.9} | fields)))


def test_chunks_of_one_sequential_worker():
    """One worker with chunks loses .4185 where single actions leave .7981 (free-running) or .8144 (sequential)."""
    asked = rl.Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.9, rule="sequential", chunk="inf")
    expected = rl.bound(asked)
    assert expected.regret.total == pytest.approx(0.418477, abs=1e-6)
    assert expected.regret.total == pytest.approx(
        regret_at_ages(sequential_ages(asked.inference_time, 1.0), FrameLoss(0.9))
    )
    found = rl.simulate(asked, frames=100_000, seed=1)
    assert abs(found.regret.total - expected.regret.total) < 4.5 * found.regret.standard_errors["total"]
    alone = rl.bound(asked.replace(chunk=None)).regret.total
    assert alone == pytest.approx(0.814389, abs=1e-6)
    assert rl.bound(asked.replace(chunk=None, rule="free-running")).regret.total == pytest.approx(0.798123, abs=1e-6)


@pytest.mark.parametrize("options", [{"inference_time": GAMMA, "workers": 3}, {"batch_law": "2.5, 0.25", "workers": 8}])
def test_keeping_helps_also_before_a_deadline(options):
    """The oldest output that is of use acts first: one past the deadline never takes a frame."""
    late = 6 if "batch_law" in options else 7
    asked = rl.Scenario(frame_time=1, loss=MeasuredLoss((0, late), (0.0, 1.0), 1.0), **options)
    kept, dropped = rl.bound(asked.replace(unused="keep")), rl.bound(asked)
    assert kept.method == "simulation"
    assert kept.regret.total < dropped.regret.total - 0.01
    assert kept.regret.total >= kept.lower_bound.regret_per_frame - 4.5 * kept.standard_error
    if "batch_law" in options:  # a batch of ages 4, 5, 6, 7 a cycle of four frames: two are in time
        assert (dropped.regret.total, kept.regret.total) == (0.75, pytest.approx(0.5, abs=1e-3))
    else:  # .833 of the frames in time, oldest useful first (.738 freshest first)
        assert kept.regret.total == pytest.approx(1.0 - 0.833, abs=0.005)


@pytest.mark.parametrize(
    ("law", "fields", "cancels"),
    [
        (GAMMA, {"unused": "keep"}, False),  # the bound is least at 4 frames, and the rule loses a third more there
        (GAMMA, {}, False),
        (GAMMA, {"default_behaviour": "repeat"}, True),  # at 3 frames, 2 by the bound
        ("lognorm(1, scale=3)", {"unused": "keep"}, True),
    ],
)
def test_the_threshold_of_a_rule_is_that_of_its_own_regret(law, fields, cancels):
    asked = {"inference_time": law, "mode_probability": 0.97, "workers": 4, **fields}
    (auto, error), (never, other) = regret(**asked, cancel_after="auto"), regret(**asked)
    if not cancels:
        assert auto == never
        return
    assert auto + 3 * math.hypot(error, other) < never
    for after in (1, 2, 3, 4, 5, 6, 9):
        fixed, own = regret(**asked, cancel_after=after)
        assert auto <= fixed + 4.5 * math.hypot(error, own) + 1e-3, after


def test_a_learned_threshold_that_costs_the_rule_is_named_with_both_figures():
    asked = rl.Scenario(GAMMA, frame_time=1, mode_probability=0.97, workers=4, unused="keep", cancel_after="learned")
    said = [note for note in rl.simulate(asked, frames=20_000, replications=1).assumptions if "learned" in note]
    (found,) = re.findall(r"loses about (\S+) per frame with it and (\S+) without", " ".join(said))
    assert float(found[0]) == pytest.approx(0.1595, abs=0.004)
    assert float(found[1]) == pytest.approx(0.1252, abs=0.004)
    heavy = rl.simulate(asked.replace(inference_time="lognorm(1, scale=3)"), frames=20_000, replications=1)
    assert not any("loses about" in note for note in heavy.assumptions)
