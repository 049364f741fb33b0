"""Frames per processor second of our DQN and of Stable-Baselines3's: same game, network, batch and number of updates.

``python -m tests.benchmarks.benchmark_agents [FRAMES] [ROUNDS]`` lets the two learn in turns, on one thread, so that a
busy machine slows both; it prints each round and the ratio of the two totals. Both play ``stacker`` without delay from
84 x 84 bytes with the network ``nature`` (the same modules), batches of 32, uniform replay, Adam and a target every 500
updates; "every" is the number of frames to an update. Only processor time after the first batches is counted.
"""

import sys
import time

import gymnasium
import numpy as np
import torch

from regretlab.experiments.simulated_delay import AgentPlayer, play_delayed
from regretlab.games import make_game
from regretlab.policies.agents import agent_settings, make_agent
from regretlab.policies.agents.networks import value_network

WARM_UP, BATCH, REPLAY = 300, 32, 10_000


def ours(frames: int, every: int, seed: int) -> tuple[float, int]:
    """Return the processor seconds and the updates of that many frames."""
    settings = agent_settings(
        "dqn", minimum=100, replay=REPLAY, batch=BATCH, steps=1, updates_per_frame=1 / every, exploration_frames=1000
    )
    game = make_game("regretlab/Stacker-v0")
    agent = make_agent("dqn", "nature", (84, 84), int(game.action_space.n), settings, seed)
    play = play_delayed(
        game, AgentPlayer(agent), delay=0, sequential=False, default_action=0, discount=0.99, seed=seed
    )  # fmt: skip
    for _ in range(WARM_UP):
        next(play)
    began, updates = time.process_time(), agent.updates
    for _ in range(frames):
        next(play)
    taken = time.process_time() - began
    game.close()
    return taken, agent.updates - updates


class _WithChannel(gymnasium.ObservationWrapper):
    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0, 255, (1, 84, 84), np.uint8)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """Return the frame with a channel."""
        return observation[None]


def theirs(frames: int, every: int, seed: int) -> tuple[float, int]:
    """The same with Stable-Baselines3."""
    from stable_baselines3 import DQN
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

    class Features(BaseFeaturesExtractor):
        def __init__(self, space: gymnasium.Space) -> None:
            super().__init__(space, 64)
            self.network = value_network("nature", (84, 84), 1, seed)
            del self.network.output

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            return self.network.features(frames)

    class Clock(BaseCallback):
        began, updates = 0.0, 0

        def _on_step(self) -> bool:
            if self.n_calls == WARM_UP:
                self.began, self.updates = time.process_time(), self.model._n_updates
            return True

    game, clock = _WithChannel(make_game("regretlab/Stacker-v0")), Clock()
    agent = DQN(
        "CnnPolicy",
        game,
        learning_starts=100,
        buffer_size=REPLAY,
        batch_size=BATCH,
        train_freq=every,
        gradient_steps=1,
        target_update_interval=500 * every,
        exploration_fraction=1000 / (WARM_UP + frames),
        policy_kwargs={"features_extractor_class": Features, "net_arch": []},
        device="cpu",
        seed=seed,
    )
    agent.learn(WARM_UP + frames, callback=clock)
    taken = time.process_time() - clock.began
    game.close()
    return taken, agent._n_updates - clock.updates


def main(frames: int = 400, rounds: int = 3) -> None:
    """Print the rounds and the ratios."""
    torch.set_num_threads(1)
    for every in (1, 8):
        totals = {"regretlab": [0.0, 0], "Stable-Baselines3": [0.0, 0]}
        for number in range(rounds):
            for name, learn in (("regretlab", ours), ("Stable-Baselines3", theirs)):
                seconds, updates = learn(frames * (1 if every == 1 else 4), every, number)
                totals[name][0] += seconds
                totals[name][1] += updates
        played = frames * (1 if every == 1 else 4) * rounds
        for name, (seconds, updates) in totals.items():
            print(f"an update each {every}: {name:18} {played / seconds:7.0f} frames/s, {updates} updates")
        ratio = totals["Stable-Baselines3"][0] / totals["regretlab"][0]
        print(f"an update each {every}: regretlab is {ratio:.2f} times as fast", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
