"""The parts of a learner's regret: the informed agent against exact optima, roots against lines, where they cross."""

import json
import math

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.mdp import (
    AsynchronousMDP,
    FiniteMDP,
    augmented_mdp,
    closed_form_regret,
    diameter,
    gain_of_unknown_delay,
    parse_mdp,
    save_mdp,
    solve_delayed,
)
from regretlab.results import interval_quantile
from regretlab.rules.service.service import service_law
from regretlab.scenario import Scenario
from regretlab.simulation.learning import learner_named, simulate_learning
from regretlab.theory.learning import learning_bound, linear_parts_dominate_after

QUANTILE = interval_quantile(0.99)

PLAYED = {"frames": 120_000, "checkpoints": 2, "replications": 16, "bernoulli": False}
LEARNER = ("q-epsilon", {"epsilon": 0.02, "discount": 0.5, "step": 0.05})


def late_rates(curves):
    """Inaction plus delay, and learning, per frame in the second half, with standard errors."""
    span = curves.frames[-1] - curves.frames[0]
    linear = curves.inaction + curves.delay
    error = np.hypot(curves.delay_error[-1], curves.inaction_error[-1]) + np.hypot(
        curves.delay_error[0], curves.inaction_error[0]
    )
    learning = (curves.learning[-1] - curves.learning[0]) / span
    return (linear[-1] - linear[0]) / span, error / span, learning, sum(curves.learning_error[[0, -1]]) / span


@pytest.mark.parametrize(
    ("mdp", "law", "workers", "rule", "delay", "every"),
    [
        ("ring(p=0.9, symbols=4, mode=rotating)", "0.7", 1, "frame-pool", 1, 1),
        ("shift-register(p=0.8, n=3)", "2.5", 3, "frame-pool", 3, 1),
        ("product(p=0.8, n=2)", "1.5", 2, "frame-pool", 2, 1),
        ("trap(p=0.9, length=3)", "0.7", 1, "frame-pool", 1, 1),
        ("trap(p=0.9, length=3)", "2.5", 3, "frame-pool", 3, 1),
        ("ring(p=0.9, symbols=4, mode=rotating)", "2.5", 1, "sequential", 3, 3),  # the action in force is repeated
        ("ring(p=0.9, symbols=4, mode=rotating, noop_gap=1)", "2.5", 1, "sequential", 3, 3),
        ("ring(p=0.9, symbols=4, mode=rotating, noop_gap=1)", "2.5", 1, "sequential-strict", 3, 4),
    ],
)
def test_the_informed_agent_attains_the_closed_form(mdp, law, workers, rule, delay, every):
    """Its regret per frame against the family's formula, z < 4 (formula and exact solver agree in other tests)."""
    curves = simulate_learning(
        parse_mdp(mdp),
        learner_named(LEARNER[0], **LEARNER[1]),
        Scenario(parse_law(law), workers=workers, rule=rule),
        seed=11,
        **PLAYED,
    )
    assert curves.delay_method == "exact"
    linear, error, learning, learning_error = late_rates(curves)
    assert abs(linear - closed_form_regret(mdp, delay, every=every)) < 4 * error
    assert learning > -4 * learning_error


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", range(6))
def test_the_informed_agent_attains_the_exact_optimum_of_random_problems(seed):
    """Random MDPs whose transitions depend on the action, with every default behaviour: z < 4 against solve_delayed."""
    rng = np.random.default_rng(seed)
    mdp = FiniteMDP(rng.dirichlet(np.full(4, 0.4), size=(2, 4)), rng.uniform(size=(4, 2)))
    for beta in (0, "repeat"):
        process = AsynchronousMDP(mdp, beta=beta)
        delay, every, rule, workers = [
            (2, 1, "frame-pool", 2),
            (3, 3, "sequential", 1),
            (2, 3, "sequential-strict", 1),
        ][seed % 3]
        curves = simulate_learning(
            process,
            learner_named("q-epsilon"),
            Scenario(parse_law(str(delay - 0.5)), workers=workers, rule=rule),
            seed=seed,
            **PLAYED,
        )
        linear, error, _, _ = late_rates(curves)
        assert curves.delay_method == "exact"
        assert abs(linear - solve_delayed(process, delay, every=every).regret_per_frame) < 4 * error


def test_a_random_delay_is_bet_on_as_the_exact_solver_does():
    ring = parse_mdp("ring(p=0.9, symbols=4, mode=rotating)")
    law = parse_law("expon(scale=2)")
    pool = simulate_learning(
        AsynchronousMDP(ring.mdp, beta=0),
        learner_named("q-epsilon"),
        Scenario(law, workers=math.inf, rule="frame-pool"),
        seed=13,
        **PLAYED,
    )
    law_of_delay = np.asarray(service_law(law, 1.0, workers=math.inf, rule="frame-pool").delay_law)
    phi = 1 - law_of_delay.sum()
    gain = gain_of_unknown_delay(ring.mdp, law_of_delay / (1 - phi))
    delay = (pool.delay[-1] - pool.delay[0]) / (pool.frames[-1] - pool.frames[0])
    error = (pool.delay_error[-1] + pool.delay_error[0]) / (pool.frames[-1] - pool.frames[0])
    assert abs(delay - (1 - phi) * (1 - gain)) < 4 * error


def test_where_the_optimum_is_not_known_the_answer_says_so_and_is_no_worse_than_the_delayed_optimum_allows():
    """A trap under a random delay: no policy beats p (any delay leaves the same guess), and the tried ones reach it."""
    curves = simulate_learning(
        parse_mdp("trap(p=0.9, length=3)"),
        learner_named("q-epsilon"),
        Scenario(parse_law("gamma(4, scale=0.5)"), workers=math.inf, rule="frame-hold", hold=3),
        seed=14,
        **PLAYED,
    )
    assert curves.delay_method == "upper bound"
    linear, error, _, _ = late_rates(curves)
    assert linear > closed_form_regret("trap(p=0.9, length=3)", 1) - 4 * error


def test_credit_to_the_observation_learns_what_to_do_on_old_observations():
    """On the rotating ring a learner of states plays the old symbol for ever; one of observations does not."""
    mdp = "ring(p=0.9, symbols=4, mode=rotating)"
    rates = {}
    for credit in ("observation", "state"):
        curves = simulate_learning(
            parse_mdp(mdp),
            learner_named(LEARNER[0], **LEARNER[1]),
            Scenario(parse_law("0.7"), rule="frame-pool"),
            credit=credit,
            seed=15,
            **PLAYED,
        )
        rates[credit] = late_rates(curves)[2]
    # exploration: a wrong action in 0.02 * 3/4 of the frames, which loses the chance 0.9 of the right one
    assert rates["observation"] == pytest.approx(0.02 * 0.75 * (0.9 - 0.1 / 3), abs=0.004)
    assert rates["state"] > 0.8


def test_without_delay_the_two_credits_are_one():
    mdp = parse_mdp("riverswim(4)").mdp
    one, two = (
        simulate_learning(mdp, learner_named("ucrl2"), credit=credit, frames=20_000, replications=4, seed=16)
        for credit in ("observation", "state")
    )
    assert (one.regret == two.regret).all()


def test_a_learner_that_sees_its_actions_in_flight_finds_the_delayed_optimum():
    """Q-learning on the augmented problem of the trap: its regret there vanishes but for exploration."""
    whole = augmented_mdp(parse_mdp("trap(p=0.9, length=3)"), 2)
    curves = simulate_learning(whole, learner_named("q-epsilon", epsilon=0.01, step=0.02), seed=17, **PLAYED)
    _, _, learning, _ = late_rates(curves)
    assert curves.gain == pytest.approx(1 - closed_form_regret("trap(p=0.9, length=3)", 2))
    assert 0 <= learning < 0.02


def hardest_bandit(arms, horizon):
    """The gap of the bound's proof: as wide as can just not be told in so many frames; the last arm is best."""
    means = np.full((1, arms), 0.5)
    means[0, -1] += 2 * math.sqrt((arms - 1) / (16 * horizon))
    return FiniteMDP(np.ones((arms, 1, 1)), means)


def hardest_regret(arms, horizon, replications, seed):
    played = simulate_learning(
        hardest_bandit(arms, horizon), learner_named("thompson"), frames=horizon, checkpoints=1,
        replications=replications, seed=seed,
    )  # fmt: skip
    return played.learning[-1], played.learning_error[-1]


@pytest.mark.thorough
def test_at_the_hardest_gaps_learning_grows_as_the_root_and_stays_above_the_bound():
    """One instance a horizon, as in the minimax theorem: slope of log regret on log horizon 1/2, z < 4."""
    horizons = np.array([1000, 4000, 16_000, 64_000])
    values = np.array([hardest_regret(10, int(n), 150, seed) for seed, n in enumerate(horizons)])
    means, errors = values.T
    bounds = [learning_bound("bernoulli-bandit", interactions=float(n), actions=10).value for n in horizons]
    assert (means - QUANTILE * errors > bounds).all()
    x = np.log(horizons) - np.log(horizons).mean()
    slope = (x * np.log(means)).sum() / (x**2).sum()
    slope_error = math.sqrt(((x * errors / means) ** 2).sum()) / (x**2).sum()
    assert abs(slope - 0.5) < 4 * slope_error
    assert 4 * slope_error < 0.1  # the test can tell a root from a line


@pytest.mark.thorough
def test_the_linear_parts_overtake_learning_where_theory_says():
    """Learning C sqrt(n), inaction r a frame: they meet at (C/r)^2, and not before the bound's own crossing.

    C is taken at one horizon; the meeting is then looked at with instances that are hardest there, under sequential
    inference with half of the frames left to a no-op that costs 0.02.
    """
    arms, cost = 10, 0.02
    value, _ = hardest_regret(arms, 4000, 400, 21)
    constant = value / math.sqrt(4000)
    rate = 0.5 * cost
    # n interactions take 2 n frames: learning C sqrt(t/2) meets r t at t = C^2 / (2 r^2)
    meeting = constant**2 / 2 / rate**2
    ratios = {}
    for factor in (0.25, 1.0, 4.0):
        frames = int(factor * meeting)
        bandit = hardest_bandit(arms, frames // 2)
        best = bandit.rewards.max()
        means = np.concatenate([[[best - cost]], np.minimum(bandit.rewards, best)], axis=1)
        process = AsynchronousMDP(FiniteMDP(np.ones((arms + 1, 1, 1)), means), beta=0)
        played = simulate_learning(
            process,
            learner_named("thompson"),
            Scenario(parse_law("1.5"), rule="sequential"),
            frames=frames,
            checkpoints=1,
            replications=200,
            seed=22,
        )
        assert played.inaction[-1] == pytest.approx(rate * frames, rel=0.01)
        ratios[factor] = (played.learning[-1] / played.inaction[-1], played.learning_error[-1] / played.inaction[-1])
    # The no-op is one more arm, as good as any other but for 0.02: its share moves the constant by some per cent.
    assert ratios[0.25][0] - 4 * ratios[0.25][1] > 1
    assert ratios[4.0][0] + 4 * ratios[4.0][1] < 1
    assert ratios[1.0][0] == pytest.approx(1, abs=0.05)
    assert ratios[0.25][0] / ratios[1.0][0] == pytest.approx(2, rel=0.1)
    bound = learning_bound("bernoulli-bandit", interactions=meeting / 2, actions=arms)
    assert linear_parts_dominate_after(bound, interaction_time=2.0, rate=rate) < meeting


def test_learners_that_rest_on_rewards_in_the_unit_interval_refuse_others():
    """Thompson sampling with a mean above 1 would draw from no distribution at all."""
    mdp = FiniteMDP(np.ones((2, 1, 1)), np.array([[0.5, 1.6]]))
    for name in ("thompson", "ucb", "ucrl2", "q-ucb"):
        with pytest.raises(InputError, match=rf"mean rewards must lie in \[0, 1\] for learner '{name}', not in"):
            simulate_learning(mdp, learner_named(name), frames=100, bernoulli=False)
    assert simulate_learning(mdp, learner_named("q-epsilon"), frames=100, bernoulli=False).gain == pytest.approx(1.6)


def test_progress_is_told():
    told = []
    simulate_learning(
        parse_mdp("riverswim(3)").mdp, learner_named("ucrl2"), frames=100, replications=3,
        progress=lambda done, total, what: told.append((done, total)),
    )  # fmt: skip
    assert told == [(done, 6) for done in range(1, 7)]


def command(capfd, *words):
    from regretlab.cli import main

    size = [] if "--frames" in words else ["--frames", "2000", "--replications", "2"]
    code = main(["learn", *size, *words])
    return code, *capfd.readouterr()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mdp", "riverswim(3)", "--learning-bound", "magic"], "unknown learning bound 'magic' for learn"),
        (["--mdp", "riverswim(3)", "--learning-bound", "bernoulli-bandit"], "is for one state, and this MDP has 3"),
        (["--mdp", "riverswim(3)", "--learning-bound", "gaussian-bandit"], "rewards are 0 or 1"),
        (["--mdp", "riverswim(3)", "--learning-bound", "finite-mdp", "--mean-rewards"], "leave out --mean-rewards"),
        (["--mdp", "riverswim(3)", "--rule", "max-time"], "--rule max-time has no effect without an --inference-time"),
        (["--mdp", "riverswim(3)", "--workers", "2"], "--workers 2 has no effect without an --inference-time"),
        (["--mdp", "riverswim(3)", "--batch-size", "4"], "--batch-size 4 has no effect without --learners and"),
        (["--mdp", "riverswim(3)", "--learners", "4"], "learners and batch time go together"),
    ],
)
def test_what_has_no_effect_or_does_not_apply_is_refused(capfd, words, message):
    code, out, err = command(capfd, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.thorough
def test_the_bound_is_over_a_class_and_its_diameter_in_interactions(capfd):
    """A walk on 61 places, an action for each: half of the frames are served, so half its diameter counts."""
    walk = "lazy-walk(states=61, noop_gap=0.5)"
    code, out, err = command(
        capfd, "--mdp", walk, "--learning-bound", "finite-mdp", "--inference-time", "2", "--frame-time", "1", "--rule",
        "sequential", "--json", "--learner", "q-epsilon", "--frames", "12000000", "--replications", "1",
    )  # fmt: skip
    assert code == 0, err
    values = json.loads(out)
    assert "which need not be this one" in values["learning_bound_scope"]
    assert values["delay_method"] == "exact"
    mdp = parse_mdp(walk).mdp
    n = values["interactions"][-1]
    expected = learning_bound(
        "finite-mdp", interactions=n, states=61, actions=mdp.actions, diameter=diameter(mdp) * n / 12_000_000
    )
    assert values["learning_bound"][-1] == pytest.approx(expected.value, rel=1e-9)


def test_an_infinite_diameter_has_no_bound_and_says_so(capfd, tmp_path):
    rng = np.random.default_rng(0)
    moves = rng.dirichlet(np.ones(12), size=(10, 12))
    moves[:, :, 0] = 0.0  # nothing leads to state 0
    mdp = FiniteMDP(moves / moves.sum(axis=2, keepdims=True), rng.uniform(size=(12, 10)))
    path = save_mdp(mdp, tmp_path / "one-way.npz")
    code, out, _ = command(
        capfd, "--mdp", str(path), "--learner", "q-epsilon", "--learning-bound", "finite-mdp", "--json"
    )
    values = json.loads(out)
    assert code == 0
    assert set(values["learning_bound"]) == {None}
    assert "the diameter is infinite" in values["learning_bound_reason"]


def test_a_rule_without_closed_form_still_has_learners(capfd):
    """expected-time: the interaction time is simulated; mean 2.5 frames over 2 workers, an action every 1.25 frames."""
    code, out, err = command(
        capfd, "--mdp", "riverswim(3)", "--inference-time", "2.5", "--frame-time", "1", "--workers", "2", "--rule",
        "expected-time", "--learners", "1", "--batch-time", "2.5", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["share"] == pytest.approx(0.5, abs=0.05)
