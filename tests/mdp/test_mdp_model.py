"""Contract: what a FiniteMDP and an AsynchronousMDP accept, refuse and say about it."""

import re

import numpy as np
import pytest
from scipy import sparse

from regretlab.errors import InputError
from regretlab.mdp import AsynchronousMDP, FiniteMDP

STAY, SWAP = np.eye(2), np.eye(2)[::-1]
ZERO = np.zeros((2, 2))


def test_dense_sparse_and_stacked_forms_are_the_same_process():
    rng = np.random.default_rng(0)
    dense = rng.dirichlet(np.ones(4), size=(3, 4))
    rewards = rng.random((4, 3))
    forms = [
        dense,
        list(dense),
        [sparse.csr_matrix(m) for m in dense],
        [sparse.coo_array(dense[0]), dense[1], dense[2].tolist()],
        dense.transpose(1, 0, 2).reshape(12, 4),
        sparse.csc_array(dense.transpose(1, 0, 2).reshape(12, 4)),
    ]
    for form in forms:
        mdp = FiniteMDP(form, rewards)
        np.testing.assert_array_equal(mdp.dense(), dense)
        np.testing.assert_array_equal(mdp.matrix(2).toarray(), dense[2])
        assert (mdp.states, mdp.actions) == (4, 3)


@pytest.mark.parametrize(
    ("transitions", "rewards", "message"),
    [
        ([STAY, 0.9 * SWAP], ZERO, "state 0, action 1 sums to 0.9"),
        ([STAY, [[0, 1], [1, 1]]], ZERO, "state 1, action 1 sums to 2"),
        ([STAY, [[2, -1], [0, 1]]], ZERO, "state 0, action 1 holds the probability -1"),
        ([STAY, [[np.nan, 1], [0, 1]]], ZERO, "state 0, action 1 holds the probability nan"),
        ([STAY, SWAP], [[0, np.inf], [0, 0]], "reward of state 0, action 1 is inf"),
        ([STAY, SWAP], [[0, 0], [np.nan, 0]], "reward of state 1, action 0 is nan"),
        ([STAY], ZERO, "1 transition matrices do not fit rewards of 2 actions"),
        ([STAY, np.eye(3)], ZERO, "action 1 has shape (3, 3)"),
        (np.eye(2), ZERO, "stacked transitions have shape (2, 2)"),
        ([STAY, SWAP], [0.0, 1.0], "rewards have shape (2,)"),
        ("ring", ZERO, None),
        (7, ZERO, "transitions of type int"),
    ],
)
def test_refuses_what_is_no_mdp_and_says_where(transitions, rewards, message):
    if message is None:
        with pytest.raises((InputError, ValueError)):
            FiniteMDP(transitions, rewards)
        return
    with pytest.raises(InputError, match=re.escape(message)):
        FiniteMDP(transitions, rewards)


def test_rows_within_tolerance_are_made_stochastic_and_the_input_stays_as_it_was():
    given = sparse.csr_array([[0.5 + 3e-10, 0.5], [0.0, 1.0]])
    before = given.data.copy()
    mdp = FiniteMDP([given], np.zeros((2, 1)))
    assert abs(mdp.transitions.sum(axis=1) - 1).max() <= 2e-16
    np.testing.assert_array_equal(given.data, before)


def test_stored_zeros_and_duplicates_do_not_count():
    rows = sparse.csr_array((np.array([0.5, 0.5, 0.0, 1.0]), np.array([0, 0, 1, 1]), np.array([0, 3, 4])), shape=(2, 2))
    mdp = FiniteMDP(rows, np.zeros((2, 1)))
    assert mdp.transitions.nnz == 2
    np.testing.assert_array_equal(mdp.matrix(0).toarray(), np.eye(2))
    assert rows.nnz == 4


def test_policy_matrix_and_rewards_of_mixed_and_plain_policies():
    rng = np.random.default_rng(1)
    dense = rng.dirichlet(np.ones(5), size=(3, 5))
    rewards = rng.random((5, 3))
    mdp = FiniteMDP(dense, rewards)
    mixed = rng.dirichlet(np.ones(3), size=5)
    np.testing.assert_allclose(mdp.policy_matrix(mixed).toarray(), np.einsum("sa,ast->st", mixed, dense), atol=1e-15)
    np.testing.assert_allclose(mdp.policy_rewards(mixed), (mixed * rewards).sum(axis=1), atol=1e-15)
    plain = np.array([2, 0, 1, 1, 2])
    np.testing.assert_array_equal(mdp.policy_matrix(plain).toarray(), dense[plain, np.arange(5)])
    for wrong in ([0, 1], [0, 1, 2, 3, 0], np.zeros(5), np.full((5, 3), 0.5)):
        with pytest.raises(InputError):
            mdp.policy_matrix(wrong)


def test_kernel_classes_group_actions_that_move_alike():
    mdp = FiniteMDP([STAY, SWAP, STAY, SWAP], np.zeros((2, 4)))
    np.testing.assert_array_equal(mdp.kernel_classes, [0, 1, 0, 1])


def test_restricted_keeps_labels_and_refuses_open_sets():
    matrix = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    mdp = FiniteMDP([matrix], np.arange(3.0)[:, None])
    part = mdp.restricted([1, 0])
    np.testing.assert_array_equal(part.dense()[0], [[0.0, 1.0], [0.5, 0.5]])
    np.testing.assert_array_equal(part.rewards.ravel(), [1.0, 0.0])
    np.testing.assert_array_equal(part.restricted([1, 0]).labels, [0, 1])
    with pytest.raises(InputError, match=r"leaves the kept states from state 2 with probability 0\.5"):
        mdp.restricted([2])


@pytest.mark.parametrize(
    ("beta", "expected"),
    [
        (1, [[0, 1], [0, 1]]),
        ([0, 1], [[1, 0], [0, 1]]),
        ([[0.25, 0.75], [1, 0]], [[0.25, 0.75], [1, 0]]),
    ],
)
def test_beta_forms(beta, expected):
    process = AsynchronousMDP(FiniteMDP([STAY, SWAP], ZERO), beta)
    np.testing.assert_array_equal(process.beta, expected)
    np.testing.assert_allclose(
        process.default_matrix().toarray(), np.einsum("sa,ast->st", np.array(expected, float), [STAY, SWAP])
    )


@pytest.mark.parametrize("beta", [2, -1, [0, 2], "sticky", [[0.5, 0.6], [1, 0]], [0.5, 0.5], [0, 0, 0]])
def test_refuses_what_is_no_default_behaviour(beta):
    with pytest.raises(InputError, match="default behaviour"):
        AsynchronousMDP(FiniteMDP([STAY, SWAP], ZERO), beta)


@pytest.mark.parametrize("frame_time", [0.0, -1.0, np.nan, np.inf])
def test_refuses_what_is_no_frame_time(frame_time):
    with pytest.raises(InputError, match="frame_time"):
        AsynchronousMDP(FiniteMDP([STAY, SWAP], ZERO), 0, frame_time)


def test_repeating_is_no_function_of_the_state():
    process = AsynchronousMDP(FiniteMDP([STAY, SWAP], ZERO), "repeat")
    with pytest.raises(InputError, match="not a function of the state"):
        process.default_matrix()
    with pytest.raises(InputError, match="not a function of the state"):
        AsynchronousMDP(FiniteMDP([STAY, SWAP], ZERO)).default_rewards()
