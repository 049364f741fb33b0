"""Distilling a network from a game's script: data, loss and a state on disk, so that a kill costs a minute at most.

``actions``: DAgger (Ross, Gordon & Bagnell 2011). In rounds, the network plays a growing share of the frames, the
script labels all of them, and head i of the network learns what the script wanted i frames after the picture.

``landings``: boards as the script's own games leave them, drawn without the emulator (``games.stacker_boards``); the
network learns what each landing of all seven pieces is worth (cross entropy to the softmax of the values), the row of
its box, and where the falling piece is.

References
----------
Ross, Gordon & Bagnell 2011, "A reduction of imitation learning and structured prediction to no-regret online learning".
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from ...errors import InputError
from ...games import make_game
from ...games.players import scripted_player
from ...games.stacker_boards import draw_boards, draw_pieces, tile_pictures
from ...inputs import check_regular
from ...progress import Progress, silent
from ..agents.networks import one_thread
from ..parameters import attach_parameters, random_parameters
from ..spec import PolicySpec
from ..weights import read_metadata, write_tensors
from .files import Distilled, built, save_distilled
from .landing import LandingNetwork, averaging_matrix

__all__ = ["Distillation", "distil"]


@dataclass(frozen=True)
class Distillation:
    """How a network is distilled.

    Attributes
    ----------
    environment, environment_options
        The game, which must have a script.
    labels
        "actions", or "landings" (stacker only).
    network
        Of heads: ``nature``, ``impala-kN``, ``impala2x-kN`` or ``mlp``.
    ages
        Actions of an answer.
    rounds
        Rounds of data; in round k of actions the script chooses a frame's action with probability 2^-k.
    frames
        New frames (or boards) of a round.
    updates
        Steps of Adam in a round.
    batch, learning_rate, seed
        Of these; the rate falls to 2 % of its first value over the second half.
    """

    environment: str = "regretlab/Stacker-v0"
    environment_options: dict[str, Any] = field(default_factory=dict)
    labels: str = "actions"
    network: str = "nature"
    ages: int = 16
    rounds: int = 10
    frames: int = 2_000
    updates: int = 200
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.labels not in ("actions", "landings"):
            raise InputError(f"labels must be actions or landings, not '{self.labels}'")
        if self.labels == "landings" and self.environment != "regretlab/Stacker-v0":
            raise InputError(f"labels landings are for regretlab/Stacker-v0, not for '{self.environment}'")
        for name, most in (
            ("ages", 1_000),
            ("rounds", 10_000),
            ("frames", 10**6),
            ("updates", 10**6),
            ("batch", 10**5),
        ):
            if not 1 <= getattr(self, name) <= most:
                raise InputError(f"{name} must be from 1 to {most}, not {getattr(self, name)}")
        if not 0 < self.learning_rate <= 1:
            raise InputError(f"the learning rate must be above 0 and at most 1, not {self.learning_rate}")


def distil(how: Distillation, out: str | Path, *, progress: Progress = silent) -> dict[str, Any]:
    """Distil a network and write its file, or go on where a call with the same settings was killed.

    Parameters
    ----------
    how
        What to distil.
    out
        The file, .safetensors. Until it is finished its state lies in ``OUT.part.safetensors`` next to it.
    progress
        Called after each round with rounds and rounds in all.

    Returns
    -------
    dict
        What the metadata hold: settings, updates, and the share of the last round's labels that the network predicted
        before it learned from them (``agreement``; of landings, the share of pieces placed and whose best landing was
        chosen).

    Raises
    ------
    InputError
        For a game without a script, or a state of other settings.
    """
    target = Path(out)
    if target.suffix != ".safetensors":
        raise InputError(f"weights are written to a .safetensors file, not to '{target.name}'")
    with one_thread():
        trainer = (_Landings if how.labels == "landings" else _Actions)(how)
        try:
            state = target.with_name(target.stem + ".part.safetensors")
            first, agreement = trainer.load(state), 0.0
            for number in range(first, how.rounds):
                progress(number, how.rounds, "rounds")
                agreement = trainer.round(number)
                trainer.save(state, number + 1)
            facts = {"settings": _plain(how), "updates": how.rounds * how.updates, "agreement": agreement}
            save_distilled(target, trainer.network, trainer.what, facts)
            trainer.remove(state)
        finally:
            trainer.close()
    progress(how.rounds, how.rounds, "rounds")
    return facts


def _plain(how: Distillation) -> dict[str, Any]:
    return {name: getattr(how, name) for name in how.__dataclass_fields__}


class _Trainer(ABC):
    """Adam on batches, round by round; everything drawn belongs to the round's number."""

    what: Distilled

    def __init__(self, how: Distillation) -> None:
        self.how = how
        torch.manual_seed(how.seed)
        self.network = built(self.what)
        if not isinstance(self.network, LandingNetwork):
            what = self.what
            spec = PolicySpec(what.network, what.actions * what.ages, what.frame_shape, seed=how.seed)
            attach_parameters(self.network, random_parameters(spec))
        self.network.requires_grad_(True).train()
        self._optimiser = torch.optim.Adam(self.network.parameters(), how.learning_rate)

    @abstractmethod
    def round(self, number: int) -> float:
        """Gather a round's examples, learn from them, and return how well they were predicted before (a share)."""

    def close(self) -> None:  # noqa: B027 - landings open nothing
        """Release what is open."""

    def learn(self, number: int, loss: Callable[[Tensor], Tensor], count: int) -> None:
        """Make a round's updates; ``loss`` is called with the numbers of a batch's examples of ``count``."""
        how = self.how
        generator = torch.Generator().manual_seed(how.seed * 1_000_003 + number)
        order = torch.randperm(count, generator=generator)
        place = 0
        for step in range(how.updates):
            if place + how.batch > count and place:
                order, place = torch.randperm(count, generator=generator), 0
            done = (number + step / how.updates) / how.rounds
            for group in self._optimiser.param_groups:
                group["lr"] = how.learning_rate * min(1.0, 2 * (1 - done) + 0.02)
            self._optimiser.zero_grad()
            loss(order[place : place + how.batch]).backward()
            self._optimiser.step()
            place += how.batch

    def save(self, path: Path, rounds: int) -> None:
        """Write weights and the optimiser's state."""
        tensors = {f"network.{name}": tensor.detach().numpy() for name, tensor in self.network.named_parameters()}
        for number, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": np.asarray(value.numpy()) for name, value in state.items()}
        write_tensors(path, tensors, {"kind": "distillation", "rounds": rounds, "settings": _plain(self.how)})

    def load(self, path: Path) -> int:
        """Return the rounds that are done, with their state taken over."""
        if not path.exists():
            return 0
        check_regular(str(path), "weights")
        found = read_metadata(path)
        if found.get("settings") != _plain(self.how):
            raise InputError(f"'{path}' is the state of another distillation: choose another --out or delete it")
        tensors = load_file(path)
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                parameter.copy_(tensors[f"network.{name}"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("adam."):
                _, number, key = name.split(".")
                state.setdefault(int(number), {})[key] = tensor
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": state})
        return int(found["rounds"])

    def remove(self, path: Path) -> None:
        """Delete the state."""
        path.unlink(missing_ok=True)


class _Landings(_Trainer):
    """Stacker's plan."""

    def __init__(self, how: Distillation) -> None:
        self.what = Distilled(how.environment, "landings", "landing", 7, how.ages, (84, 84))
        super().__init__(how)
        down, across = (
            averaging_matrix(84, 18) @ averaging_matrix(144, 84),
            averaging_matrix(84, 20) @ averaging_matrix(160, 84),
        )
        self._down, self._across = torch.from_numpy(down), torch.from_numpy(across.T.copy())
        self._pictures = torch.from_numpy(tile_pictures().astype(np.float32) / 255)

    def _tiles(self, screens: NDArray[np.uint8]) -> Tensor:
        """Return the network's view of screens given by their tiles."""
        drawn = self._pictures[torch.from_numpy(screens.astype(np.int64))].permute(0, 1, 3, 2, 4)
        return self._down @ drawn.reshape(-1, 144, 160) @ self._across

    def round(self, number: int) -> float:
        how, network = self.how, self.network
        generator = np.random.default_rng([how.seed, number, 0xD1])
        boards = draw_boards(how.frames, generator)
        values = torch.from_numpy(boards.values.astype(np.float32)).flatten(2)
        possible = torch.isfinite(values)
        aims = torch.softmax(torch.where(possible, values, torch.tensor(-1e9)), 2)
        rows = torch.from_numpy(boards.rows.astype(np.float32)).flatten(2) / 18
        screens, places = draw_pieces(boards, generator)
        agreement = self._agreement(screens[:1000], places[:1000], values[:1000])

        def loss(chosen: Tensor) -> Tensor:
            worth, ends, where = network.from_tiles(self._tiles(screens[chosen.numpy()]))  # type: ignore[operator]
            plan = -(aims[chosen] * torch.log_softmax(worth.flatten(2), 2)).sum(2).mean()
            error = ((ends.flatten(2) - rows[chosen]) ** 2 * possible[chosen]).mean()
            return plan + functional.cross_entropy(where, torch.from_numpy(places)[chosen]) + 10 * error

        self.learn(number, loss, how.frames)
        return agreement

    def _agreement(self, screens: NDArray[np.uint8], places: NDArray[np.int64], values: Tensor) -> float:
        """Return the share of screens whose piece and whose best landing the network says."""
        with torch.no_grad():
            worth, _, where = self.network.from_tiles(self._tiles(screens))  # type: ignore[operator]
        said = where.argmax(1).numpy()
        falls = (places < 6048) & np.isfinite(values.amax((1, 2)).numpy())
        piece = np.minimum(places // 864, 6)
        each = np.arange(len(piece))
        masked = torch.where(torch.isfinite(values), worth.flatten(2), torch.tensor(-torch.inf))[each, piece]
        chosen = values[each, piece, masked.argmax(1)]
        best = (chosen == values[each, piece].amax(1)).numpy()
        return float(((said == places) & best)[falls].mean()) if falls.any() else 0.0


class _Actions(_Trainer):
    """Heads by age, with a game and its script."""

    def __init__(self, how: Distillation) -> None:
        self._game = make_game(how.environment, **how.environment_options)
        self._script = scripted_player(how.environment, how.seed)
        shape, dtype = self._game.observation_space.shape, str(self._game.observation_space.dtype)
        actions = int(getattr(self._game.action_space, "n", 0))
        self.what = Distilled(how.environment, "actions", how.network, actions, how.ages, tuple(shape or ()), dtype)
        super().__init__(how)
        self._rounds: list[tuple[NDArray[Any], NDArray[np.int64]]] = []

    def close(self) -> None:
        self._game.close()

    def _data(self, path: Path, number: int) -> Path:
        return path.with_name(f"{path.stem}.{number}.safetensors")

    def save(self, path: Path, rounds: int) -> None:
        frames, labels = self._rounds[-1]
        write_tensors(self._data(path, rounds - 1), {"frames": frames, "labels": labels}, {"kind": "distillation data"})
        super().save(path, rounds)

    def load(self, path: Path) -> int:
        rounds = super().load(path)
        for number in range(rounds):
            tensors = load_file(self._data(path, number))
            self._rounds.append((tensors["frames"].numpy(), tensors["labels"].numpy()))
        return rounds

    def remove(self, path: Path) -> None:
        super().remove(path)
        for number in range(self.how.rounds):
            self._data(path, number).unlink(missing_ok=True)

    def _logits(self, frames: NDArray[Any]) -> Tensor:
        seen = torch.from_numpy(frames).float()[:, None]
        values: Tensor = self.network(seen / 255 if self.what.frame_dtype == "uint8" else seen)
        return values.view(len(frames), self.what.ages, self.what.actions)

    def round(self, number: int) -> float:
        agreement = self._play(number)
        frames = np.concatenate([data for data, _ in self._rounds])
        labels = torch.from_numpy(np.concatenate([data for _, data in self._rounds]))

        def loss(chosen: Tensor) -> Tensor:
            logits = self._logits(frames[chosen.numpy()])
            return functional.cross_entropy(logits.flatten(0, 1), labels[chosen].flatten(), ignore_index=-1)

        self.learn(number, loss, len(frames))
        return agreement

    def _play(self, number: int) -> float:
        """Play a round, keep its frames with the script's actions at each age (-1 beyond an episode's end)."""
        how, game, script = self.how, self._game, self._script
        generator = np.random.default_rng([how.seed, number, 0xDA])
        observation, _ = game.reset(seed=how.seed + number)
        script.begin(game)
        frames = np.empty((how.frames, *observation.shape), observation.dtype)
        wanted, episode = np.empty(how.frames, np.int64), np.zeros(how.frames, np.int64)
        before, episodes, right = 0, 0, 0
        for frame in range(how.frames):
            frames[frame], episode[frame] = observation, episodes
            wanted[frame] = script.act(script.see(observation), [before] * script.memory, frame)
            with torch.no_grad():
                own = int(self._logits(observation[None])[0, 0].argmax())
            right += own == wanted[frame]
            before = int(wanted[frame]) if generator.random() < 0.5**number else own
            observation, _, terminated, truncated, _ = game.step(before)
            if terminated or truncated:
                observation, _ = game.reset()
                script.begin(game)
                episodes += 1
        labels = np.full((how.frames, how.ages), -1, np.int64)
        for age in range(min(how.ages, how.frames)):
            same = episode[age:] == episode[: how.frames - age]
            labels[: how.frames - age, age] = np.where(same, wanted[age:], -1)
        self._rounds.append((frames, labels))
        return float(right / how.frames)
