"""Learning bounds: the constants derived again, the conditions enforced, and a learner that obeys them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.theory.learning import (
    LEARNING_BOUNDS,
    MDP_CONSTANT,
    MDP_CONSTANT_PUBLISHED,
    learners_to_keep_up,
    learning_bound,
    linear_parts_dominate_after,
    processed_share,
    supported_mdp_constant,
)


def two_point_bound(samples_per_arm, divergence):
    """Return max over gaps of (gap/8) exp(-samples * divergence(gap)): Bretagnolle-Huber over two environments."""
    gaps = np.geomspace(1e-5, 0.2499, 20_000)
    return (gaps / 8 * np.exp(-samples_per_arm * divergence(gaps))).max()


@pytest.mark.parametrize("per_arm", [1.0, 3.0, 50.0])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_the_gaussian_constant_follows_from_two_environments(per_arm, share):
    arms = 5
    n = per_arm * (arms - 1) / share
    # the divergence of the one arm that differs by 2 gap is 2 gap^2 a sample; only u n / (k-1) samples of it are seen
    gap = math.sqrt(1 / (4 * per_arm))
    derived = n * gap / 8 * math.exp(-per_arm * 2 * gap**2)
    bound = learning_bound("gaussian-bandit", interactions=n, actions=arms, share=share)
    assert bound.value <= derived < 1.03 * bound.value
    assert bound.holds


@pytest.mark.parametrize("per_arm", [3.5, 10.0, 1e4])
def test_the_bernoulli_constant_follows_from_two_environments(per_arm):
    arms, share = 4, 0.5
    n = per_arm * (arms - 1) / share

    def divergence(gap):  # of Bernoulli(1/2) from Bernoulli(1/2 + 2 gap)
        return -0.5 * np.log1p(-16 * gap * gap)

    derived = n * two_point_bound(per_arm, divergence)
    assert learning_bound("bernoulli-bandit", interactions=n, actions=arms, share=share).value <= derived


def test_a_real_learner_loses_at_least_the_bernoulli_bound():
    """UCB1 on the worse of the two hard environments; regret over 400 runs, z > 4 above the bound."""
    arms, n, runs = 3, 300, 400
    gap = math.sqrt((arms - 1) / (16 * n))
    random = np.random.default_rng(11)
    losses = []
    for better in (None, 1):
        means = np.full(arms, 0.5)
        means[0] += gap
        if better is not None:
            means[better] += 2 * gap
        counts, sums, lost = np.ones((runs, arms)), random.random((runs, arms)) < means, np.zeros(runs)
        sums = sums.astype(float)
        for step in range(arms, n):
            choice = np.argmax(sums / counts + np.sqrt(2 * math.log(step) / counts), axis=1)
            rows = np.arange(runs)
            sums[rows, choice] += random.random(runs) < means[choice]
            counts[rows, choice] += 1
        lost = counts @ (means.max() - means)
        losses.append((lost.mean(), lost.std() / math.sqrt(runs)))
    mean, error = max(losses)
    bound = learning_bound("bernoulli-bandit", interactions=n, actions=arms).value
    assert mean - 4 * error > bound


def test_feedback_latency_against_enumeration():
    """Any fixed choice over the first min(n, G) pulls, best arm uniform over k: the loss is (1 - 1/k) each."""
    arms, latency, n = 3, 4, 6
    random = np.random.default_rng(1)
    choices = random.integers(0, arms, size=min(n, latency))
    lost = np.mean([np.count_nonzero(choices != best) for best in range(arms)])
    assert learning_bound("feedback-latency", interactions=n, actions=arms, latency=latency).value == pytest.approx(
        lost
    )
    assert learning_bound("feedback-latency", interactions=2, actions=arms, latency=latency).value == pytest.approx(
        4 / 3
    )


def test_finite_mdp_and_its_two_constants():
    S, A, D, n = 12, 20, 30.0, 10_000.0
    root = math.sqrt(D * S * A * n)
    ours = learning_bound("finite-mdp", interactions=n, states=S, actions=A, diameter=D)
    assert ours.value == pytest.approx(0.0032 * root, rel=1e-12)
    published = learning_bound(
        "finite-mdp", interactions=n, states=S, actions=A, diameter=D, constant=MDP_CONSTANT_PUBLISHED
    )
    assert published.value == pytest.approx(0.015 * root, rel=1e-12)
    scaled = learning_bound("finite-mdp", interactions=n, states=S, actions=A, diameter=D, reward_range=0.25)
    assert scaled.value == pytest.approx(ours.value / 4)


def test_the_default_constant_is_supported_by_the_proof_everywhere():
    table = np.array([[supported_mdp_constant(S, A) for A in range(10, 60)] for S in range(10, 60)])
    assert table.argmin() == 1 * 50 + 0  # S = 11, A = 10
    assert round(table.min(), 4) == MDP_CONSTANT
    assert np.count_nonzero(table < MDP_CONSTANT) == 1
    used = learning_bound("finite-mdp", interactions=1e5, states=11, actions=10, diameter=30).constant
    assert used == table.min() < MDP_CONSTANT


def test_episodic():
    # S = 6 = 3 + (2^2 - 1)/(2 - 1), A = 2, depth 2
    H, K = 6.0, 100.0
    bound = learning_bound("episodic", interactions=H * K, states=6, actions=2, episode_length=H)
    assert bound.value == pytest.approx(math.sqrt(H**3 * 6 * 2 * K) / (48 * math.sqrt(6)), rel=1e-12)
    inside = learning_bound("episodic", interactions=H * K, states=7, actions=2, episode_length=H)
    assert inside.value == bound.value
    assert any("6 states and 2 actions of the full tree" in text for text in inside.assumptions)
    wide = learning_bound("episodic", interactions=6.0 * 500, states=8, actions=4, episode_length=6.0)
    assert wide.value == pytest.approx(math.sqrt(216 * 8 * 4 * 500) / (48 * math.sqrt(6)), rel=1e-12)


def test_published_bernoulli():
    assert learning_bound("bernoulli-bandit-published", interactions=400, actions=4).value == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "gaussian-bandit",
            {"interactions": 8, "actions": 5, "share": 0.4},
            "at least 4 processed interactions, not 3.2",
        ),
        ("bernoulli-bandit", {"interactions": 13, "actions": 5}, "at least 14 processed interactions, not 13"),
        ("bernoulli-bandit-published", {"interactions": 3, "actions": 4}, "at least 4 interactions"),
        ("finite-mdp", {"interactions": 1e6, "states": 9, "actions": 10, "diameter": 90}, "at least 10 states, not 9"),
        ("finite-mdp", {"interactions": 1e6, "states": 10, "actions": 9, "diameter": 90}, "at least 10 actions, not 9"),
        (
            "finite-mdp",
            {"interactions": 1e6, "states": 100, "actions": 10, "diameter": 39},
            "at least a diameter of 20 log_A S = 40 interactions, not 39",
        ),
        (
            "finite-mdp",
            {"interactions": 1e3, "states": 10, "actions": 10, "diameter": 20},
            "at least D S A = 2000 interactions, not 1000",
        ),
        ("episodic", {"interactions": 1e6, "states": 5, "actions": 2, "episode_length": 9}, "at least 6 states, not 5"),
        ("episodic", {"interactions": 1e6, "states": 6, "actions": 2, "episode_length": 5}, "episodes of 3 d = 6"),
        (
            "episodic",
            {"interactions": 60, "states": 6, "actions": 2, "episode_length": 6},
            "H S A = 72 episodes, not 10",
        ),
    ],
)
def test_a_condition_that_is_not_met_is_named_or_flagged(name, values, message):
    with pytest.raises(InputError, match=message) as caught:
        learning_bound(name, **values)
    flagged = learning_bound(name, **values, outside="flag")
    assert not flagged.holds
    assert str(caught.value) == flagged.unmet[0]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ucrl", {}, "unknown learning bound 'ucrl': choose one of gaussian-bandit, "),
        ("gaussian-bandit", {}, "learning bound 'gaussian-bandit' needs actions, and none is given"),
        ("finite-mdp", {"states": 10, "actions": 10}, "needs diameter, and none is given"),
        ("episodic", {"states": 10, "actions": 10}, "needs episode length, and none is given"),
        ("gaussian-bandit", {"actions": 1}, "actions must be a whole number of at least 2, not 1"),
        ("gaussian-bandit", {"actions": 2, "share": 1.5}, r"the processed share must lie in \[0, 1\], not 1.5"),
        ("gaussian-bandit", {"actions": 2, "interactions": math.inf}, "interactions must be a finite number"),
        ("gaussian-bandit", {"actions": 2, "reward_range": 0}, "reward range must be a positive, finite number, not 0"),
        ("gaussian-bandit", {"actions": 2, "constant": 1.0}, "only learning bound 'finite-mdp' has a constant"),
        ("gaussian-bandit", {"actions": 2, "outside": "guess"}, "outside must be 'raise' or 'flag', not 'guess'"),
        ("feedback-latency", {"actions": 2, "latency": -1}, "feedback latency must be a finite number"),
        ("finite-mdp", {"states": 10, "actions": 10, "diameter": 30, "constant": -1}, "constant of the learning bound"),
    ],
)
def test_unusable_input_is_named(name, values, message):
    with pytest.raises(InputError, match=message):
        learning_bound(name, **{"interactions": 1e4, **values})


@given(st.sampled_from(["gaussian-bandit", "bernoulli-bandit"]), st.integers(2, 50), st.floats(1e4, 1e8))
def test_processing_less_never_helps(name, arms, n):
    values = [learning_bound(name, interactions=n, actions=arms, share=u).value for u in (1.0, 0.5, 0.05)]
    assert values == sorted(values)
    assert values[2] == pytest.approx(values[0] * math.sqrt(20))


def test_every_name_is_documented_and_nothing_else():
    from regretlab.theory import learning

    assert all(f"``{name}``" in learning.__doc__ for name in LEARNING_BOUNDS)


def test_learners():
    assert learners_to_keep_up(0.4, 0.1, batch_size=2) == 2
    for count in range(1, 12):
        share = processed_share(count, 0.83, 0.1, batch_size=2, replay_ratio=1.7)
        enough = count >= learners_to_keep_up(0.83, 0.1, batch_size=2, replay_ratio=1.7)
        assert (share == 1.0) == enough
    assert processed_share(1, 1.0, math.inf) == 1.0
    with pytest.raises(InputError, match="learners must be a whole number of at least 1, not 0"):
        processed_share(0, 1.0, 1.0)
    with pytest.raises(InputError, match="interaction time must be a positive number of seconds, not 0"):
        processed_share(1, 1.0, 0)


def test_where_the_linear_parts_overtake_learning():
    interaction_time, rate = 0.2, 0.35
    bound = learning_bound("finite-mdp", interactions=1e6, states=10, actions=10, diameter=30)
    seconds = linear_parts_dominate_after(bound, interaction_time, rate)
    assert seconds == pytest.approx(0.0032**2 * 30 * 100 / interaction_time / rate**2)
    per_root = bound.value / math.sqrt(bound.interactions)
    assert per_root * math.sqrt(seconds / interaction_time) == pytest.approx(rate * seconds)
    with pytest.raises(InputError, match="stops growing"):
        linear_parts_dominate_after(learning_bound("feedback-latency", interactions=9, actions=2, latency=3), 1, 1)
    with pytest.raises(InputError, match="at least one interaction"):
        linear_parts_dominate_after(learning_bound("gaussian-bandit", interactions=0, actions=2, outside="flag"), 1, 1)
