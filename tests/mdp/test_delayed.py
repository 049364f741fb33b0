"""The delayed optimum: printed values, a frame-by-frame statement solved by linear programming, theorem D, monotony."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.mdp import (
    AsynchronousMDP,
    FiniteMDP,
    MultichainError,
    augmented_mdp,
    gain_of_unknown_delay,
    gap_range,
    kappa,
    parse_mdp,
    solve_average_reward,
    solve_delayed,
    solve_sequential,
)
from tests.oracles.frame_by_frame import frame_by_frame
from tests.oracles.linear_program import lp_gain
from tests.oracles.random_mdps import controlled_mdps, random_controlled_mdp


@pytest.mark.parametrize(
    ("text", "delay", "every", "regret"),
    [
        ("shift-register(p=0.8, n=3)", 3, 1, 0.488),
        ("ring(p=0.7, symbols=3)", 2, 1, 0.465),
        ("shift-register(p=0.7, n=3, noop_gap=0.9)", 3, 3, 0.819),
        ("shift-register(p=0.7, n=3, noop_gap=0.9)", 3, 4, 0.83925),
        ("trap(p=0.9, length=3)", 2, 1, 4 / 13),
        ("lazy-walk(states=51)", 10, 1, 1 - 184756 / 2**20),
    ],
)
def test_check_values(text, delay, every, regret):
    solution = solve_delayed(parse_mdp(text), delay, every=every)
    assert solution.regret_per_frame == pytest.approx(regret, abs=1e-9)
    assert solution.optimal_gain == pytest.approx(1.0, abs=1e-12)
    assert solution.inaction_fraction == 1 - 1 / every
    assert solution.method == "exact"


def test_sequential_is_an_interval_of_the_delay_or_one_more():
    game = parse_mdp("shift-register(p=0.7, n=3, noop_gap=0.9)")
    assert solve_sequential(game, 3).regret_per_frame == pytest.approx(0.819, abs=1e-12)
    strict = solve_sequential(game, 3, strict=True)
    assert (strict.regret_per_frame, strict.every) == (pytest.approx(0.83925, abs=1e-12), 4)
    with pytest.raises(InputError, match="delay 0"):
        solve_sequential(game, 0)


def betas(mdp, kind, seed):
    rng = np.random.default_rng(seed)
    if kind == "law":
        return rng.dirichlet(np.ones(mdp.actions), mdp.states)
    return kind if kind == "repeat" else rng.integers(mdp.actions)


@pytest.mark.parametrize("kind", ["action", "law", "repeat"])
@pytest.mark.parametrize(
    ("delay", "every"), [(0, 1), (1, 1), (3, 1), (0, 2), (1, 2), (2, 2), (3, 2), (4, 2), (1, 3), (2, 3), (3, 3), (4, 3)]
)
def test_against_the_game_played_frame_by_frame(delay, every, kind):
    """Same optimum as the frame-level problem, whose rewards are paid when due and whose actions wait in a queue."""
    compared = 0
    for seed in range(3):
        mdp = random_controlled_mdp(100 * delay + 10 * every + seed, states=3, actions=2, successors=2)
        process = AsynchronousMDP(mdp, betas(mdp, kind, seed))
        beta = "repeat" if kind == "repeat" else process.beta
        if every == 1:
            beta = np.zeros((mdp.states, mdp.actions))
        try:
            gain = solve_delayed(process, delay, every=every).gain
        except MultichainError:
            # A period that every divides: the gain depends on the phase. Nothing to compare.
            continue
        assert gain == pytest.approx(lp_gain(*frame_by_frame(mdp.dense(), mdp.rewards, delay, every, beta)), abs=1e-8)
        compared += 1
    assert compared > 0


def test_the_policy_earns_the_gain_when_played():
    """Frame-by-frame Monte Carlo of the returned policy, batch means of 50 batches, |z| < 4."""
    mdp = random_controlled_mdp(5, states=4, actions=3)
    process = AsynchronousMDP(mdp, beta=1)
    delay, every = 3, 2
    solution = solve_delayed(process, delay, every=every)
    classes = mdp.kernel_classes
    assert solution.policy.shape == (4, 3)
    rng = np.random.default_rng(3)
    cumulative = np.cumsum(mdp.dense(), axis=2)
    frames, state, queue, rewards = 60_000, 0, [0, 0], []
    for frame in range(frames):
        if (frame + delay) % every == 0:
            queue.append(int(solution.policy[state, classes[queue[0]]]))
        action = queue.pop(0) if frame % every == 0 else 1
        rewards.append(mdp.rewards[state, action])
        state = int(np.searchsorted(cumulative[action, state], rng.random()))
    means = np.array(rewards).reshape(50, -1).mean(axis=1)
    assert abs(means.mean() - solution.gain) < 4 * means.std(ddof=1) / np.sqrt(50)
    assert solution.gain < solution.optimal_gain


@given(controlled_mdps(largest_states=4), st.integers(1, 3))
@settings(max_examples=200)
def test_both_sides_of_theorem_d(mdp, delay):
    """Dmin (1 - K_d) <= rho* - rho_d <= Dmax (1 - kappa_d) <= Dmax (1 - p^d), with K_d by enumeration."""
    undelayed = solve_average_reward(mdp)
    largest, smallest = gap_range(undelayed)
    delayed = solve_delayed(mdp, delay)
    slack = 1e-8 * (1 + largest)
    assert delayed.kappa >= delayed.p_minimax**delay - 1e-12
    assert delayed.regret_per_frame <= largest * (1 - delayed.kappa) + slack
    if np.isfinite(smallest):
        # K_d: the best chance, over all that can be known, that the action taken is optimal.
        best = 0.0
        optimal = (undelayed.gaps <= 1e-9).astype(float)
        dense = mdp.dense()
        ahead = [optimal]
        for _ in range(delay):
            ahead = [dense[a] @ later for a in range(mdp.actions) for later in ahead]
        best = max(float(x.max()) for x in ahead)
        assert smallest * (1 - best) - slack <= delayed.regret_per_frame


@given(controlled_mdps(largest_states=3), st.integers(0, 2), st.integers(1, 2), st.sampled_from([2, 3]), st.booleans())
@settings(max_examples=200)
def test_gain_falls_with_delay_and_with_the_interval(mdp, delay, every, factor, repeat):
    """A later observation says no more, and an agent that acts every I frames can do what one that acts every m I
    frames does, if the default behaviour is an action it has or what it did last."""
    process = AsynchronousMDP(mdp, "repeat" if repeat else 0)
    try:
        gain = solve_delayed(process, delay, every=every).gain
        assert solve_delayed(process, delay + 1, every=every).gain <= gain + 1e-9
        assert solve_delayed(process, delay, every=every * factor).gain <= gain + 1e-9
    except MultichainError:
        # Sampled at a multiple of its period the process can fall apart; the gain then depends on the phase.
        assert every * factor > 1


def test_intervals_that_do_not_divide_need_not_be_ordered():
    """A gate: "go" pays 1 and takes a round of three frames, else one waits. Every third frame is just in time (1/3),
    every second frame meets the gate once in four frames (1/4)."""
    go = np.roll(np.eye(3), 1, axis=1)
    wait = go.copy()
    wait[0] = 1.0, 0.0, 0.0
    rewards = np.zeros((3, 2))
    rewards[0, 1] = 1.0
    process = AsynchronousMDP(FiniteMDP([wait, go], rewards), beta=0)
    gains = [solve_delayed(process, 0, every=every).gain for every in (1, 2, 3, 6)]
    np.testing.assert_allclose(gains, [1 / 3, 1 / 4, 1 / 3, 1 / 6], atol=1e-10)


def test_a_default_behaviour_that_sees_the_state_can_beat_a_delayed_agent():
    """beta is the undelayed optimal policy, the agent is two frames late: acting less often earns more."""
    game = parse_mdp("ring(p=0.6, symbols=3)").mdp
    process = AsynchronousMDP(game, beta=[0, 1, 2])
    assert solve_delayed(process, 2, every=4).gain > solve_delayed(process, 2, every=1).gain + 0.3


def test_augmented_process_of_the_cheap_path_stays_small():
    assert augmented_mdp(parse_mdp("shift-register(p=0.8, n=3)"), 50).states == 8
    assert solve_delayed(parse_mdp("ring(p=0.9, symbols=4)"), 500).gain == pytest.approx(0.25 + 0.75 * (2.6 / 3) ** 500)


def test_augmented_process_against_value_iteration_on_it():
    mdp = random_controlled_mdp(9, states=4, actions=3)
    augmented = augmented_mdp(mdp, 4)
    assert augmented.states == 4 * 3**4
    swept = solve_average_reward(augmented, method="value-iteration")
    assert solve_delayed(mdp, 4).gain == pytest.approx(swept.gain, abs=2e-10)


@pytest.mark.parametrize(
    ("delay", "size"), [(16, "2.58e+08 states (6 x 2**16)"), (100, "7.61e+30 states"), (10**6, "1e301031 states")]
)
def test_memory_is_checked_before_it_is_taken(delay, size):
    river = parse_mdp("riverswim(6)")
    if delay == 16:
        size = "3.93e+05 states (6 x 2**16) that needs about"
    with pytest.raises(InputError) as caught:
        solve_delayed(river, delay, limit=2**20)
    assert size in str(caught.value)
    assert "GiB, over the limit of 0.000977 GiB" in str(caught.value)


def test_kernels_of_long_epochs_are_checked_too():
    process = parse_mdp("random(states=300, actions=2, successors=3)")
    with pytest.raises(InputError, match="the kernel of an epoch of several frames"):
        solve_delayed(process, 1, every=20, limit=200_000)


def test_wrong_arguments():
    mdp = parse_mdp("riverswim").mdp
    for call in (solve_delayed, kappa):
        with pytest.raises(InputError, match="no default behaviour"):
            call(mdp, 2, every=2)
        for delay, every in ((-1, 1), (1, 0)):
            with pytest.raises(InputError, match=f"every at least 1 frame, not {delay} and {every}"):
                call(mdp, delay, every=every)


def test_two_classes_are_refused():
    with pytest.raises(MultichainError):
        solve_delayed(FiniteMDP([np.eye(2)], [[0.0], [1.0]]), 1)


def test_mode_that_moves_while_the_delay_is_unknown():
    """Rotating ring of K symbols, delay j with probability f_j: 1/K + max_j f_j lam^j - sum/K, so max_j f_j p^j for
    large K; the naive sum_j f_j p^j is what a lazy mode earns."""
    law = np.array([0.0, 0.2, 0.5, 0.3])
    p, symbols = 0.9, 100
    lam = (symbols * p - 1) / (symbols - 1)
    served = law * lam ** np.arange(4)
    rotating = gain_of_unknown_delay(parse_mdp(f"ring(p={p}, symbols={symbols}, mode=rotating)").mdp, law)
    lazy = gain_of_unknown_delay(parse_mdp(f"ring(p={p}, symbols={symbols})").mdp, law)
    assert rotating == pytest.approx(1 / symbols + served.max() - served.sum() / symbols, abs=1e-10)
    assert lazy == pytest.approx(1 / symbols + served.sum() * (1 - 1 / symbols), abs=1e-10)
    naive, right = (law * p ** np.arange(4)).sum(), (law * p ** np.arange(4)).max()
    assert abs(lazy - naive) < 1e-2
    assert abs(rotating - right) < 1e-2
    assert naive - right > 0.3
    # A delay that is known is the delayed problem.
    game = parse_mdp("ring(p=0.9, symbols=4)")
    assert gain_of_unknown_delay(game.mdp, [0, 0, 1.0]) == pytest.approx(solve_delayed(game, 2).gain, abs=1e-12)
    with pytest.raises(InputError, match="depend on the action"):
        gain_of_unknown_delay(parse_mdp("riverswim").mdp, law)
    with pytest.raises(InputError, match="delay law"):
        gain_of_unknown_delay(game.mdp, [0.5])
