"""Independent methods: linear programming, QuantEcon's discounted solver, two methods of our own; certificates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.mdp import (
    FiniteMDP,
    MultichainError,
    bellman_residual,
    parse_mdp,
    solve_average_reward,
    solve_recurrent_classes,
)
from tests.oracles.linear_program import lp_gain
from tests.oracles.random_mdps import controlled_mdps, random_controlled_mdp

quantecon = pytest.importorskip("quantecon")

PROCESSES = [("riverswim", parse_mdp("riverswim(6)").mdp)] + [
    (f"random {seed}", random_controlled_mdp(seed, states=3 + seed % 6, actions=2 + seed % 3)) for seed in range(20)
]
NAMES = [name for name, _ in PROCESSES]


@pytest.mark.parametrize("mdp", [mdp for _, mdp in PROCESSES], ids=NAMES)
def test_gain_against_the_linear_program(mdp):
    expected = lp_gain(mdp.dense(), mdp.rewards)
    for method in ("value-iteration", "policy-iteration"):
        solution = solve_average_reward(mdp, method=method)
        assert solution.method == method
        assert solution.gain == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("mdp", [mdp for _, mdp in PROCESSES], ids=NAMES)
def test_gain_against_discounted_values_as_the_discount_tends_to_one(mdp):
    """(1 - g) v_g(s) = rho* + (1 - g) (h(s) - c) + O((1 - g)^2) (Puterman 1994, corollary 8.2.5): the error shrinks
    with 1 - g, and two discounts extrapolate to rho*."""
    dense = np.ascontiguousarray(mdp.dense().transpose(1, 0, 2))
    solution = solve_average_reward(mdp)
    scaled = []
    for discount in (1 - 1e-4, 1 - 1e-5):
        process = quantecon.markov.DiscreteDP(mdp.rewards, dense, discount)
        scaled.append((1 - discount) * process.solve(method="policy_iteration").v)
    spread = 1 + solution.bias_span
    assert np.abs(scaled[0] - solution.gain).max() < 3e-4 * spread
    assert np.abs(scaled[1] - solution.gain).max() < 3e-5 * spread
    assert np.abs((10 * scaled[1] - scaled[0]) / 9 - solution.gain).max() < 1e-6 * spread**2


@given(controlled_mdps(largest_states=6))
@settings(max_examples=200)
def test_methods_agree_within_what_they_certify(mdp):
    swept = solve_average_reward(mdp, method="value-iteration")
    improved = solve_average_reward(mdp, method="policy-iteration")
    assert abs(swept.gain - improved.gain) <= swept.gain_error + improved.gain_error
    assert swept.gain_error <= 2e-10
    assert improved.gain_error <= 1e-11 * (1 + improved.bias_span)
    for solution in (swept, improved):
        assert solution.gaps.min() >= -solution.gain_error - 1e-14
        assert np.abs(solution.gaps.min(axis=1)).max() <= 2 * solution.gain_error + 1e-12
        assert solution.bias.min() == 0.0
        # gap* is what the optimality equation says it is.
        table = mdp.rewards + (mdp.transitions @ solution.bias).reshape(mdp.states, -1)
        np.testing.assert_allclose(solution.gaps, solution.gain + solution.bias[:, None] - table, atol=1e-12)


@given(controlled_mdps(), st.integers(0, 2**31))
@settings(max_examples=200)
def test_any_function_bounds_the_gain(mdp, seed):
    gain = solve_average_reward(mdp).gain
    low, high = bellman_residual(mdp, np.random.default_rng(seed).normal(size=mdp.states))
    assert low <= gain + 1e-12
    assert gain <= high + 1e-12


@given(controlled_mdps())
@settings(max_examples=100)
def test_the_policy_earns_the_gain(mdp):
    """Cesaro average of the policy's chain from every state, by repeated squaring of the lazy chain."""
    solution = solve_average_reward(mdp)
    chain = 0.5 * (np.eye(mdp.states) + mdp.policy_matrix(solution.policy).toarray())
    for _ in range(60):
        chain = chain @ chain
        chain /= chain.sum(axis=1, keepdims=True)
    earned = chain @ mdp.policy_rewards(solution.policy)
    np.testing.assert_allclose(earned, solution.gain, atol=1e-9)


def test_a_periodic_process_converges():
    ring = np.roll(np.eye(7), 1, axis=1)
    mdp = FiniteMDP([ring, ring], np.eye(7)[:, :2])
    for method in ("value-iteration", "policy-iteration"):
        assert solve_average_reward(mdp, method=method).gain == pytest.approx(2 / 7, abs=1e-10)


def test_policies_with_several_classes_on_the_way():
    """Communicating, but the greedy policy of the rewards has three absorbing states: the best must be kept."""
    stay = np.eye(3)
    go = np.roll(np.eye(3), 1, axis=1)
    mdp = FiniteMDP([stay, go], [[0.3, 0.0], [0.9, 0.0], [0.6, 0.0]])
    solution = solve_average_reward(mdp, method="policy-iteration")
    assert solution.gain == pytest.approx(0.9, abs=1e-14)
    np.testing.assert_array_equal(solution.policy, [1, 0, 1])
    # Being elsewhere costs the frames of the way back.
    np.testing.assert_allclose(solution.bias, [0.9, 1.8, 0.0], atol=1e-12)


def test_transient_states_do_no_harm():
    """Weakly communicating: state 0 is left for good under every policy."""
    mdp = FiniteMDP(
        [[[0, 1, 0], [0, 1, 0], [0, 1, 0]], [[0, 0, 1], [0, 0, 1], [0, 0, 1]]], [[5.0, 5.0], [0.0, 0.0], [1.0, 1.0]]
    )
    for method in ("value-iteration", "policy-iteration"):
        solution = solve_average_reward(mdp, method=method)
        assert solution.gain == pytest.approx(1.0, abs=1e-9)
        np.testing.assert_array_equal(solution.policy, [1, 1, 1])


def test_large_sparse_solution_certifies_itself():
    """Beyond the sizes of policy iteration: a ring of 30,000 random states; value iteration against policy iteration on
    the chain of the policy found (one sparse linear solve)."""
    from regretlab.mdp.policy_iteration import chain_gain_and_bias

    mdp = parse_mdp("random(states=4000, actions=3, successors=4)").mdp
    solution = solve_average_reward(mdp)
    assert solution.method == "value-iteration"
    assert solution.gain_error <= 1.1e-10
    gain, _ = chain_gain_and_bias(mdp.policy_matrix(solution.policy), mdp.policy_rewards(solution.policy), 0)
    assert abs(gain - solution.gain) <= solution.gain_error


def test_multichain_input_is_refused_and_answered_per_class():
    """Two absorbing pairs and a fork; from the fork the better one can be reached with probability 3/4 only."""
    fork = np.zeros((2, 5, 5))
    fork[0, 0, [1, 3]] = 0.5, 0.5
    fork[1, 0, [1, 3]] = 0.25, 0.75
    fork[:, 1, 2] = fork[:, 2, 1] = 1.0
    fork[:, 3, 4] = fork[:, 4, 3] = 1.0
    rewards = np.array([[9.0, 9.0], [0.0, 0.2], [0.0, 0.2], [1.0, 0.0], [0.8, 0.0]])
    mdp = FiniteMDP(fork, rewards, name="fork")
    with pytest.raises(MultichainError, match=r"'fork' is multichain.*2 separate.*\(2, 0.2\), \(2, 0.9\)") as caught:
        solve_average_reward(mdp)
    assert [c.tolist() for c in caught.value.classes] == [[1, 2], [3, 4]]
    solved = solve_recurrent_classes(mdp)
    np.testing.assert_allclose([c.solution.gain for c in solved.classes], [0.2, 0.9], atol=1e-12)
    np.testing.assert_allclose(solved.gain, [0.25 * 0.2 + 0.75 * 0.9, 0.2, 0.2, 0.9, 0.9], atol=1e-12)


def test_an_end_component_that_can_be_left_for_a_better_one():
    """Staying in state 0 is possible (gain 0.5), leaving for state 1 (gain 1) is better: all starts earn 1."""
    mdp = FiniteMDP([np.eye(2), [[0.0, 1.0], [0.0, 1.0]]], [[0.5, 0.0], [1.0, 1.0]])
    solved = solve_recurrent_classes(mdp)
    np.testing.assert_allclose([c.solution.gain for c in solved.classes], [0.5, 1.0])
    np.testing.assert_array_equal(solved.classes[0].allowed, [[True, False]])
    np.testing.assert_allclose(solved.gain, [1.0, 1.0])
    assert solve_average_reward(mdp).gain == pytest.approx(1.0, abs=1e-9)


def test_many_classes_of_equal_gain_have_one_gain():
    mdp = FiniteMDP([np.eye(4), np.eye(4)], np.tile([0.25, 0.5], (4, 1)))
    assert solve_average_reward(mdp).gain == pytest.approx(0.5, abs=1e-10)
    with pytest.raises(InputError, match="policy iteration needs a single one"):
        solve_average_reward(mdp, method="policy-iteration")
    with pytest.raises(MultichainError, match="150 separate recurrent classes of 1 to 1 states"):
        solve_average_reward(FiniteMDP([np.eye(150)], np.arange(150.0)[:, None]))


def test_wrong_arguments():
    mdp = parse_mdp("riverswim").mdp
    with pytest.raises(InputError, match="method 'simplex'"):
        solve_average_reward(mdp, method="simplex")
    with pytest.raises(InputError, match="tolerance 0"):
        solve_average_reward(mdp, tolerance=0)
    with pytest.raises(InputError, match=r"not reached in 3 sweeps \(certified error"):
        solve_average_reward(mdp, method="value-iteration", max_sweeps=3)
