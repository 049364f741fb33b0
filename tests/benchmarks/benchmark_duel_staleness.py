"""What the scripted player earns on duel when its actions come late.

``python -m tests.benchmarks.benchmark_duel_staleness``: forty encounters of number 6, the same in every row; an action
decided from work RAM takes effect ``delay`` frames later.
"""

from collections import deque

import numpy as np
from scipy import stats

from regretlab.games.duel import BUTTONS, SETTINGS, Duel
from regretlab.games.duel_player import DuelPlayer


def play(game: Duel, delay: int, seed: int, random: np.random.Generator | None = None) -> tuple[float, int]:
    """Play an encounter, with the script or at random; return its reward and its frames."""
    player, waiting, total, frames, over = DuelPlayer(), deque([0] * delay), 0.0, 0, False
    game.reset(seed=seed)
    while not over:
        waiting.append(player.action(game.state()) if random is None else int(random.integers(len(BUTTONS))))
        _, reward, over, _, _ = game.step(waiting.popleft())
        total, frames = total + float(reward), frames + 1
    return total, frames


def _told(played: list[tuple[float, int]]) -> str:
    rewards, frames = np.array(played).T
    half = stats.t.ppf(0.975, len(rewards) - 1) * rewards.std(ddof=1) / len(rewards) ** 0.5
    return f"{rewards.mean():5.2f} ± {half:.2f} (95 %) an encounter, of {frames.mean():6.0f} frames"


if __name__ == "__main__":
    for setting in SETTINGS:
        game = Duel(setting=setting, encounter=6, pixels=False)
        for delay in (0, 1, 2, 5, 8, 16, 70):
            print(f"{setting}, {delay:3d} frames late: {_told([play(game, delay, seed) for seed in range(40)])}")
        rng = np.random.default_rng(0)
        print(f"{setting}, random play:     {_told([play(game, 0, seed, rng) for seed in range(40)])}")
        game.close()
