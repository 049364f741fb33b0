"""Duel in numbers: they are those of work RAM, stay in their space, and leave the game as it is."""

import numpy as np
from gymnasium.utils.env_checker import check_env

from regretlab.games import make_game
from regretlab.games.duel import BUTTONS, Duel
from regretlab.games.duel_numbers import DuelNumbers


def test_gymnasium_accepts_it():
    game = make_game("regretlab/DuelNumbers-v0", setting="catch")
    check_env(game.unwrapped, skip_render_check=True)
    game.close()


def test_the_game_is_the_same_and_its_numbers_are_those_of_work_ram():
    """Random play of 2,000 frames beside the game on screens; what is told is read here from the addresses."""
    told, shown = DuelNumbers(setting="catch", encounter=4), Duel(setting="catch", encounter=4, pixels=False)
    seen, _ = told.reset(seed=3)
    shown.reset(seed=3)
    rng, phases, action = np.random.default_rng(3), set(), 0
    for _ in range(2000):
        ram = told._emulator.read_bytes(0xC000, 0x40)
        phase, cursor, nets = ram[0x0B], ram[0x14], ram[0x15]
        assert seen in told.observation_space
        assert list(np.flatnonzero(seen[:13])) == [phase, 9 + cursor]
        own, foe, most = ram[0x26], ram[0x30], ram[0x31]
        np.testing.assert_allclose(seen[13:17], [nets / 3, own / 100, foe / 100, foe / most], rtol=1e-6)
        assert list(np.flatnonzero(seen[29:])) == [action]
        phases.add(phase)
        action = int(rng.integers(len(BUTTONS)))
        seen, *outcome = told.step(action)
        _, *expected = shown.step(action)
        assert outcome == expected
        if outcome[1]:
            seen, action = told.reset()[0], 0
            shown.reset()
    assert len(phases) > 5
    told.close()
    shown.close()


def test_a_strong_move_is_told_as_one():
    """Types in a ring, each beats the next: by the numbers of types alone, for all own moves of twenty encounters."""
    game, met = DuelNumbers(encounter=6), set()
    for seed in range(20):
        seen, _ = game.reset(seed=seed)
        foe = game.state().foe.type
        for place, number in enumerate(game.state().own.moves):
            kind = 5 if number < 2 else (number - 2) // 2
            after = (foe - kind) % 5
            expected = 1 / 3 if kind == 5 or after in (2, 3) else 1.0 if after == 1 else 0.0
            assert abs(float(seen[19 + 3 * place]) - expected) < 1e-6
            met.add(expected)
    assert len(met) == 3
    game.close()
