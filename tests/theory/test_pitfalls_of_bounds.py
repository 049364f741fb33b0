"""Where a naive formula fails: each test computes the naive number and the right one, and a second method for it."""

import math

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.mdp import parse_mdp, solve_average_reward, solve_delayed, solve_sequential
from regretlab.results import ServiceLaw
from regretlab.scenario import Scenario
from regretlab.theory.delay import delay_regret
from regretlab.theory.learning import LearningPart
from regretlab.theory.loss import FrameLoss
from regretlab.theory.realtime import bound

GAMMA, EXPONENTIAL = parse_law("gamma(4, scale=0.8)"), parse_law("expon(scale=2.5)")


def every_frame(law, p, symbols=None):
    """Return the delay part if each frame is served by an inference of its own."""
    loss = FrameLoss(p, symbols)
    return loss.stake * (1 - law.moment(loss.decay, 1.0).value)


def test_check_values_of_the_moments():
    """Figures on which two independent methods agreed."""
    assert every_frame(EXPONENTIAL, 0.9) == pytest.approx(0.25207205843, abs=1e-11)
    assert every_frame(EXPONENTIAL, 0.9, symbols=4) == pytest.approx(0.238631613724, abs=1e-12)
    assert every_frame(GAMMA, 0.9) == pytest.approx(0.313302853935, abs=1e-12)


def test_the_power_of_the_mean_is_not_the_mean_of_the_power():
    """p^{E D} for E p^D over-states the regret (Jensen): here by enumeration, W1 with P(D = 1, 6) = 1/2."""
    law, p = law_from_samples([0.5, 5.5]), 0.8
    naive = 1 - p ** law.mean_delay_frames(1.0)
    right = every_frame(law, p)
    assert right == pytest.approx(1 - (0.8 + 0.8**6) / 2)
    assert naive > right + 0.07


def test_a_random_served_delay_averages_over_the_applied_actions():
    """The law of all inferences is the wrong one in a pool; the right one by playing it (|z| < 4)."""
    p, frames = 0.9, 200_000
    report = bound(Scenario(GAMMA, frame_time=1.0, mode_probability=p, workers=math.inf, rule="frame-pool"))
    phi = report.inaction_fraction
    naive = phi + (1 - phi) * every_frame(GAMMA, p)
    random = np.random.default_rng(12)
    effect = np.arange(frames) + np.ceil(GAMMA.sample(random, frames)).astype(int)
    newest = np.full(frames + 500, -1)
    np.maximum.at(newest, np.minimum(effect, frames + 499), np.arange(frames))
    served = newest[100:frames]
    loss = np.where(served < 0, 1.0, 1 - p ** (np.arange(100, frames) - served))
    blocks = loss[: len(loss) // 500 * 500].reshape(-1, 500).mean(axis=1)
    error = blocks.std() / math.sqrt(len(blocks))
    assert abs(blocks.mean() - report.regret.total) < 4 * error
    assert naive - report.regret.total > 20 * error


def test_strict_sequential_leaves_half_of_the_frames_however_fast():
    """T far below a frame: naive phi = 1 - tau_M/T < 0 or 0; the published baseline has 1/2."""
    fast = bound(Scenario("0.01", frame_time=1.0, mode_probability=0.9, rule="sequential-strict"))
    assert fast.inaction_fraction == 0.5
    overlapped = bound(Scenario("0.01", frame_time=1.0, mode_probability=0.9, rule="sequential"))
    assert overlapped.inaction_fraction == 0.0
    assert fast.regret.total == pytest.approx(0.5 + 0.5 * 0.1)


@pytest.mark.parametrize(
    ("rule", "strict", "value"), [("sequential", False, 0.819), ("sequential-strict", True, 0.83925)]
)
def test_the_parts_are_weighted_as_dynamic_programming_says(rule, strict, value):
    """phi g + Delta (1 - p^D) without the weight 1 - phi exceeds what the solved process loses."""
    process = parse_mdp("shift-register(p=0.7, n=3, noop_gap=0.9)")
    solved = solve_average_reward(process.mdp).gain - solve_sequential(process, 3, strict=strict).gain
    report = bound(Scenario("3", frame_time=1.0, mode_probability=0.7, rule=rule, gap_default=0.9))
    assert report.regret.total == pytest.approx(value, abs=1e-12)
    assert solved == pytest.approx(value, abs=1e-9)
    naive = report.regret.inaction + (1 - 0.7**3)
    assert naive > value + 0.3


def test_learning_and_delay_share_one_reward():
    """Adding both in full counts an action's reward twice; the solved product witness pays them by weight."""
    p, delay, weight = 0.8, 2, 0.25
    product = parse_mdp(f"product(p={p}, n=2, symbols=2, arms=3, weight={1 - weight})").mdp
    solved = solve_average_reward(product).gain - solve_delayed(product, delay).gain
    report = bound(
        Scenario(
            "2",
            frame_time=1.0,
            mode_probability=p,
            workers=2,
            rule="max-time",
            alignment="frame",
            actions=3,
            horizon=900.0,
        ),
        learning=LearningPart(learning_bound="gaussian-bandit", learning_weight=weight),
    )
    assert report.regret.delay == pytest.approx(solved, abs=1e-9) == pytest.approx((1 - weight) * (1 - p**2))
    full = 1 - p**2 + report.regret.learning / weight
    assert report.regret.total < full


def test_the_same_optimal_action_everywhere_loses_nothing():
    """1 - p^d is a worst case, not a lower bound for each MDP: a blind agent can be optimal with p < 1."""
    from regretlab.mdp import FiniteMDP
    from regretlab.theory.two_sided import two_sided_delay_regret

    P = np.full((2, 2, 2), 0.5)
    mdp = FiniteMDP(P, np.array([[1.0, 0.0], [1.0, 0.0]]))
    regret = solve_average_reward(mdp).gain - solve_delayed(mdp, 3).gain
    assert regret == pytest.approx(0.0, abs=1e-9)
    bounds = two_sided_delay_regret(3, gap_max=1.0, gap_min=1.0, kappa=0.5, best_guess=1.0, p=0.5)
    assert bounds.lower == 0.0 <= regret + 1e-9
    assert bounds.worst_case == 0.875


def test_a_mode_less_likely_than_one_in_its_successors_does_not_exist():
    with pytest.raises(InputError, match=r"mode probability must lie in \[1/4, 1\] for 4 symbols, not 0\.2"):
        bound(Scenario(EXPONENTIAL, frame_time=1.0, mode_probability=0.2, symbols=4, rule="frame-pool"))
    assert (
        bound(Scenario(EXPONENTIAL, frame_time=1.0, mode_probability=0.25, symbols=4, rule="sequential")).service_value
        == 0.0
    )


def test_dependence_of_inference_time_on_the_state_is_ruled_out_in_words():
    """Times correlated with the state break phi * gap: here the slow inferences fall where acting matters."""
    report = bound(Scenario(EXPONENTIAL, frame_time=1.0, mode_probability=0.9, rule="sequential"))
    assert any("independent of each other and of the path" in text for text in report.assumptions)
    # two states, half of the time each; only the one that pays is slow (D = 3, one overlapped worker)
    slow, fast = 1 - 1 / 3, 0.0
    gap_where_slow, gap_where_fast = 1.0, 0.0
    true_inaction = 0.5 * slow * gap_where_slow + 0.5 * fast * gap_where_fast
    naive = (0.5 * slow + 0.5 * fast) * (0.5 * gap_where_slow + 0.5 * gap_where_fast)
    assert true_inaction == 2 * naive


def test_delay_of_nobody_is_no_delay():
    service = ServiceLaw("x", 1, 1.0, 1.0, np.array([0.0]), "exact")
    assert delay_regret(service, 0.5) == 0.0
