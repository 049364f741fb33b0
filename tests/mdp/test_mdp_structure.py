"""Independent methods for classes, periods and end components: brute force over policies and matrix powers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from regretlab.mdp import FiniteMDP, chain_structure, mdp_structure
from regretlab.mdp.structure import almost_sure_reach, end_components, reachable_states


def any_mdp(seed, states, actions):
    """Sparse random transitions, often multichain."""
    rng = np.random.default_rng(seed)
    transitions = np.zeros((actions, states, states))
    for a, s in itertools.product(range(actions), range(states)):
        reached = rng.choice(states, size=rng.integers(1, min(3, states) + 1), replace=False)
        transitions[a, s, reached] = 1 / len(reached)
    return FiniteMDP(transitions, np.zeros((states, actions)))


ANY = st.builds(any_mdp, st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 3))


def policies(mdp):
    return [np.array(p) for p in itertools.product(range(mdp.actions), repeat=mdp.states)]


def classes_by_closure(matrix):
    """Recurrent classes from the transitive closure."""
    size = len(matrix)
    reach = np.linalg.matrix_power(np.eye(size) + matrix, size) > 0
    recurrent = [s for s in range(size) if all(reach[t, s] for t in np.flatnonzero(reach[s]))]
    return sorted({tuple(np.flatnonzero(reach[s])) for s in recurrent})


@given(ANY)
@settings(max_examples=200)
def test_recurrent_classes_against_the_transitive_closure(mdp):
    matrix = mdp.dense()[0]
    found = chain_structure(mdp.matrix(0))
    assert [tuple(c) for c in found.recurrent_classes] == classes_by_closure(matrix)
    members = sorted(s for c in found.recurrent_classes for s in c)
    assert sorted([*members, *found.transient]) == list(range(mdp.states))


@given(ANY)
@settings(max_examples=200)
def test_periods_against_return_times(mdp):
    """The period is the greatest common divisor of the times at which a return is possible."""
    matrix = mdp.dense()[0] > 0
    found = chain_structure(mdp.matrix(0))
    for states, period in zip(found.recurrent_classes, found.periods, strict=True):
        start, power, returns = states[0], np.eye(mdp.states, dtype=bool), []
        for time in range(1, 4 * mdp.states**2):
            power = power @ matrix
            if power[start, start]:
                returns.append(time)
        assert np.gcd.reduce(returns) == period


@given(ANY)
@settings(max_examples=200)
def test_end_components_and_unichain_against_all_policies(mdp):
    every_class = [set(c) for p in policies(mdp) for c in classes_by_closure(mdp.policy_matrix(p).toarray())]
    structure = mdp_structure(mdp)
    components = structure.end_components
    sets = [set(components.states(n)) for n in range(components.count)]
    # Each recurrent class of a policy lies in one component, and each state of a component is in some class.
    assert all(any(c <= s for s in sets) for c in every_class)
    assert set().union(*sets) == set().union(*every_class)
    for number, states in enumerate(sets):
        for s in states:
            for a in range(mdp.actions):
                inside = set(np.flatnonzero(mdp.dense()[a, s])) <= states
                assert components.allowed[s, a] == inside
        assert components.component[min(states)] == number
    assert structure.weakly_communicating == (components.count == 1)
    unichain = all(len(classes_by_closure(mdp.policy_matrix(p).toarray())) == 1 for p in policies(mdp))
    assert structure.unichain in (None, unichain)
    union = np.linalg.matrix_power(np.eye(mdp.states) + mdp.dense().sum(axis=0), mdp.states) > 0
    assert structure.communicating == union.all()


@given(ANY, st.integers(0, 3))
@settings(max_examples=200)
def test_almost_sure_reach_against_all_policies(mdp, target):
    target %= mdp.states
    possible = np.zeros(mdp.states, dtype=bool)
    for policy in policies(mdp):
        matrix = mdp.policy_matrix(policy).toarray()
        matrix[target] = np.eye(mdp.states)[target]
        possible |= np.linalg.matrix_power(matrix, 2**14)[:, target] > 1 - 1e-9
    sure, policy = almost_sure_reach(mdp, target)
    np.testing.assert_array_equal(sure, possible)
    matrix = mdp.policy_matrix(policy).toarray()
    matrix[target] = np.eye(mdp.states)[target]
    assert (np.linalg.matrix_power(matrix, 2**14)[sure, target] > 1 - 1e-9).all()


@given(ANY)
@settings(max_examples=100)
def test_reachable_states_against_the_closure(mdp):
    union = np.linalg.matrix_power(np.eye(mdp.states) + mdp.dense().sum(axis=0), mdp.states) > 0
    np.testing.assert_array_equal(reachable_states(mdp, np.array([0])), np.flatnonzero(union[0]))


def test_repeated_edges_end():
    """Two entries for the same edge: the graph search must not run for ever."""
    twice = sparse.csr_array((np.full(4, 0.5), np.array([1, 1, 0, 0]), np.array([0, 2, 4])), shape=(2, 2))
    assert chain_structure(twice).periods == (2,)
    assert mdp_structure(FiniteMDP([np.eye(2)[::-1]] * 300, np.zeros((2, 300)))).communicating


def test_end_components_inside_a_set():
    mdp = FiniteMDP([np.eye(3)], np.zeros((3, 1)))
    inside = end_components(mdp, np.array([True, False, True]))
    np.testing.assert_array_equal(inside.component, [0, -1, 1])


@pytest.mark.parametrize(("limit", "answer"), [(2, None), (500, True)])
def test_unichain_is_left_open_beyond_the_limit(limit, answer):
    """State 0 is hit by every policy."""
    mdp = FiniteMDP([[[0, 1, 0], [1, 0, 0], [1, 0, 0]], [[0, 0, 1], [1, 0, 0], [1, 0, 0]]], np.zeros((3, 2)))
    assert mdp_structure(mdp, decide_unichain=limit).unichain is answer
