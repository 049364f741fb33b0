"""DQN (Mnih et al. 2015, algorithm 1) on one screen: act, remember, learn."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..learning.exploration import HeldExploration
from ..learning.replay import BatchDrawer, ReplayStore, private_arrays, replay_fields
from ..learning.settings import LearningSettings
from ..learning.updates import EPSILON, Adam, Batch, as_input, temporal_difference_loss
from .networks import value_network

__all__ = ["DQN"]


class DQN:
    """Deep Q-network with replay and a target network.

    Parameters
    ----------
    network, shape, actions
        As for ``make_agent``.
    settings
        How to learn.
    seed
        Of weights, exploration and draws.

    Attributes
    ----------
    updates
        Updates so far.

    Examples
    --------
    >>> agent = DQN("mlp", (4,), 2, LearningSettings(batch=8, replay=100, exploration_frames=0), seed=0)
    >>> for number in range(20):
    ...     agent.learn(np.full(4, number, np.float32), action=number % 2, reward=1.0, discount=0.9)
    >>> agent.updates
    10
    >>> agent.act(np.zeros(4, np.float32), exploration=0.0) in (0, 1)
    True
    """

    def __init__(
        self, network: str, shape: tuple[int, ...], actions: int, settings: LearningSettings, seed: int
    ) -> None:
        self.settings, self.actions, self.updates = settings, actions, 0
        self.network, self.target = (self._built(network, shape, seed) for _ in range(2))
        residual = network.startswith("impala")
        self._adam = Adam(
            self.network,
            settings.learning_rate,
            gradient_clip=settings.gradient_clip,
            epsilon=self._adam_epsilon,
            channels_last=residual,
        )
        if residual:
            for parameter in self.target.parameters():
                if parameter.dim() == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self._dtype = np.float32 if network == "mlp" else np.uint8  # frames as bytes, whatever else as numbers
        if settings.recent_actions:
            shape = (math.prod(shape) + settings.recent_actions,)
        self._store = ReplayStore(private_arrays(replay_fields(settings.replay, shape, self._dtype)), settings.steps)
        self._drawer = BatchDrawer(self._store, settings, (seed,))
        self._seen = self._decisions = 0
        self._pending: tuple[int, int, float, float] | None = None  # a transition whose next observation is to come
        self._exploration = HeldExploration(seed, settings.exploration_hold)
        self._learns_from: int | None = None  # frame from which updates are counted by the frame

    _adam_epsilon = EPSILON

    def _built(self, network: str, shape: tuple[int, ...], seed: int) -> nn.Module:
        return value_network(network, shape, self.actions, seed, (self.settings.recent_actions, self.actions))

    def with_recent(self, observation: NDArray[Any], actions: Sequence[int]) -> NDArray[Any]:
        """Return an observation as `act` and `learn` take it: with the last of these actions, if the settings say so.

        Examples
        --------
        >>> agent = DQN("mlp", (2,), 3, LearningSettings(replay=50, recent_actions=2), seed=0)
        >>> agent.with_recent(np.array([0.5, 0.25]), [2, 0, 1]).tolist()
        [0.5, 0.25, 0.0, 1.0]
        """
        recent = self.settings.recent_actions
        if not recent:
            return observation
        return np.concatenate([np.ravel(observation), actions[-recent:]]).astype(self._dtype)

    def act(self, observation: NDArray[Any], exploration: float) -> int:
        """Return the action of largest value, or in a share ``exploration`` of the decisions a random one."""
        if exploration > 0:
            chosen = self._exploration.action(self._decisions, exploration, self.actions)
            self._decisions += 1
            if chosen is not None:
                return chosen
        with torch.inference_mode():
            return int(self.network(as_input(observation[None])).argmax())

    def learn(
        self, observation: NDArray[Any], action: int, reward: float, discount: float, *, last: bool = False
    ) -> None:
        """Remember a transition, and update as often as the replay ratio allows (see also `played`).

        Parameters
        ----------
        observation, action, reward
            What was seen, what was done, and the reward until the next action.
        discount
            Of what follows; 0 if the episode ended.
        last
            The next transition does not continue this one. A transition that is cut off (``last`` with a discount) is
            left out: there is no observation to go on from.
        """
        number, reward = self._seen, self.settings.learned_reward(reward)
        self._store.put_frame(number, observation)
        if self._pending is not None:
            self._store.put_transition(*self._pending, next_observation=number)
        self._pending = None if last or not discount else (number, action, reward, discount)
        if not discount:
            self._store.put_transition(number, action, reward, 0.0, next_observation=-1)
        self._seen += 1
        if self.settings.updates_per_frame is None:
            while self._drawer.is_due(self.updates):
                self._update()

    def played(self, frames: int) -> None:
        """Update as often as ``updates_per_frame`` says when so many frames have been played in all."""
        rate = self.settings.updates_per_frame
        if rate is None:
            return
        if self._learns_from is None:
            if frames < self.settings.first_batch or not self._store.available:
                return
            self._learns_from = frames
        while self.updates < (frames - self._learns_from) * rate:
            self._update()

    def _update(self) -> None:
        if self.updates % self.settings.target_every == 0:
            self._copy_target()
        batch = self._drawn()
        loss, differences = self._loss(batch)
        self._adam.step(loss)
        self._drawer.learned(batch, differences)
        self.updates += 1

    def _copy_target(self) -> None:
        self.target.load_state_dict(self.network.state_dict())

    def _drawn(self) -> Batch:
        return self._drawer.draw()

    def _loss(self, batch: Batch) -> tuple[Tensor, NDArray[np.float32]]:
        return temporal_difference_loss(self.network, self.target, batch, double=self.settings.double)
