"""What the scripted player and a random one earn in each encounter of duel.

``python -m tests.benchmarks.benchmark_duel_difficulty``: sixty times each encounter, mean reward with 95 % interval.
"""

import numpy as np
from scipy import stats

from regretlab.games.duel import ENCOUNTERS, SETTINGS, Duel
from tests.benchmarks.benchmark_duel_staleness import play

_SEEDS = 60

if __name__ == "__main__":
    for setting in SETTINGS:
        for encounter in range(1, ENCOUNTERS + 1):
            game, rng = Duel(setting=setting, encounter=encounter, pixels=False), np.random.default_rng(encounter)
            said = []
            for name, random in (("script", None), ("random", rng)):
                rewards = np.array([play(game, 0, seed, random)[0] for seed in range(_SEEDS)])
                half = stats.t.ppf(0.975, _SEEDS - 1) * rewards.std(ddof=1) / _SEEDS**0.5
                said.append(f"{name} {rewards.mean():5.2f} ± {half:.2f}")
            print(f"{setting}, encounter {encounter:2d}: {', '.join(said)} (95 %)")
            game.close()
