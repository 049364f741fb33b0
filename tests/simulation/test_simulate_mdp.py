"""Simulated MDPs against exact chains, the delayed optimum and the identity of regret and gaps, with z-bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.mdp import AsynchronousMDP, FiniteMDP, parse_mdp, solve_average_reward, solve_delayed
from regretlab.scenario import Scenario
from regretlab.simulation import simulate, simulate_mdp
from regretlab.simulation.draws import random_state
from regretlab.simulation.draws._kernels import fill_bits
from regretlab.simulation.finite_mdps import chain
from regretlab.simulation.finite_mdps._kernels import draw
from regretlab.simulation.finite_mdps.chain import AliasRows

GAMMA = parse_law("gamma(4, scale=0.8)")
FRAMES = 200_000


def random_mdp(states, actions, seed):
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(states, 0.3), size=(actions, states))
    return FiniteMDP(transitions, rng.random((states, actions)))


def near(estimate, expected, *, slack=1e-4):
    """|z| < 4.5, with a little for where a run begins."""
    return abs(estimate.value - expected) < 4.5 * estimate.standard_error + slack


def law_of(table, row):
    """The law an alias row draws from, word by word."""
    begin, power = row << max(table.power, 0), table.power
    if power < 0:
        begin, power = int(table.rows[row]) >> 6, int(table.rows[row]) & 63
    columns = 1 << power
    words = table.words[begin:][:columns]
    law = np.zeros(1 << table.state_bits)
    mask = (1 << table.state_bits) - 1
    for word in words.tolist():
        share = (word >> (2 * table.state_bits)) / 2 ** (64 - 2 * table.state_bits)
        law[word & mask] += share / columns
        law[(word >> table.state_bits) & mask] += (1 - share) / columns
    return law


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.booleans())
def test_alias_rows_hold_the_transition_probabilities(seed, states, even):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((7, states)) < 0.4, rng.random((7, states)) ** 4, 0.0)
    dense[np.arange(7), rng.integers(states, size=7)] += 1e-3
    dense /= dense.sum(axis=1, keepdims=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "SMALL", 1 << 16 if even else 0)
        patch.setattr(chain, "WASTE", 0.0)
        table = AliasRows.of(sparse.csr_array(dense))
    assert (table.power >= 0) == even
    for row in range(7):
        assert law_of(table, row)[:states] == pytest.approx(dense[row], abs=1e-9)
        assert law_of(table, row)[states:] == pytest.approx(0)


@pytest.mark.parametrize("even", [True, False])
def test_draws_from_alias_rows_follow_the_law(even):
    """2^18 draws of each row within |z| < 4.5."""
    law = np.array([[0.0, 0.5, 0.2, 0.3, 0.0], [1.0, 0, 0, 0, 0], [0.9, 0, 0, 0, 0.1]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "SMALL", 1 << 16 if even else 0)
        table = AliasRows.of(sparse.csr_array(law))
    count = 1 << 18
    bits = np.empty(count, np.uint64)
    fill_bits(random_state(np.random.SeedSequence(1)), bits, count)
    for row in range(3):
        drawn = [draw(row, random, table.power, table.rows, table.words, table.state_bits) for random in bits]
        frequency = np.bincount(drawn, minlength=5) / count
        assert np.all(np.abs(frequency - law[row]) <= 4.5 * np.sqrt(law[row] * (1 - law[row]) / count))


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_constant_delay_against_the_exact_chain(delay):
    """Every frame served with the same delay: the chain of (s_{t-d}, ..., s_t) is finite, its gain linear algebra."""
    states = 4
    mdp = random_mdp(states, 3, seed=delay)
    policy = np.array([0, 2, 1, 1])
    transitions = mdp.dense()
    windows = np.array(np.unravel_index(np.arange(states ** (delay + 1)), (states,) * (delay + 1))).T
    moves = np.zeros((len(windows), len(windows)))
    rewards = np.zeros(len(windows))
    for index, window in enumerate(windows):
        action = policy[window[0]]
        rewards[index] = mdp.rewards[window[-1], action]
        for following in range(states):
            to = np.ravel_multi_index((*window[1:], following), (states,) * (delay + 1))
            moves[index, to] += transitions[action, window[-1], following]
    stationary = np.linalg.lstsq(
        np.vstack([moves.T - np.eye(len(windows)), np.ones(len(windows))]), np.append(np.zeros(len(windows)), 1.0)
    )[0]
    law = parse_law(f"{delay - 0.5}")
    result = simulate_mdp(
        AsynchronousMDP(mdp), policy, Scenario(law, workers=delay, rule="frame-pool"), frames=FRAMES, seed=1
    )
    assert near(result.reward_per_frame, stationary @ rewards)
    assert result.service.inaction_fraction == 0.0


@pytest.mark.parametrize("chains", [1, 3])
@pytest.mark.parametrize("beta", ["action", "by state", "stochastic", "repeat"])
def test_sequential_play_against_the_exact_chain(beta, chains):
    """One frame of action in D = 2, the other of default behaviour: two-frame steps of (s, last action)."""
    mdp = random_mdp(5, 3, seed=9)
    policy = np.array([2, 0, 1, 1, 0])
    transitions = mdp.dense()
    laws = {
        "action": np.eye(3)[np.full(5, 1)],
        "by state": np.eye(3)[[0, 1, 2, 0, 1]],
        "stochastic": np.random.default_rng(1).dirichlet(np.ones(3), size=5),
    }
    given_beta = {"action": 1, "by state": np.array([0, 1, 2, 0, 1])}.get(beta, laws.get(beta, "repeat"))
    # boundary t even: observe s_t; the action for s_{t-2} acts in frame t, the default behaviour in frame t + 1
    moves, rewards = np.zeros((25, 25)), np.zeros(25)
    for earlier in range(5):
        action = policy[earlier]
        for now in range(5):
            index = 5 * earlier + now
            rewards[index] = mdp.rewards[now, action]
            for middle in range(5):
                share = transitions[action, now, middle]
                law = np.eye(3)[action] if beta == "repeat" else laws[beta][middle]
                rewards[index] += share * (law @ mdp.rewards[middle])
                moves[index, 5 * now : 5 * now + 5] += share * (law @ transitions[:, middle])
    stationary = np.linalg.lstsq(np.vstack([moves.T - np.eye(25), np.ones(25)]), np.append(np.zeros(25), 1.0))[0]
    process = AsynchronousMDP(mdp, beta=given_beta)
    result = simulate_mdp(
        process, policy, Scenario(parse_law("1.5"), rule="sequential"), chains=chains, frames=FRAMES, seed=2
    )
    assert near(result.reward_per_frame, stationary @ rewards / 2)
    assert result.service.inaction_fraction == pytest.approx(0.5, abs=1e-4)


def test_regret_is_what_the_gaps_say():
    mdp = random_mdp(6, 3, seed=4)
    solution = solve_average_reward(mdp)
    result = simulate_mdp(
        AsynchronousMDP(mdp, beta=0),
        solution.policy,
        Scenario(GAMMA, workers=2, rule="frame-pool"),
        solution=solution,
        frames=FRAMES,
        seed=3,
    )
    parts = result.inaction_regret.value + result.agent_regret.value
    # the two sides of the identity differ by martingale noise and the boundary term only
    error = result.regret_per_frame.standard_error + result.agent_regret.standard_error
    assert abs(result.regret_per_frame.value - parts) < 4.5 * error + solution.bias_span / result.frames
    assert result.regret_per_frame.value > 0.01


@pytest.mark.parametrize("text", ["ring(p=0.8, symbols=4)", "shift-register(p=0.8, n=3)", "lazy-walk(states=9)"])
@pytest.mark.parametrize("delay", [1, 3])
def test_families_earn_their_delayed_optimum_by_acting_on_the_mode(text, delay):
    """In these the zero-delay policy, played for the likeliest state, is optimal under delay: the gains agree."""
    process = parse_mdp(text)
    mdp = process.mdp
    solution = solve_average_reward(mdp)
    exact = solve_delayed(mdp, delay)
    mode = np.arange(mdp.states)
    for _ in range(delay):
        mode = np.asarray(mdp.matrix(0)[mode].argmax(axis=1)).ravel()
    result = simulate_mdp(
        process,
        solution.policy[mode],
        Scenario(parse_law(f"{delay - 0.5}"), workers=delay, rule="frame-pool"),
        solution=solution,
        frames=FRAMES,
        seed=5,
    )
    assert near(result.reward_per_frame, exact.gain)


def test_the_ring_as_an_mdp_is_the_ring_as_a_witness():
    """Two kernels for one thing: the same law of delays, the same regret of agent frames."""
    process = parse_mdp("ring(p=0.9, symbols=4)")
    solution = solve_average_reward(process.mdp)
    mode = np.asarray(process.mdp.matrix(0).argmax(axis=1)).ravel()
    actions = [solution.policy]
    for _ in range(40):
        actions.append(actions[-1][mode])
    law = parse_law("expon(scale=2.5)")
    table = simulate_mdp(
        AsynchronousMDP(process.mdp, beta="repeat"),
        np.array(actions[1:]),
        Scenario(law, workers=40, rule="frame-pool"),
        solution=solution,
        frames=FRAMES,
        seed=6,
    )
    ring = simulate(
        Scenario(law, frame_time=1.0, mode_probability=0.9, workers=40, symbols=4, rule="frame-pool"),
        frames=FRAMES,
        seed=6,
    )
    spread = np.hypot(table.agent_regret.standard_error, ring.standard_errors["regret_per_frame"]["delay"])
    scale = solution.gaps.max()
    assert abs(table.agent_regret.value - scale * ring.regret.delay) < 4.5 * spread
    assert table.service.delay_law == pytest.approx(ring.delay_law, abs=5e-3)


def test_copies_of_an_mdp_are_independent():
    """Nine copies on one service: their mean has a ninth of the variance (a chi-square ratio, |z| < 4)."""
    mdp = random_mdp(5, 2, seed=1)

    def error(chains):
        result = simulate_mdp(
            AsynchronousMDP(mdp),
            np.zeros(5, int),
            Scenario(parse_law("0.5"), rule="frame-pool"),
            chains=chains,
            frames=100_000,
            replications=4,
        )
        assert result.transitions == chains * result.frames
        return result.reward_per_frame.standard_error

    assert abs((error(1) / error(9)) ** 2 / 9 - 1) < 4 * np.sqrt(2 * 2 / 127)


def test_policies_by_delay_act_by_the_delay():
    """Delays 1 and 2 in turn; the action names the delay and pays by it."""
    mdp = FiniteMDP([np.eye(1)] * 3, rewards=[[0.0, 1.0, 10.0]])
    policy = np.array([[1], [2]])
    law = parse_law("gamma(2, scale=0.7)")
    result = simulate_mdp(
        AsynchronousMDP(mdp, beta=0), policy, Scenario(law, workers=9, rule="frame-pool"), frames=50_000, seed=7
    )
    served = result.service.delay_law
    assert result.reward_per_frame.value == pytest.approx(served[1] + 10 * served[2:].sum())


def test_the_figures_do_not_depend_on_the_number_of_cores():
    mdp = random_mdp(6, 3, seed=4)
    values = [
        simulate_mdp(
            AsynchronousMDP(mdp, beta=np.full((6, 3), 1 / 3)),
            np.zeros(6, int),
            Scenario(GAMMA, workers=3, rule="expected-time"),
            frames=20_000,
            threads=cores,
        ).reward_per_frame.value
        for cores in (1, 3)
    ]
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("policy", "changes", "message"),
    [
        ([0, 1], {}, "does not fit"),
        ([0, 1, 0, 1, 0, 3], {}, r"outside 0\.\.2"),
        ([0.5] * 6, {}, "does not fit"),
        ([0] * 6, {"start": 6}, "start must be a state between 0 and 5"),
        ([0] * 6, {"chains": 0}, "chains must be at least 1"),
        ([0] * 6, {}, "which the process does not define"),
    ],
)
def test_bad_input_is_named(policy, changes, message):
    process = AsynchronousMDP(random_mdp(6, 3, seed=4))
    rule = "sequential" if "does not define" in message else "frame-pool"
    with pytest.raises(InputError, match=message):
        simulate_mdp(process, policy, Scenario("1.5", rule=rule), frames=1000, **changes)
