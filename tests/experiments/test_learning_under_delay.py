"""DQN against the exact optimum under delay: on rings, on RiverSwim and on CartPole, with pauses and without.

The optimum is that of ``regretlab.mdp.solve_delayed``, which knows the model and its actions in flight; the agent sees
the old state and its last actions and has to find it by playing.
"""

import gymnasium
import numpy as np
import pytest

from regretlab.experiments.simulated_delay import AgentPlayer, play_delayed
from regretlab.mdp import AsynchronousMDP, FiniteMDP, parse_mdp, solve_delayed
from regretlab.policies.agents import agent_settings, make_agent
from regretlab.policies.agents.networks import one_thread


class _Shown(gymnasium.Env):
    """A finite MDP whose observation is the unit vector of its state."""

    def __init__(self, process):
        self._p, self._r = process.mdp.dense(), np.asarray(process.mdp.rewards)
        self._states = len(self._r)
        self.action_space = gymnasium.spaces.Discrete(self._r.shape[1])
        self.observation_space = gymnasium.spaces.Box(0, 1, (self._states,), np.float32)

    def _see(self):
        return np.eye(self._states, dtype=np.float32)[self._state]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._state = 0
        return self._see(), {}

    def step(self, action):
        reward = float(self._r[self._state, action])
        row = self._p[action, self._state]
        self._state = int(self.np_random.choice(self._states, p=row))
        return self._see(), reward, False, False, {}


def _controlled_ring():
    """Five places in a circle, 1 a frame in the first; action 0, the default, steps on with .9, action 1 with .1."""
    on, stay = np.roll(np.eye(5), 1, axis=1), np.eye(5)
    transitions = np.stack([0.9 * on + 0.1 * stay, 0.1 * on + 0.9 * stay])
    rewards = np.zeros((5, 2))
    rewards[0] = 1.0
    return AsynchronousMDP(FiniteMDP(transitions, rewards), beta=0)


def _learned(process, delay, *, sequential, frames=24_000, name="dqn", **learning):
    """Return the reward per frame of the last quarter, which is played without exploration, and its standard error."""
    settings = {
        "discount": 0.9,
        "learning_rate": 1e-3,
        "target_every": 200,
        "minimum": 200,
        "updates_per_frame": 0.25,
        "recent_actions": delay,
        "exploration_frames": frames // 2,
        "exploration_end": 0.0,
        **learning,
    }
    game = _Shown(process)
    agent = make_agent(
        name, "mlp", game.observation_space.shape, int(game.action_space.n), agent_settings(name, **settings), seed=0
    )
    with one_thread():
        play = play_delayed(
            game,
            AgentPlayer(agent),
            delay=delay,
            sequential=sequential,
            default_action=0,
            discount=settings["discount"],
            seed=1,
        )
        rewards = np.array([next(play).reward for _ in range(frames)])[-frames // 4 :]
    means = rewards.reshape(20, -1).mean(axis=1)  # batch means: rewards depend on each other over tens of frames
    return means.mean(), means.std(ddof=1) / np.sqrt(len(means))


RINGS = {"ring": parse_mdp("ring(p=0.9, symbols=3, noop_gap=1)"), "controlled ring": _controlled_ring()}


@pytest.mark.learning
@pytest.mark.parametrize("sequential", [False, True], ids=["asynchronous", "sequential"])
@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("ring", RINGS)
def test_dqn_reaches_the_optimum_under_delay(ring, delay, sequential):
    """At least 95 % of the solver's gain, and no more than it by chance (z < 4)."""
    if delay == 0 and sequential:
        pytest.skip("without delay the two ways are one")
    optimum = solve_delayed(RINGS[ring], delay, every=delay + 1 if sequential else 1).gain
    reward, error = _learned(RINGS[ring], delay, sequential=sequential)
    assert reward > 0.95 * optimum - 2 * error
    assert reward <= optimum + 4 * error


@pytest.mark.parametrize("sequential", [False, True], ids=["asynchronous", "sequential"])
def test_updates_by_the_frame_do_not_depend_on_how_often_the_agent_acts(sequential):
    """A quarter of the frames since 50 were played and a transition was there, pauses or not."""
    settings = agent_settings("dqn", batch=4, minimum=50, replay=500, updates_per_frame=0.25, steps=1)
    agent = make_agent("dqn", "mlp", (5,), 2, settings, seed=0)
    play = play_delayed(
        _Shown(_controlled_ring()), AgentPlayer(agent), delay=9, sequential=sequential, default_action=0, discount=0.9,
        seed=1,
    )  # fmt: skip
    for _ in range(450):
        next(play)
    assert agent.updates == 100


def test_the_input_holds_the_last_actions_in_their_order():
    """With pauses too: the default actions of the frames between are actions that were played."""
    settings = agent_settings("dqn", batch=4, replay=50, recent_actions=3)
    agent = make_agent("dqn", "mlp", (5,), 2, settings, seed=0)
    seen, acts = [], iter([1, 0, 1, 1, 0, 1])
    agent.act = lambda observation, exploration: (seen.append(observation.copy()), next(acts))[1]
    play = play_delayed(
        _Shown(_controlled_ring()), AgentPlayer(agent), delay=1, sequential=True, default_action=0, discount=0.9, seed=1
    )
    for _ in range(10):
        next(play)
    assert [one[5:].astype(int).tolist() for one in seen] == [[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert all(one[:5].sum() == 1 for one in seen)


def test_transitions_carry_their_own_recent_actions():
    """What is learned from is what was acted on, though the agent has looked at newer frames since."""
    settings = agent_settings("dqn", batch=4, replay=50, recent_actions=2)
    agent = make_agent("dqn", "mlp", (5,), 2, settings, seed=0)
    acted, learned = [], []
    agent.act = lambda observation, exploration: (acted.append(observation.tolist()), len(acted) % 2)[1]
    agent.learn = lambda observation, action, *rest, last: learned.append((observation.tolist(), action))
    play = play_delayed(
        _Shown(_controlled_ring()), AgentPlayer(agent), delay=2, sequential=False, default_action=0, discount=0.9,
        seed=1,
    )  # fmt: skip
    for _ in range(20):
        next(play)
    assert len(learned) >= 15
    assert learned == [(one, (number + 1) % 2) for number, one in enumerate(acted[: len(learned)])]


class _FrameCounter(gymnasium.Env):
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        self.played = []
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.played.append(action)
        return np.full(1, len(self.played), np.float32), 1.0, False, False, {}


@pytest.mark.parametrize(
    ("delay", "sequential", "expected"),
    [
        (1, False, [0, 2, 2, 0, 0, 2, 2, 0, 0, 2, 2]),  # one decision in four frames, pressed for two
        (5, True, [0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 2]),  # sequential: not before the six that an inference takes
        (1, True, [0, 2, 2, 0, 0, 2, 2, 0]),  # and not more often than asked for
    ],
)
def test_a_button_is_pressed_and_released_once_a_decision(delay, sequential, expected):
    from regretlab.games.players import FixedPlayer

    game = _FrameCounter()
    play = play_delayed(
        game, FixedPlayer(2), delay=delay, sequential=sequential, default_action=0, discount=1.0, seed=0, interval=4,
        press=2,
    )  # fmt: skip
    acted = [next(play).acted for _ in expected]
    assert game.played == expected
    assert acted == [action == 2 for action in expected]


@pytest.mark.learning
@pytest.mark.parametrize("delay", [0, 3])
def test_dqn_reaches_the_optimum_of_riverswim(delay):
    """The optimum is the same with and without delay: always swim up. Held exploration gets there to find out."""
    process = parse_mdp("riverswim(6)")
    optimum = solve_delayed(process, delay).gain
    reward, error = _learned(process, delay, sequential=False, discount=0.98, exploration_hold=8.0, steps=5)
    assert reward > 0.95 * optimum - 2 * error
    assert reward <= optimum + 4 * error
