"""How stale decisions get in games that are not witnesses, and what late decisions cost there.

``python -m paper_figures.measurements.staleness`` (some minutes): scripts decide from what they see now; once nothing
is late and the decisions are compared with those of d frames before, and once each takes effect d frames late.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regretlab.experiments.simulated_delay import play_delayed
from regretlab.games import make_game
from regretlab.games.players import FixedPlayer, RandomPlayer

from .provenance import RESULTS, provenance, read_results, write_results

__all__ = ["DELAYS", "NAME", "measure"]

NAME = "staleness"
DELAYS = (0, 1, 2, 3, 5, 8, 16, 32, 70)


class _Decider(FixedPlayer):
    """Decides when it sees, without a thought for what happens until then; notes its decisions by episode."""

    def __init__(self, seed: int) -> None:
        self.episodes: list[list[int]] = []

    def begin(self, game: Any) -> None:
        """Start an episode."""
        self._game = game.unwrapped
        self.episodes.append([])

    def see(self, observation: Any) -> int:
        """Decide."""
        action = self._decide()
        self.episodes[-1].append(action)
        return action

    def act(self, seen: int, since: Sequence[int], frame: int) -> int:
        """Do what was decided."""
        return seen

    def _decide(self) -> int:
        raise NotImplementedError


class _StackerDecider(_Decider):
    def begin(self, game: Any) -> None:
        """Start an episode."""
        from regretlab.games.stacker_player import SearchPlayer

        super().begin(game)
        self._searcher = SearchPlayer()

    def _decide(self) -> int:
        return self._searcher.action(self._game)


class _DuelDecider(_Decider):
    def begin(self, game: Any) -> None:
        """Start an episode."""
        from regretlab.games.duel_player import DuelPlayer

        super().begin(game)
        self._player = DuelPlayer()

    def _decide(self) -> int:
        return self._player.action(self._game.state())


class _BoxingDecider(_Decider):
    def __init__(self, seed: int) -> None:
        import numpy as np

        super().__init__(seed)
        self._generator, self._frame = np.random.default_rng([seed, 0xDEC]), 0

    def begin(self, game: Any) -> None:
        """Start an episode."""
        from regretlab.games.boxing_player import BoxingScout

        super().begin(game)
        self._scout = BoxingScout(self._game)

    def _decide(self) -> int:
        from regretlab.games.boxing_player import boxing_action

        self._frame += 1
        return boxing_action(*self._scout.places(), self._frame, self._generator)


GAMES: dict[str, tuple[str, dict[str, Any], type[_Decider]]] = {
    "stacker": ("regretlab/Stacker-v0", {"pixels": False}, _StackerDecider),
    "duel": ("regretlab/Duel-v0", {"pixels": False, "setting": "battle", "encounter": 3}, _DuelDecider),
    "boxing": ("regretlab/Boxing-v0", {}, _BoxingDecider),
}


def measure(frames: int, seeds: int, games: Sequence[str] = tuple(GAMES), folder: Path = RESULTS) -> Path:
    """Play the games and write the results file; of the same frames and seeds it keeps the games not named."""
    kept: dict[str, Any] = {}
    if set(games) != set(GAMES):
        before = read_results(NAME, folder)
        if (before["frames"], before["seeds"]) != (frames, seeds):
            raise SystemExit(f"the file has {before['seeds']} seeds of {before['frames']} frames: measure every game")
        kept = {name: {"provenance": before["provenance"]} | game for name, game in before["games"].items()}
    measured = {name: _measured(name, frames, seeds) if name in games else kept[name] for name in GAMES}
    command = f"python -m paper_figures.measurements.{NAME}"
    return write_results(
        NAME, {"provenance": provenance(command), "frames": frames, "seeds": seeds, "games": measured}, folder
    )


def _measured(name: str, frames: int, seeds: int) -> dict[str, Any]:
    environment, options, make_decider = GAMES[name]
    game = make_game(environment, **options)
    rewards: dict[str, list[float]] = {}
    agreement: dict[str, list[float]] = {}
    for seed in range(seeds):
        for delay in DELAYS:
            decider = make_decider(seed)
            rewards.setdefault(str(delay), []).append(_reward(game, decider, delay, frames, seed))
            if delay == 0:
                for back in DELAYS:
                    agreement.setdefault(str(back), []).append(_agreement(decider.episodes, back))
        player = RandomPlayer(int(game.action_space.n), seed)
        rewards.setdefault("random", []).append(_reward(game, player, 0, frames, seed))
        print(f"{name}, seed {seed}", file=sys.stderr)
    game.close()
    told = provenance(f"python -m paper_figures.measurements.{NAME}")
    return {"provenance": told, "reward": rewards, "agreement": agreement}


def _reward(game: Any, player: FixedPlayer, delay: int, frames: int, seed: int) -> float:
    play = play_delayed(game, player, delay=delay, sequential=False, default_action=0, discount=1.0, seed=seed)
    return sum(next(play).reward for _ in range(frames)) / frames


def _agreement(episodes: list[list[int]], back: int) -> float:
    """Return how often a decision is that of so many frames before."""
    pairs = [(a, b) for episode in episodes for a, b in zip(episode, episode[back:], strict=False)]
    return sum(a == b for a, b in pairs) / len(pairs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure how stale decisions get and what late ones cost.")
    parser.add_argument("--frames", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--games", nargs="+", choices=list(GAMES), default=list(GAMES), help="measure only these")
    chosen = parser.parse_args()
    print(measure(chosen.frames, chosen.seeds, chosen.games))
