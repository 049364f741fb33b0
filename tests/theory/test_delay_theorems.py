"""The delay and inaction theorems against exact dynamic programming, enumeration and matrix powers."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.mdp import FiniteMDP, gap_range, kappa, p_minimax, parse_mdp, solve_average_reward, solve_delayed
from regretlab.results import ServiceLaw
from regretlab.theory.checks import check_rewards
from regretlab.theory.delay import (
    delay_regret,
    mode_probability_after,
    poisson_mode_probability,
    regret_of_delay,
    saturated_regret_of_delay,
    value_of_unknown_delay,
)
from regretlab.theory.inaction import inaction_bounds
from regretlab.theory.sticky import sticky_regret, sticky_sequential_regret
from regretlab.theory.two_sided import two_sided_delay_regret
from tests.oracles.identity import gap_table, split_regret


def ring_matrix(p, symbols):
    return np.full((symbols, symbols), (1 - p) / (symbols - 1)) + np.eye(symbols) * (p - (1 - p) / (symbols - 1))


@pytest.mark.parametrize(("p", "symbols"), [(0.9, 4), (0.7, 3), (0.5, 2), (0.25, 4)])
def test_the_ring_forgets_like_its_matrix_powers(p, symbols):
    power = np.eye(symbols)
    for delay in range(12):
        assert mode_probability_after(p, delay, symbols=symbols) == pytest.approx(power[0].max(), abs=1e-13)
        power = power @ ring_matrix(p, symbols)


@pytest.mark.parametrize(
    ("text", "delay", "value"), [("shift-register(p=0.8, n=3)", 3, 0.488), ("ring(p=0.7, symbols=3)", 2, 0.465)]
)
def test_witnesses_attain_the_delay_bound(text, delay, value):
    """Second method: the optimal gain of the augmented delayed MDP, solved exactly."""
    mdp = parse_mdp(text).mdp
    regret = solve_average_reward(mdp).gain - solve_delayed(mdp, delay).gain
    symbols = 3 if text.startswith("ring") else None
    assert regret == pytest.approx(value, abs=1e-9)
    assert regret_of_delay(p_minimax(mdp), delay, symbols=symbols) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("text", ["trap(p=0.9, length=3)", "lazy-walk(states=21)", "ring(p=0.8, symbols=4)"])
@pytest.mark.parametrize("delay", [1, 2, 3])
def test_both_sides_of_theorem_d_hold_on_solved_mdps(text, delay):
    mdp = parse_mdp(text).mdp
    solution = solve_average_reward(mdp)
    largest, least = gap_range(solution)
    bounds = two_sided_delay_regret(
        delay,
        gap_max=largest,
        gap_min=least,
        kappa=kappa(mdp, delay),
        best_guess=kappa(mdp, delay) if text.startswith("ring") else 1.0,  # the action must name the symbol
        p=p_minimax(mdp),
    )
    regret = solution.gain - solve_delayed(mdp, delay).gain
    assert bounds.lower - 1e-9 <= regret <= bounds.upper + 1e-9
    assert bounds.upper <= bounds.worst_case + 1e-9


def test_gaps_larger_than_one_are_not_capped():
    """Pitfall: in the trap 1 - p^d < .307692 = the true regret, since gaps hold the bias."""
    naive = 1 - 0.9**2
    mdp = parse_mdp("trap(p=0.9, length=3)").mdp
    regret = solve_average_reward(mdp).gain - solve_delayed(mdp, 2).gain
    assert regret == pytest.approx(0.307692307692, abs=1e-9)
    assert regret > naive
    largest, _ = gap_range(solve_average_reward(mdp))
    assert two_sided_delay_regret(2, gap_max=largest, kappa=0.81, p=0.9).worst_case >= regret


def test_saturation_of_few_actions():
    """Pitfall: with A actions a blind agent is right once in A times; 1 - p^d over-states from there on."""
    assert saturated_regret_of_delay(0.9, 40, 4) == 0.75 < regret_of_delay(0.9, 40)
    for delay in range(1, 8):
        enough = math.ceil(0.9**-delay)
        assert saturated_regret_of_delay(0.9, delay, enough) == regret_of_delay(0.9, delay)
        if enough > 2:
            assert saturated_regret_of_delay(0.9, delay, enough - 1) < regret_of_delay(0.9, delay)


def test_theorem_d_refuses_figures_no_mdp_has():
    with pytest.raises(InputError, match=r"kappa_2 is at least p\^2 = 0.81 in every MDP, and 0.5 is less"):
        two_sided_delay_regret(2, gap_max=1.0, kappa=0.5, p=0.9)
    with pytest.raises(InputError, match=r"least second gap cannot exceed the largest gap 1\.0, and it is 2"):
        two_sided_delay_regret(2, gap_max=1.0, gap_min=2.0, kappa=0.9)
    with pytest.raises(InputError, match=r"delay must be a whole number of at least 0, not 1\.5"):
        two_sided_delay_regret(1.5, gap_max=1.0, kappa=0.9)
    with pytest.raises(InputError, match=r"the best guess K_d must lie in \[0, 1\], not 1.1"):
        two_sided_delay_regret(1, gap_max=1.0, kappa=0.9, best_guess=1.1)
    assert two_sided_delay_regret(2, gap_max=1.0, kappa=0.81).worst_case is None


def test_unknown_delay_pays_one_guess():
    """Pitfall: a moving mode pays max_j f_j p^j to an agent that must name one delay, not E p^D."""
    law = law_from_samples([0.5] * 2 + [1.5] * 5 + [2.5] * 3)
    pmf, p = [0.0, 0.2, 0.5, 0.3], 0.9
    guesses = [sum(pmf[j] * p**j for j in range(4) if j == aimed) for aimed in range(4)]  # enumeration
    assert value_of_unknown_delay(law, 1.0, p) == pytest.approx(max(guesses)) == pytest.approx(0.405)
    assert value_of_unknown_delay(law, 1.0, p) < law.moment(p, 1.0).value


def test_p_belongs_to_a_frame_time():
    """Pitfall: p measured at 60 Hz is not the p of the same world at 30 Hz."""
    fast, slow = poisson_mode_probability(6.0, 1 / 60), poisson_mode_probability(6.0, 1 / 30)
    assert slow == pytest.approx(fast**2)
    assert abs(slow - fast) > 0.08
    # a constant inference time of k frames then costs the same at every frame rate
    assert regret_of_delay(fast, 6) == pytest.approx(regret_of_delay(slow, 3))


def test_inaction_bounds_are_attained_by_a_constant_gap():
    bounds = inaction_bounds(0.25, [0.4, 0.4, 0.4], 100)
    assert bounds.attained
    assert bounds.lower == pytest.approx(10.0)
    assert not inaction_bounds(0.25, [0.1, 0.4]).attained
    with pytest.raises(InputError, match=r"one number a state, not an array of \(0,\)"):
        inaction_bounds(0.25, [])
    with pytest.raises(InputError, match=r"the inaction fraction must lie in \[0, 1\], not 1.25"):
        inaction_bounds(1.25, [0.1])


def sticky_chain_regret(p, delay, held, symbols):
    """Second method: average the matrix power over the held frames."""
    matrix = ring_matrix(p, symbols)
    right = [np.linalg.matrix_power(matrix, delay + i)[0, 0] for i in range(held)]
    return 1 - np.mean(right)


@given(st.floats(0.4, 1.0), st.integers(0, 6), st.integers(1, 9))
def test_sticky_ring_against_matrix_powers(p, delay, held):
    assert sticky_regret(p, delay, held, symbols=3) == pytest.approx(sticky_chain_regret(p, delay, held, 3), abs=1e-11)


@given(st.floats(0.0, 1.0), st.integers(0, 6), st.integers(1, 9))
def test_sticky_shift_register_against_the_sum(p, delay, held):
    expected = 1 - np.mean([p ** (delay + i) for i in range(held)])
    assert sticky_regret(p, delay, held) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("symbols", [None, 4])
def test_sticky_sequential_against_a_played_chain(symbols):
    """Second method: draw delays, age the action frame by frame (|z| < 4 with the cycles independent)."""
    law, p, cycles = parse_law("gamma(4, scale=0.8)"), 0.9, 40_000
    random = np.random.default_rng(9)
    delays = np.ceil(law.sample(random, cycles + 1)).astype(int)
    w = p if symbols is None else (symbols * p - 1) / (symbols - 1)
    share = 1.0 if symbols is None else 1 - 1 / symbols
    lost = [share * (held - w**d * (1 - w**held) / (1 - w)) for d, held in itertools.pairwise(delays)]
    lost, frames = np.array(lost), delays[1:]
    expected = sticky_sequential_regret(law, 1.0, p, symbols=symbols)
    residual = lost - expected * frames  # mean 0; one-dependent, so the error is at most sqrt(3) wider
    assert abs(residual.mean()) < 4 * math.sqrt(3) * residual.std() / math.sqrt(cycles)


def test_sticky_degenerate_cases():
    assert sticky_sequential_regret(parse_law("3"), 1.0, 1.0) == 0.0
    assert sticky_sequential_regret(parse_law("3"), 1.0, 0.9) == pytest.approx(sticky_regret(0.9, 3, 3))
    assert sticky_regret(0.9, 3, 1) == pytest.approx(regret_of_delay(0.9, 3))
    with pytest.raises(InputError, match="held frames must be a whole number of at least 1, not 0"):
        sticky_regret(0.9, 3, 0)


def random_mdp(random, states=4, actions=3):
    return random.dirichlet(np.ones(states), size=(states, actions)), random.random((states, actions))


def test_the_identity_is_exact_for_any_agent_and_any_horizon():
    """Propagate a random time-varying agent exactly; both sides of the identity agree to rounding."""
    random = np.random.default_rng(5)
    for _ in range(5):
        P, r = random_mdp(random)
        solution = solve_average_reward(FiniteMDP(P.transpose(1, 0, 2), r))
        gaps = gap_table(P, r, solution.gain, solution.bias)
        assert gaps.min() > -1e-9
        start = 0
        law = np.eye(4)[start]
        reward, loss, default = 0.0, [], []
        for _frame in range(17):
            share = random.random()
            agent, beta = random.dirichlet(np.ones(3), size=4), random.dirichlet(np.ones(3), size=4)
            mixed = (1 - share) * agent + share * beta
            reward += np.einsum("s,sa,sa", law, mixed, r)
            parts = [np.einsum("s,sa,sa", law, kind, gaps) for kind in ((1 - share) * agent, share * beta)]
            loss.append(parts)
            default.append(share)
            law = np.einsum("s,sa,sat", law, mixed, P)
        split = split_regret(loss, default, bias_start=solution.bias[start], bias_end=float(law @ solution.bias))
        assert split.total == pytest.approx(17 * solution.gain - reward, abs=1e-8)
        assert abs(split.boundary) <= np.ptp(solution.bias) + 1e-12


def test_splitting_refuses_what_cannot_be():
    with pytest.raises(InputError, match=r"less than the 0\.5 that its information allows"):
        split_regret([0.25], [False], least_gaps=0.5)
    with pytest.raises(InputError, match=r"not \(3,\), \(2,\)"):
        split_regret([0.1, 0.2, 0.3], [True, False])
    with pytest.raises(InputError, match=r"not \(1, 1\), \(1, 1\) and \(1,\)"):
        gap_table([[1.0]], [[1.0]], 1.0, [0.0])


@given(
    st.lists(st.floats(0.001, 1.0), min_size=2, max_size=8), st.floats(0.34, 1.0), st.floats(0.34, 1.0), st.floats(0, 1)
)
def test_delay_regret_falls_with_p_and_stays_in_its_frames(weights, first, second, phi):
    service = ServiceLaw("x", 1, 1.0, phi, np.array([0.0, *weights]) * (1 - phi) / sum(weights), "exact")
    low, high = sorted((first, second))
    for symbols in (None, 3):
        assert 0 <= delay_regret(service, high, symbols=symbols) <= delay_regret(service, low, symbols=symbols) + 1e-12
        assert delay_regret(service, low, symbols=symbols) <= 1 - phi + 1e-12


def test_rewards_out_of_range():
    assert check_rewards(0, 0.5) == (0.0, 0.5)
    with pytest.raises(InputError, match=r"rewards in \[0, 1\], not \[-1, 1\]: rescale"):
        check_rewards(-1, 1)
