"""Contract: .npz files without pickle; Gymnasium toy-text tables, both ways; FrozenLake against real rollouts."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.mdp import (
    AsynchronousMDP,
    FiniteMDP,
    MultichainError,
    from_gymnasium,
    load_mdp,
    parse_mdp,
    save_mdp,
    solve_average_reward,
    solve_delayed,
    solve_recurrent_classes,
    to_gymnasium,
)

gymnasium = pytest.importorskip("gymnasium")


def random_mdp(seed=0, states=5, actions=3):
    rng = np.random.default_rng(seed)
    return FiniteMDP(
        rng.dirichlet(np.ones(states), (actions, states)), rng.random((states, actions)), name="random five"
    )


def same(left, right):
    assert np.array_equal(left.transitions.toarray(), right.transitions.toarray())
    assert np.array_equal(left.rewards, right.rewards)
    assert np.array_equal(left.labels, right.labels)


def test_saved_and_loaded_processes_are_equal(tmp_path):
    mdp = random_mdp()
    loaded = load_mdp(save_mdp(mdp, tmp_path / "plain.npz"))
    same(mdp, loaded)
    assert loaded.name == "random five"
    assert isinstance(loaded, FiniteMDP)
    for beta in (None, "repeat", 1):
        process = AsynchronousMDP(mdp, beta, 0.25)
        loaded = load_mdp(save_mdp(process, tmp_path / "asynchronous.npz"))
        same(mdp, loaded.mdp)
        assert loaded.frame_time == 0.25
        assert np.array_equal(loaded.beta, process.beta)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["asynchronous.npz", "plain.npz"]


def test_a_file_made_by_hand_with_dense_transitions(tmp_path):
    mdp = random_mdp()
    np.savez(tmp_path / "hand.npz", transitions=mdp.dense(), rewards=mdp.rewards)
    same(mdp, load_mdp(tmp_path / "hand.npz"))
    assert parse_mdp("hand.npz", base_directory=tmp_path).beta is None


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "pickled.npz", transitions=np.array([{"a": 1}], dtype=object), rewards=np.zeros((1, 1)))
    with pytest.raises(InputError, match=r"pickled.npz' cannot be read as .npz"):
        load_mdp(tmp_path / "pickled.npz")


def test_files_that_hold_no_mdp(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", prices=np.zeros(3))
    np.savez(tmp_path / "flat.npz", rewards=np.zeros(3), transitions=np.eye(3)[None])
    np.savez(
        tmp_path / "short.npz",
        indptr=np.array([0, 1]),
        indices=np.array([0]),
        probabilities=np.array([1.0]),
        rewards=np.zeros((2, 1)),
    )
    np.savez(tmp_path / "outside.npz", transitions=np.array([[[0.5, 0.4], [0, 1]]]), rewards=np.zeros((2, 1)))
    for name, message in {
        "text": "cannot be read",
        "missing": "cannot be read",
        "other": "holds prices",
        "flat": "rewards in .* have shape",
        "short": "do not fit 2 states, 1 actions",
        "outside": "state 0, action 0 sums to 0.9",
    }.items():
        with pytest.raises(InputError, match=message):
            load_mdp(tmp_path / f"{name}.npz")
    with pytest.raises(InputError, match=r"does not end in \.npz"):
        save_mdp(random_mdp(), tmp_path / "mdp.json")


def test_table_round_trip():
    mdp = random_mdp()
    back = from_gymnasium(to_gymnasium(mdp))
    np.testing.assert_allclose(back.dense(), mdp.dense(), atol=1e-16)
    np.testing.assert_allclose(back.rewards, mdp.rewards, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "states", "gain"),
    [
        # Every frame costs 1 and only falls cost more, so any policy that never falls earns -1 a frame.
        ("CliffWalking-v1", 37, -1.0),
        ("FrozenLake-v1", 11, None),
        ("Taxi-v4", 400, None),
    ],
)
def test_toy_text_environments_run_as_they_are(name, states, gain):
    env = gymnasium.make(name).unwrapped
    mdp = from_gymnasium(env.P, initial=env.initial_state_distrib)
    assert mdp.states == states
    solution = solve_average_reward(mdp)
    assert solution.gain_error < 1e-9
    if gain is not None:
        assert solution.gain == pytest.approx(gain, abs=1e-12)
    # The optimum under a delay can be no better, and is solved as well.
    delayed = solve_delayed(mdp, 1)
    assert delayed.regret_per_frame >= -1e-9


def test_taxi_gain_is_that_of_the_best_average_trip():
    """Deterministic trips: gain = E[reward of a trip] / E[frames of a trip] with the trip's length from breadth-first
    search over the table, maximised over nothing else, because a shortest trip is best for every start here."""
    env = gymnasium.make("Taxi-v4").unwrapped
    predecessors = {}
    finishing = set()
    for state, rows in env.P.items():
        for outcomes in rows.values():
            for _, successor, _, terminated in outcomes:
                if terminated:
                    finishing.add(state)
                else:
                    predecessors.setdefault(successor, set()).add(state)
    length = dict.fromkeys(finishing, 1)
    frontier = list(finishing)
    while frontier:
        frontier = [
            p
            for s in frontier
            for p in predecessors.get(s, ())
            if p not in length and not length.update({p: length[s] + 1})
        ]
    starts = np.flatnonzero(env.initial_state_distrib)
    mean = np.mean([length[s] for s in starts])
    expected = (20 - (mean - 1)) / mean
    mdp = from_gymnasium(env.P, initial=env.initial_state_distrib)
    assert solve_average_reward(mdp).gain == pytest.approx(expected, abs=1e-10)


def test_frozen_lake_gain_against_rollouts():
    """Regenerative estimate over episodes: z = sum (R_i - g L_i) / sqrt(sum (R_i - g L_i)^2), |z| < 4."""
    env = gymnasium.make("FrozenLake-v1").unwrapped
    mdp = from_gymnasium(env.P, initial=env.initial_state_distrib)
    solution = solve_average_reward(mdp)
    action = dict(zip(mdp.labels.tolist(), solution.policy.tolist(), strict=True))
    residuals, episodes = [], 3000
    state, _ = env.reset(seed=11)
    for _ in range(episodes):
        total, frames, over = 0.0, 0, False
        while not over:
            state, reward, over, _, _ = env.step(action[state])
            total, frames = total + reward, frames + 1
        residuals.append(total - solution.gain * frames)
        state, _ = env.reset()
    residuals = np.array(residuals)
    assert np.abs(residuals).max() > 0
    assert abs(residuals.sum() / np.sqrt((residuals**2).sum())) < 4


def test_frozen_lake_as_it_stands_is_multichain():
    """Goal and holes absorb: each is a class of gain 0, so the optimal gain is 0 everywhere (the reward comes once)."""
    env = gymnasium.make("FrozenLake-v1").unwrapped
    mdp = from_gymnasium(env.P, terminal="keep")
    assert mdp.states == 16
    # Goal, four holes, and the start corner the ice cannot push one out of.
    solved = solve_recurrent_classes(mdp)
    assert np.abs(solved.gain).max() < 1e-12
    assert {15, 5, 7, 11, 12} <= {int(c.states[0]) for c in solved.classes if len(c.states) == 1}
    assert solve_average_reward(mdp, tolerance=1e-8).gain == pytest.approx(0.0, abs=1e-8)


def test_tables_that_are_none():
    with pytest.raises(InputError, match="initial is not given"):
        from_gymnasium({0: {0: [(1.0, 0, 0.0, True)]}})
    with pytest.raises(InputError, match="leads from state 0, action 0 to 3"):
        from_gymnasium({0: {0: [(1.0, 3, 0.0, False)]}})
    with pytest.raises(InputError, match=r"state 0, action 0 sums to 0\.5"):
        from_gymnasium({0: {0: [(0.5, 0, 0.0, False)]}})
    with pytest.raises(InputError, match="the table is not"):
        from_gymnasium({1: {0: [(1.0, 1, 0.0, False)]}})
    with pytest.raises(InputError, match=r"initial .* is not a state"):
        from_gymnasium({0: {0: [(1.0, 0, 0.0, True)]}}, initial=4)
    with pytest.raises(InputError, match="terminal 'stop'"):
        from_gymnasium({0: {0: [(1.0, 0, 0.0, True)]}}, terminal="stop")


def test_kept_terminal_states_of_different_gain_are_refused_with_their_gains():
    table = {
        0: {0: [(1.0, 1, 0.0, False)], 1: [(1.0, 2, 0.0, False)]},
        1: {0: [(1.0, 1, 0.25, True)], 1: [(1.0, 1, 0.25, True)]},
        2: {0: [(1.0, 2, 0.75, True)], 1: [(1.0, 2, 0.75, True)]},
    }
    with pytest.raises(MultichainError, match=r"\(1, 0.25\), \(1, 0.75\)") as caught:
        solve_average_reward(from_gymnasium(table, terminal="keep"))
    assert [c.tolist() for c in caught.value.classes] == [[1], [2]]
