"""Diameter, span, gaps and mixing time, each by a second method on small cases."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from regretlab.errors import InputError
from regretlab.mdp import (
    FiniteMDP,
    diameter,
    gap_range,
    hardness,
    hitting_times,
    mixing_time,
    parse_mdp,
    solve_average_reward,
)
from tests.oracles.linear_program import lp_hitting_times
from tests.oracles.random_mdps import controlled_mdps, random_controlled_mdp


@pytest.mark.parametrize("seed", range(10))
def test_diameter_against_linear_programs(seed):
    mdp = random_controlled_mdp(seed, states=3 + seed % 5, actions=2)
    dense = mdp.dense()
    expected = [lp_hitting_times(dense, target) for target in range(mdp.states)]
    for target, times in enumerate(expected):
        np.testing.assert_allclose(hitting_times(mdp, target), times, rtol=1e-7)
    assert diameter(mdp) == pytest.approx(max(t.max() for t in expected), rel=1e-7)


@given(controlled_mdps())
@settings(max_examples=100)
def test_hitting_times_solve_their_equation_and_bound_the_bias(mdp):
    """Bellman's equation of the stochastic shortest path; span(h) <= (reward range) * diameter (Bartlett & Tewari)."""
    longest = 0.0
    for target in range(mdp.states):
        times = hitting_times(mdp, target)
        ahead = 1 + (mdp.transitions @ times).reshape(mdp.states, -1).min(axis=1)
        ahead[target] = 0.0
        np.testing.assert_allclose(times, ahead, rtol=1e-8)
        longest = max(longest, float(times.max()))
    assert diameter(mdp) == pytest.approx(longest)
    span = solve_average_reward(mdp).bias_span
    assert span <= np.ptp(mdp.rewards) * longest + 1e-9


def test_diameter_of_riverswim_and_of_a_cycle():
    """Swimming up is the longest way: a birth-death chain, sum_k sum_{j<=k} (odds), written out."""
    up, down = [0.6, 0.35, 0.35, 0.35, 0.35], [0.0, 0.05, 0.05, 0.05, 0.05]
    step, total = 0.0, 0.0
    for u, d in zip(up, down, strict=True):
        step = (1 + d * step) / u
        total += step
    assert diameter(parse_mdp("riverswim(6)").mdp) == pytest.approx(total, rel=1e-12)
    assert diameter(FiniteMDP([np.roll(np.eye(9), 1, axis=1)], np.zeros((9, 1)))) == pytest.approx(8)
    assert diameter(FiniteMDP([[[1.0]]], [[0.0]])) == 0.0


def test_infinite_where_it_is():
    one_way = FiniteMDP([[[0.5, 0.5], [0.0, 1.0]]], np.zeros((2, 1)))
    assert diameter(one_way) == math.inf
    np.testing.assert_array_equal(hitting_times(one_way, 0), [0.0, math.inf])
    np.testing.assert_allclose(hitting_times(one_way, 1), [2.0, 0.0])
    # A risky action is no choice: half of it never comes back.
    risky = FiniteMDP([[[0, 0.5, 0.5], [0, 1, 0], [0, 0, 1]], [[0.9, 0.1, 0], [0, 1, 0], [0, 0, 1]]], np.zeros((3, 2)))
    np.testing.assert_allclose(hitting_times(risky, 1), [10.0, 0.0, math.inf])
    with pytest.raises(InputError, match="target 3"):
        hitting_times(risky, 3)


def test_gap_range_against_sorting():
    for seed in range(10):
        solution = solve_average_reward(random_controlled_mdp(seed, states=4, actions=3))
        gaps = np.sort(np.maximum(solution.gaps, 0), axis=1)
        assert gap_range(solution) == (gaps.max(), gaps[:, 1].min())
    assert gap_range(solve_average_reward(FiniteMDP([np.eye(1)], [[1.0]])))[1] == math.inf


@pytest.mark.parametrize("distance", [0.25, 0.01])
@pytest.mark.parametrize(
    "text", ["riverswim(6)", "lazy-walk(states=21)", "shift-register(p=0.7, n=4)", "random(seed=3)"]
)
def test_mixing_time_against_one_step_at_a_time(text, distance):
    mdp = parse_mdp(text).mdp
    chain = mdp.policy_matrix(solve_average_reward(mdp).policy).toarray()
    values, vectors = np.linalg.eig(chain.T)
    stationary = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    stationary /= stationary.sum()
    power, frames = np.eye(len(chain)), 0
    while 0.5 * np.abs(power - stationary).sum(axis=1).max() > distance:
        power, frames = power @ chain, frames + 1
    assert mixing_time(chain, distance=distance) == frames


def test_mixing_time_of_chains_that_do_not_mix():
    assert mixing_time(np.eye(2)) == math.inf
    assert mixing_time(np.eye(2)[::-1]) == math.inf
    assert mixing_time(np.array([[1.0]])) == 0.0
    assert mixing_time(np.array([[1 - 1e-6, 1e-6], [1e-6, 1 - 1e-6]]), longest=1000) == math.inf
    with pytest.raises(InputError, match="distance 1"):
        mixing_time(np.eye(2), distance=1)
    with pytest.raises(InputError, match="4000 states"):
        mixing_time(np.eye(4000))


def test_hardness_collects_them():
    river = parse_mdp("riverswim(6)").mdp
    solution = solve_average_reward(river)
    found = hardness(river, solution)
    assert found == hardness(river)
    assert found.diameter == diameter(river)
    assert found.bias_span == solution.bias_span
    assert (found.largest_gap, found.smallest_gap) == gap_range(solution)
    assert found.mixing_time == mixing_time(river.policy_matrix(solution.policy))
