"""Optimiser, loss, gradient and exploration against PyTorch's own optimiser and plain arithmetic."""

import numpy as np
import pytest
import torch

from regretlab.errors import InputError, RunError
from regretlab.play.learning.acting import ExploringPolicy, held_exploration
from regretlab.policies import PolicySpec
from regretlab.policies.learning import LearningSettings
from regretlab.policies.learning.exploration import HeldExploration
from regretlab.policies.learning.updates import Batch, GradientComputer, adam_step
from regretlab.policies.parameters import parameter_count, random_parameters
from regretlab.policies.policy import build_policy


def _batch(random, size, actions):
    return Batch(
        observations=random.integers(0, 256, (size, 84, 84), np.uint8),
        actions=random.integers(0, actions, size),
        rewards=random.normal(0, 3, size).astype(np.float32),
        discounts=np.where(np.arange(size) % 3 == 0, 0, 0.9).astype(np.float32),
        next_observations=random.integers(0, 256, (size, 84, 84), np.uint8),
        rows=np.arange(size),
    )


def test_fifty_steps_are_those_of_torch_adam():
    random = np.random.default_rng(1)
    weights, first, second = (np.zeros(100, np.float32) for _ in range(3))
    reference = torch.zeros(100, requires_grad=True)
    optimiser = torch.optim.Adam([reference], lr=3e-3)
    for step in range(1, 51):
        gradient = random.normal(size=100).astype(np.float32)
        adam_step(weights, gradient, first, second, step, 3e-3)
        reference.grad = torch.from_numpy(gradient)
        optimiser.step()
        np.testing.assert_allclose(weights, reference.detach().numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_gradient_predicts_how_the_loss_changes(channels_last):
    """Central differences of the loss along random directions, in the order of the flat weights."""
    random = np.random.default_rng(2)
    spec = PolicySpec("impala-k1/16", actions=4, channels_last=channels_last)
    computer = GradientComputer(spec, gradient_clip=1e9)
    random_parameters(spec, computer.weights)
    random_parameters(PolicySpec("impala-k1/16", actions=4, seed=5, channels_last=channels_last), computer.target)
    batch = _batch(random, 6, 4)
    computer.compute(batch)
    gradient, start = computer.gradient.copy(), computer.weights.copy()
    direction = gradient / np.linalg.norm(gradient)
    losses = []
    for sign in (1, -1):
        computer.weights[:] = start + sign * np.float32(2e-3) * direction
        losses.append(computer.compute(batch))
    slope = (losses[0] - losses[1]) / 4e-3
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=0.02)


def test_the_loss_is_the_huber_loss_of_the_target():
    random = np.random.default_rng(3)
    spec, other = PolicySpec("nature", actions=3), PolicySpec("nature", actions=3, seed=1)
    computer = GradientComputer(spec, gradient_clip=10.0)
    random_parameters(spec, computer.weights)
    random_parameters(other, computer.target)
    batch = _batch(random, 9, 3)
    losses = []
    for i in range(9):
        value = build_policy(spec).values(batch.observations[i])[batch.actions[i]]
        following = build_policy(other).values(batch.next_observations[i]).max()
        difference = abs(value - (batch.rewards[i] + batch.discounts[i] * following))
        losses.append(difference**2 / 2 if difference <= 1 else difference - 0.5)
    assert computer.compute(batch) == pytest.approx(np.mean(losses), rel=1e-4)
    assert np.linalg.norm(computer.gradient) <= 10.0 + 1e-4


def test_a_long_gradient_is_scaled_and_one_that_is_not_finite_ends_the_run():
    spec = PolicySpec("nature", actions=3)
    batch = _batch(np.random.default_rng(4), 4, 3)
    free, clipped = GradientComputer(spec, 1e9), GradientComputer(spec, 0.01)
    for computer in (free, clipped):
        random_parameters(spec, computer.weights)
        computer.compute(batch)
    np.testing.assert_allclose(clipped.gradient, free.gradient * (0.01 / np.linalg.norm(free.gradient)), rtol=1e-4)
    free.weights[:] = np.nan
    with pytest.raises(RunError, match="diverged"):
        free.compute(batch)


def test_random_actions_are_as_frequent_as_epsilon_says():
    spec = PolicySpec("noop", actions=5)
    policy = ExploringPolicy(build_policy(spec), lambda: 0.4, (3, 1))
    frame = np.zeros((84, 84), np.uint8)
    actions = np.array([policy.act(frame) for _ in range(20_000)])
    expected = 0.4 * 4 / 5  # a random action is the policy's own one time in five
    assert abs((actions != 0).mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / 20_000)


def test_held_exploration_has_the_stated_law():
    """Pieces of geometric length with the mean asked for, epsilon of them random, all actions alike; |z| < 4."""
    hold, epsilon, actions, count = 8.0, 0.3, 5, 40_000
    always, some = HeldExploration(11, hold), HeldExploration(12, hold)
    plays = np.array([always.action(number, 1.0, actions) for number in range(count)])
    pieces = 1 + np.count_nonzero(np.diff(plays)) * actions / (actions - 1)  # the next piece repeats one in five
    assert abs(pieces - count / hold) < 4 * np.sqrt(count / hold * (1 - 1 / hold) + count / hold / (actions - 1))
    effective = count / (2 * hold - 1)  # decisions of a piece are one draw: the mean piece of a decision has 2 hold - 1
    shares = np.bincount(plays, minlength=actions) / count
    assert np.abs(shares - 1 / actions).max() < 4 * np.sqrt(0.2 * 0.8 / effective)
    random = np.mean([some.action(number, epsilon, actions) is not None for number in range(count)])
    assert abs(random - epsilon) < 4 * np.sqrt(epsilon * (1 - epsilon) / effective)
    lengths = np.diff(np.flatnonzero(np.diff(plays, prepend=-1)))
    assert lengths.max() > 3 * hold  # geometric, not of one length
    assert lengths.min() == 1


def test_workers_hold_one_action_between_them():
    """Three workers that decide in turn play what one alone would; without a hold each draws for itself."""
    frame = 0
    settings = LearningSettings(exploration_hold=6.0)
    policies = [
        ExploringPolicy(
            build_policy(PolicySpec("noop", actions=5)), lambda: 1.0, (3, worker), held_exploration(settings, 3, now)
        )
        for worker in range(3)
        for now in [lambda: frame]
    ]
    played, alone = np.zeros(60, int), HeldExploration(3, 6.0)
    for frame in range(60):
        played[frame] = policies[frame % 3].act(np.zeros((84, 84), np.uint8))
    assert played.tolist() == [alone.action(number, 1.0, 5) for number in range(60)]
    assert held_exploration(LearningSettings(), 3, lambda: 0) is None


def test_a_double_target_is_the_target_networks_value_of_the_online_choice():
    random = np.random.default_rng(3)
    spec, other = PolicySpec("nature", actions=3), PolicySpec("nature", actions=3, seed=1)
    computer = GradientComputer(spec, gradient_clip=10.0, double=True)
    random_parameters(spec, computer.weights)
    random_parameters(other, computer.target)
    computer.weights *= 1.5  # values that are not the small first ones
    computer.target *= 2.5
    batch, losses, chosen = _batch(random, 40, 3), [], set()
    online, target = (build_policy(spec, parameters=weights) for weights in (computer.weights, computer.target))
    for i in range(40):
        best, ahead = online.values(batch.next_observations[i]), target.values(batch.next_observations[i])
        goal = batch.rewards[i] + batch.discounts[i] * ahead[best.argmax()]
        chosen.add(bool(best.argmax() == ahead.argmax()))
        difference = abs(online.values(batch.observations[i])[batch.actions[i]] - goal)
        losses.append(difference**2 / 2 if difference <= 1 else difference - 0.5)
    assert False in chosen  # in some transitions the two networks prefer different actions
    assert computer.compute(batch) == pytest.approx(np.mean(losses), rel=1e-4)


def test_rewards_are_scaled_and_then_clipped():
    settings = LearningSettings(reward_scale=0.5, reward_clip=2.0)
    assert [settings.learned_reward(reward) for reward in (-9.0, -1.0, 0.0, 3.0, 4.5)] == [-2.0, -0.5, 0.0, 1.5, 2.0]


def test_exploration_falls_linearly_and_then_stays():
    settings = LearningSettings(exploration_start=1.0, exploration_end=0.1, exploration_frames=90)
    assert [settings.exploration(frame) for frame in (0, 30, 90, 10**6)] == pytest.approx([1.0, 0.7, 0.1, 0.1])
    assert LearningSettings(exploration_frames=0, preset="paper").exploration(0) == 0.05


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch": 0}, "batch must be positive, not 0"),
        ({"batch": 11, "replay": 10}, "a batch of 11 transitions does not fit in a replay store of 10 frames"),
        ({"discount": 1.5}, r"discount must lie in \[0, 1\], not 1.5"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, not nan"),
        ({"steps": 40, "batch": 4, "replay": 40}, "steps must be below"),
        ({"replay_ratio": 0}, "replay_ratio must be positive"),
        ({"replay_ratio": float("inf")}, "positive and finite, not inf"),
        ({"mystery": 1}, "mystery"),
        ({"preset": "large"}, "preset must be small or paper, not 'large'"),
        ({"exploration_hold": 0.5}, "exploration_hold must be at least 1"),
        ({"reward_scale": 0.0}, "reward_scale must be positive"),
        ({"reward_clip": -1.0}, "reward_clip must be positive"),
        ({"recent_actions": -1}, "recent_actions must be from 0 to 1000, not -1"),
        ({"updates_per_frame": 0.0}, "updates_per_frame must be positive"),
    ],
)
def test_settings_out_of_range_are_named(values, message):
    with pytest.raises(InputError, match=message):
        LearningSettings(**values)


def test_the_flat_arrays_have_the_networks_size():
    spec = PolicySpec("nature", actions=3)
    assert GradientComputer(spec, 1.0).gradient.shape == (parameter_count(spec),)
