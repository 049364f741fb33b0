"""Where a naive formula fails (docs/theory): each test shows the naive number beside the right one."""

import itertools
from math import comb

import numpy as np
import pytest

from regretlab.mdp import (
    AsynchronousMDP,
    FiniteMDP,
    gap_range,
    kappa,
    p_minimax,
    parse_mdp,
    solve_average_reward,
    solve_delayed,
    solve_sequential,
)
from tests.oracles.random_mdps import random_controlled_mdp


def test_a_modal_probability_below_one_over_successors_is_impossible():
    for seed in range(50):
        mdp = random_controlled_mdp(seed, states=2 + seed % 5, grain=64)
        successors = np.diff(mdp.transitions.indptr).max()
        assert 1 / successors <= p_minimax(mdp) <= 1
    # ... and the family refuses to be built.
    with pytest.raises(ValueError, match=r"p must lie in \[0.25, 1\], not 0.2"):
        parse_mdp("ring(p=0.2, symbols=4)")


def test_re_merging_chains_are_far_more_predictable_than_their_frames():
    walk = parse_mdp("lazy-walk(states=51)")
    naive, right = p_minimax(walk) ** 10, kappa(walk, 10)
    assert naive == pytest.approx(0.000977, abs=5e-7)
    assert right == pytest.approx(comb(20, 10) / 4**10, abs=1e-15)
    assert right == pytest.approx(0.176197, abs=5e-7)
    assert solve_delayed(walk, 10).regret_per_frame == pytest.approx(1 - right, abs=1e-12)


def test_regret_saturates_at_what_a_blind_guess_loses():
    """Worst case Delta min(1 - p^d, 1 - 1/A): the ring's blind guess is right once in K; 1 - p^d goes on to 1."""
    p, symbols, delay = 0.9, 4, 60
    naive = 1 - p**delay
    right = solve_delayed(parse_mdp(f"ring(p={p}, symbols={symbols})"), delay).regret_per_frame
    assert naive > 0.998
    assert right == pytest.approx(1 - 1 / symbols, abs=2e-4)
    assert right <= 1 - 1 / symbols
    # With A >= p^-d actions the worst case is attained: the register of d symbols.
    register = parse_mdp("shift-register(p=0.9, n=6)")
    assert register.mdp.actions >= 0.9**-6
    assert solve_delayed(register, 6).regret_per_frame == pytest.approx(1 - 0.9**6, abs=1e-12)


def test_the_same_optimal_action_everywhere_costs_nothing_at_any_delay():
    """RiverSwim: swim, wherever you are; and a register whose reward asks for one fixed action."""
    river = parse_mdp("riverswim(6)")
    for delay in (1, 3, 5):
        solution = solve_delayed(river, delay)
        naive = 1 - solution.p_minimax**delay
        assert naive >= 0.4
        assert solution.regret_per_frame == pytest.approx(0.0, abs=1e-10)


def test_gaps_of_the_bias_can_exceed_the_reward_range():
    trap = parse_mdp("trap(p=0.9, length=3)")
    solution = solve_delayed(trap, 2)
    naive = 1 - 0.9**2
    assert naive == pytest.approx(0.19)
    assert solution.regret_per_frame == pytest.approx(0.307692, abs=5e-7)
    assert solution.regret_per_frame > naive
    largest, _ = gap_range(solve_average_reward(trap.mdp))
    assert largest == pytest.approx(4.0, abs=1e-12)
    assert solution.regret_per_frame <= largest * (1 - solution.kappa)


def test_a_stochastic_default_behaviour_makes_a_deterministic_process_unpredictable():
    """Go to the state that the action names; the right action names the other state. p_minimax = 1, so the naive regret
    of sequential play at D = 3 is phi g_beta = 2/3 * 1/2. But two random frames lie between observation and effect: the
    agent's own frame is a guess as well."""
    go = np.zeros((2, 2, 2))
    go[0, :, 0] = go[1, :, 1] = 1.0
    process = AsynchronousMDP(FiniteMDP(go, 1 - np.eye(2)), beta=np.full((2, 2), 0.5))
    solution = solve_sequential(process, 3)
    assert p_minimax(process.mdp) == 1.0
    gaps = solve_average_reward(process.mdp).gaps
    naive = solution.inaction_fraction * (process.beta * gaps).sum(axis=1).max()
    assert naive == pytest.approx(1 / 3, abs=1e-12)
    assert solution.regret_per_frame == pytest.approx(1 / 2, abs=1e-12)
    # With the mixture kernel in p and kappa the delay part is no longer missed: here it is tight.
    assert solution.p_minimax == 0.5
    assert solution.kappa == pytest.approx(0.5)
    corrected = naive + (1 - solution.inaction_fraction) * gaps.max() * (1 - solution.kappa)
    assert corrected == pytest.approx(1 / 2, abs=1e-12)


def test_terms_are_weighted_with_the_frames_they_apply_to():
    """phi g + Delta (1 - p^d) counts the frames of beta twice; (1 - phi) belongs before the delay part."""
    solution = solve_sequential(parse_mdp("shift-register(p=0.7, n=3, noop_gap=0.9)"), 3)
    phi, delay_part = 2 / 3, 1 - 0.7**3
    naive = phi * 0.9 + delay_part
    assert naive > 1.2
    assert solution.regret_per_frame == pytest.approx(phi * 0.9 + (1 - phi) * delay_part, abs=1e-12)


def test_strict_sequential_play_is_idle_half_the_time_even_when_inference_is_fast():
    """d = 1: overlapped play acts in every frame, strict play in every second."""
    game = parse_mdp("shift-register(p=0.7, n=3, noop_gap=0.9)")
    overlapped, strict = solve_sequential(game, 1), solve_sequential(game, 1, strict=True)
    assert (overlapped.inaction_fraction, strict.inaction_fraction) == (0.0, 0.5)
    assert overlapped.regret_per_frame == pytest.approx(0.3, abs=1e-12)
    assert strict.regret_per_frame == pytest.approx(0.5 * 0.9 + 0.5 * 0.3, abs=1e-12)


def test_a_held_guess_of_the_whole_register_is_worse_than_the_sticky_formula():
    """1 - p^d (1 - p^I) / (I (1 - p)) is for a state that stays with probability p. The shift register's content moves
    every frame, so a held action is right again only by chance: the formula holds for the register that adds."""
    p, delay, every = 0.8, 1, 2
    formula = 1 - p**delay * (1 - p**every) / (every * (1 - p))
    adding = solve_delayed(parse_mdp("additive-register(p=0.8, n=2)"), delay, every=every)
    shifting = solve_delayed(parse_mdp("shift-register(p=0.8, n=2)"), delay, every=every)
    assert adding.regret_per_frame == pytest.approx(formula, abs=1e-12)
    assert shifting.regret_per_frame > formula + 0.04


def _gain_of_old_observations(mdp, delay, chosen):
    """Return the gain of actions chosen from the state ``delay`` frames ago alone: what is in flight is not known."""
    dense = mdp.dense()
    shape = (mdp.states,) + (mdp.actions,) * delay  # the state, and the actions on their way, next first
    size = int(np.prod(shape))
    chain, reward = np.zeros((size, size)), np.zeros(size)
    for index in np.ndindex(shape):
        state, flight = index[0], index[1:]
        row = np.ravel_multi_index(index, shape)
        reward[row] = mdp.rewards[state, flight[0]]
        for following in range(mdp.states):
            column = np.ravel_multi_index((following, *flight[1:], chosen[state]), shape)
            chain[row, column] += dense[flight[0], state, following]
    lazy = 0.5 * (chain + np.eye(size))  # the same averages, without periods
    occupied = np.linalg.matrix_power(lazy, 2**14)
    return float((occupied @ reward).max())  # from the best start, where there are several classes


def test_workers_do_not_know_what_the_others_are_about_to_do():
    """The augmented optimum knows the actions in flight; a worker that starts while the others still infer does not."""
    lost = []
    for seed in range(8):
        mdp = random_controlled_mdp(seed, states=3, actions=2)
        best = max(_gain_of_old_observations(mdp, 2, chosen) for chosen in itertools.product(range(2), repeat=3))
        knowing = solve_delayed(mdp, 2).gain
        assert best <= knowing + 1e-9
        lost.append(knowing - best)
    assert max(lost) > 1e-3
    # Where actions do not move the world nothing is lost: the ring.
    ring = parse_mdp("ring(p=0.7, symbols=3)").mdp
    best = max(_gain_of_old_observations(ring, 2, chosen) for chosen in itertools.product(range(3), repeat=3))
    assert best == pytest.approx(solve_delayed(ring, 2).gain, abs=1e-9)
