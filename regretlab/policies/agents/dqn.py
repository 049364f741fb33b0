"""DQN (Mnih et al. 2015, algorithm 1) on one screen: act, remember, learn. Default settings: arXiv 2412.14355."""

import numpy as np
import torch
from numpy.typing import NDArray

from ..learning.replay import BatchDrawer, ReplayStore, private_arrays, replay_fields
from ..learning.settings import LearningSettings
from ..learning.updates import as_input, temporal_difference_loss
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
    12
    >>> agent.act(np.zeros(4, np.float32), exploration=0.0) in (0, 1)
    True
    """

    def __init__(
        self, network: str, shape: tuple[int, ...], actions: int, settings: LearningSettings, seed: int
    ) -> None:
        self.settings, self.actions, self.updates = settings, actions, 0
        self.network, self.target = (value_network(network, shape, actions, seed) for _ in range(2))
        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.learning_rate)
        dtype = np.float32 if network == "mlp" else np.uint8  # frames as bytes, whatever else as numbers
        self._store = ReplayStore(private_arrays(replay_fields(settings.replay, shape, dtype)), settings.steps)
        self._drawer = BatchDrawer(self._store, settings, (seed,))
        self._seen = 0
        self._pending: tuple[int, int, float, float] | None = None  # a transition whose next observation is to come
        self._generator = np.random.default_rng([seed, 0xD9])

    def act(self, observation: NDArray[np.generic], exploration: float) -> int:
        """Return the action of largest value, or with probability ``exploration`` any."""
        if self._generator.random() < exploration:
            return int(self._generator.integers(self.actions))
        with torch.inference_mode():
            return int(self.network(as_input(observation[None])).argmax())

    def learn(
        self, observation: NDArray[np.generic], action: int, reward: float, discount: float, *, last: bool = False
    ) -> None:
        """Remember a transition, and update as often as the replay ratio allows.

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
        number = self._seen
        self._store.put_frame(number, observation)
        if self._pending is not None:
            self._store.put_transition(*self._pending, next_observation=number)
        self._pending = None if last or not discount else (number, action, reward, discount)
        if not discount:
            self._store.put_transition(number, action, reward, 0.0, next_observation=-1)
        self._seen += 1
        while self._drawer.is_due(self.updates):
            self._update()

    def _update(self) -> None:
        if self.updates % self.settings.target_every == 0:
            self.target.load_state_dict(self.network.state_dict())
        batch = self._drawer.draw()
        loss, differences = temporal_difference_loss(self.network, self.target, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.gradient_clip)
        self.optimiser.step()
        self._drawer.learned(batch, differences)
        self.updates += 1
