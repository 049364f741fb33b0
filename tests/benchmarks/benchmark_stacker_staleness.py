"""What the search player scores on stacker when its actions come late.

``python -m tests.benchmarks.benchmark_stacker_staleness``: eight seeds, 6000 frames or game over; an action decided
from work RAM takes effect ``delay`` frames later.
"""

from collections import deque

import numpy as np
from scipy import stats

from regretlab.games.stacker import Stacker
from regretlab.games.stacker_player import SearchPlayer

if __name__ == "__main__":
    for delay in (0, 1, 2, 5, 8, 16):
        scores = []
        for seed in range(8):
            game, player, waiting = Stacker(pixels=False), SearchPlayer(), deque([0] * delay)
            game.reset(seed=seed)
            for _ in range(6000):
                waiting.append(player.action(game))
                if game.step(waiting.popleft())[2]:
                    break
            scores.append(game.score)
            game.close()
        half = stats.t.ppf(0.975, len(scores) - 1) * np.std(scores, ddof=1) / len(scores) ** 0.5
        print(f"{delay:3d} frames late: {np.mean(scores):7.1f} ± {half:.1f} (95 %)")
