"""Networks of the agents: those of ``regretlab.policies`` for DQN, their hidden layer under other heads for Rainbow.

Noisy layers are those of Fortunato et al. (2018) with factorised noise, the two streams those of Wang et
al. (2016), the distribution over returns that of Bellemare, Dabney & Munos (2017).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks import FrameNetwork, build_network
from ..parameters import attach_parameters, random_parameters
from ..spec import PolicySpec
from .settings import RainbowSettings

__all__ = ["NoisyLinear", "RainbowNetwork", "RecentActionsNetwork", "value_network"]


def value_network(
    network: str, shape: tuple[int, ...], actions: int, seed: int, recent: tuple[int, int] = (0, 0)
) -> FrameNetwork:
    """Return a network with an output for each action and weights to be learned: DQN's.

    Parameters
    ----------
    network
        Name of a network of ``regretlab.policies`` (``mlp`` for what is not a picture).
    shape
        Of an observation.
    actions, seed
        Number of actions; seed of the weights.
    recent
        How many last actions are part of the input, and how many actions there are; see `RecentActionsNetwork`.

    Raises
    ------
    InputError
        If there is no such network, or it is not for observations of this shape.
    """
    spec = PolicySpec(network, actions=actions, frame_shape=shape, seed=seed)
    built = build_network(spec)
    attach_parameters(built, random_parameters(spec))
    if recent[0]:
        built = RecentActionsNetwork(built, shape, *recent, pixels=network != "mlp")
    return built.requires_grad_(True)


class RecentActionsNetwork(FrameNetwork):
    """A network that also sees the last actions: each adds a learned vector, 0 at first, to the hidden layer's input.

    Its input is the observation as one row with the actions' numbers behind it, shape (batch, 1, size + recent); next
    to pixels the numbers are divided by 255 as they are.

    Parameters
    ----------
    network
        The network for the observation alone.
    shape
        Of an observation.
    recent, actions
        How many last actions; how many actions there are.
    pixels
        Whether the input was scaled from bytes.
    """

    def __init__(
        self, network: FrameNetwork, shape: tuple[int, ...], recent: int, actions: int, *, pixels: bool
    ) -> None:
        nn.Module.__init__(self)
        self.trunk, self.hidden, self.output = network.trunk, network.hidden, network.output
        self.recent = nn.Linear(recent * actions, network.hidden.out_features, bias=False)
        nn.init.zeros_(self.recent.weight)
        self._shape, self._recent, self._actions, self._scale = shape, recent, actions, 255 if pixels else 1

    def features(self, frames: Tensor) -> Tensor:
        """Return the hidden layer's values, shape (batch, units)."""
        seen = frames[:, :, : -self._recent].unflatten(2, self._shape)
        last = (frames[:, 0, -self._recent :] * self._scale).round().long()
        played = functional.one_hot(last, self._actions).flatten(1).to(torch.float32)
        return functional.relu(self.hidden(functional.relu(self.trunk(seen)).flatten(1)) + self.recent(played))


class NoisyLinear(nn.Module):
    """y = (w + s * e) x + b + t * f with learned w, s, b, t and noise e, f that is drawn by ``draw_noise``.

    Factorised: e_ij = g(u_i) g(v_j) and f_i = g(u_i) with g(z) = sign(z) sqrt|z| of independent normal numbers.

    References
    ----------
    Fortunato et al. 2018, "Noisy networks for exploration", equations 9 to 11.
    """

    def __init__(self, inputs: int, outputs: int, noise: float) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        self.weight_scale = nn.Parameter(torch.full((outputs, inputs), noise * bound))
        self.bias_scale = nn.Parameter(torch.full((outputs,), noise * bound))
        self.noise_in, self.noise_out = torch.zeros(inputs), torch.zeros(outputs)

    def draw_noise(self, generator: torch.Generator) -> None:
        """Draw new noise."""
        drawn = [torch.randn(part.shape, generator=generator) for part in (self.noise_in, self.noise_out)]
        self.noise_in, self.noise_out = (part.sign() * part.abs().sqrt() for part in drawn)

    def forward(self, x: Tensor) -> Tensor:
        """Return y."""
        weight = self.weight + self.weight_scale * torch.outer(self.noise_out, self.noise_in)
        return functional.linear(x, weight, self.bias + self.bias_scale * self.noise_out)


class RainbowNetwork(nn.Module):
    """The distribution of the return of each action, or with ``distributional`` off one number for each."""

    support: Tensor

    def __init__(
        self, network: str, shape: tuple[int, ...], actions: int, settings: RainbowSettings, seed: int
    ) -> None:
        super().__init__()
        self.body = value_network(network, shape, 1, seed, (settings.recent_actions, actions))
        features = self.body.hidden.out_features
        del self.body.output
        self.actions, self.atoms = actions, settings.atoms if settings.distributional else 1
        lowest, highest = -1.0, 1.0
        if settings.lowest is not None and settings.highest is not None:
            lowest, highest = settings.lowest, settings.highest
        self.register_buffer("support", torch.linspace(lowest, highest, settings.atoms))

        def head(outputs: int) -> nn.Sequential:
            def layer(outputs: int) -> nn.Module:
                return (
                    NoisyLinear(features, outputs, settings.noise) if settings.noisy else nn.Linear(features, outputs)
                )

            return nn.Sequential(layer(features), nn.ReLU(), layer(outputs))

        with torch.random.fork_rng(devices=[]):  # no other draws depend on these
            torch.manual_seed(seed)
            self.advantage = head(actions * self.atoms)
            self.value = head(self.atoms) if settings.dueling else None
        with torch.no_grad():  # the first values are the middle of the support: 0, as those of DQN
            for last in (self.advantage[-1], *(() if self.value is None else (self.value[-1],))):
                last.weight.zero_()
                last.bias.zero_()

    def draw_noise(self, generator: torch.Generator) -> None:
        """Draw new noise in all noisy layers."""
        for module in self.modules():
            if isinstance(module, NoisyLinear):
                module.draw_noise(generator)

    def logits(self, observations: Tensor) -> Tensor:
        """Return the heads' sums, shape (batch, actions, atoms): value + advantage - mean advantage."""
        features = self.body.features(observations)
        advantage = self.advantage(features).view(-1, self.actions, self.atoms)
        if self.value is None:
            return cast(Tensor, advantage)
        return cast(Tensor, self.value(features)[:, None] + advantage - advantage.mean(dim=1, keepdim=True))

    def forward(self, observations: Tensor) -> Tensor:
        """Return the action values, shape (batch, actions)."""
        logits = self.logits(observations)
        if self.atoms == 1:
            return logits[..., 0]
        return (logits.softmax(dim=2) * self.support).sum(dim=2)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread inside the block: agents that play next to each other share no core.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
