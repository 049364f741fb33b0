"""Tetris and Pokemon themselves, where their owner says that they are.

``REGRETLAB_ROMS`` names files or folders, with colons between them; states of PyBoy in a battle lie beside a ROM
FILE.gb as FILE*.state. Without it nothing here runs.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from regretlab.games.cartridge import Cartridge
from regretlab.games.recognised import RECOGNISED


def _files():
    for place in filter(None, os.environ.get("REGRETLAB_ROMS", "").split(":")):
        path = Path(place)
        yield from sorted(path.glob("*.gb*")) if path.is_dir() else [path]


OWNED = {}
for _file in _files():
    _known = RECOGNISED.get(hashlib.sha256(_file.read_bytes()).hexdigest()) if _file.is_file() else None
    if _known is not None:
        OWNED.setdefault(_known.game, []).append(_file)

needs_tetris = pytest.mark.skipif("tetris" not in OWNED, reason="REGRETLAB_ROMS names no Tetris")
needs_pokemon = pytest.mark.skipif("pokemon" not in OWNED, reason="REGRETLAB_ROMS names no Pokemon")


@needs_tetris
def test_tetris_is_played_to_its_end():
    """Left to itself the pile reaches the top; held down, pieces pay, and the same seed gives the same game."""
    game = Cartridge(OWNED["tetris"][0], game="tetris")
    down = game._scoring.actions.index("down")
    courses = []
    for seed in (0, 0, 1):
        _, told = game.reset(seed=seed)
        assert (told["score"], told["state"], told["level"]) == (0, 0, 0)
        rewards, over = [], False
        while not over and len(rewards) < 20_000:
            _, reward, over, _, told = game.step(down if len(rewards) % 8 else 0)
            rewards.append(reward)
        assert over
        assert sum(rewards) == told["score"] > 0
        courses.append(rewards)
    assert courses[0] == courses[1]


@needs_pokemon
@pytest.mark.parametrize("setting", ["battle", "catch"])
@pytest.mark.parametrize("rom", OWNED.get("pokemon", []), ids=lambda path: path.stem)
def test_pokemon_from_states_of_its_owner(rom, setting):
    states = sorted(str(path) for path in rom.parent.glob(f"{rom.stem}*.state"))
    if not states:
        pytest.skip(f"no {rom.stem}*.state beside the ROM")
    game, rng = Cartridge(rom, game="pokemon", state=states, setting=setting), np.random.default_rng(0)
    for seed in range(3):
        _, told = game.reset(seed=seed)
        assert 1 <= told["own"] <= 6
        for _ in range(3000):
            _, reward, over, _, told = game.step(int(rng.integers(game.action_space.n)))
            assert reward in ((-1.0, 0.0, 1.0) if setting == "battle" else (0.0, 1.0))
            if over:
                assert told["in_battle"] == 0
                break
