"""Duel: no frame is skipped, chances are those of the rules, nothing moves while it waits, lateness costs only time."""

import warnings
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from regretlab.errors import InputError
from regretlab.games import make_game, memory_map
from regretlab.games.cartridge import Cartridge
from regretlab.games.duel import BUTTONS, ENCOUNTERS, PHASES, ROM, Duel
from regretlab.games.duel_player import MOVES, DuelPlayer, catch_chance, effect, full_damage

MAPS = Path(memory_map.__file__).parent / "maps"
A, B, UP, DOWN = (BUTTONS.index(name) for name in ("a", "b", "up", "down"))
PHASE, ACTOR, ACTIONS = 0xC00B, 0xC01D, 0xC022  # between them: the move, its result, the damage, the chance of a net
MISSED, WEAK, EVEN, STRONG, HELD, BROKEN = range(6)
NET = 0xFF
WAITING = ("reading", "menu", "moves")


def _play(game, player, seed=None, delay=0):
    """Play an encounter; return its reward and its frames."""
    game.reset(seed=seed)
    waiting, total = deque([0] * delay), 0.0
    for frame in range(1, 100_000):
        waiting.append(player(game))
        _, reward, terminated, _, _ = game.step(waiting.popleft())
        total += reward
        if terminated:
            return total, frame
    raise AssertionError("the encounter did not end")


def _script():
    player = DuelPlayer()
    return lambda game: player.action(game.state())


def _random(seed):
    rng = np.random.default_rng(seed)
    return lambda game: int(rng.integers(len(BUTTONS)))


def _wait_for(game, *phases):
    for _ in range(400):
        if game.state().phase in phases:
            return game.state()
        game.step(0)
    raise AssertionError(f"no {phases}")


def _press(game, button):
    game.step(button)
    return game.step(0)


def test_gymnasium_accepts_it():
    game = make_game("regretlab/Duel-v0")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*render_modes.*|.*not within the allowed range.*")
        check_env(game.unwrapped, skip_render_check=True)
    game.close()


def test_stable_baselines3_accepts_it():
    from stable_baselines3.common.env_checker import check_env as check_for_baselines

    game = Duel(setting="catch")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*image as an observation.*|.*unconventional shape.*|.*CNN.*")
        check_for_baselines(game, skip_render_check=True)
    game.close()


@pytest.mark.parametrize("setting", ["battle", "catch"])
def test_no_frame_is_skipped(setting):
    """The cartridge's counter moves by one a tick, and its work is done by the middle of the screen."""
    game = Duel(setting=setting, encounter=5, advance=True, pixels=False)
    game.reset(seed=0)
    rng, script, lines = np.random.default_rng(1), DuelPlayer(), 0
    for step in range(14_000):
        before = game.frames
        action = script.action(game.state()) if step < 6_000 else int(rng.integers(len(BUTTONS)))
        *_, terminated, _, _ = game.step(action)  # raises if the cartridge was late
        assert game.frames == before + 1
        if terminated:
            lines = max(lines, game._emulator.read(0xC00A))
            game.reset()
    assert 8 < lines < 100
    game.close()


def test_same_seed_same_game_to_the_byte():
    games = [Duel(), Duel()]
    observations = [game.reset(seed=5)[0] for game in games]
    assert np.array_equal(*observations)
    for action in np.random.default_rng(1).integers(len(BUTTONS), size=800):
        first, second = (game.step(action) for game in games)
        assert np.array_equal(first[0], second[0])
        assert first[1:] == second[1:]
    others = set()
    for seed in range(20):
        games[0].reset(seed=seed)
        others.add(games[0].state().own.species)
    assert len(others) > 4
    for game in games:
        game.close()


def _hurried(seed):
    """Presses any button, A mostly, in every other frame in which one is waited for."""
    rng, held = np.random.default_rng(seed), False

    def action(phase):
        nonlocal held
        held = not held and phase in WAITING
        return int(rng.choice([A, A, A, UP, DOWN, DOWN])) if held else 0

    return action


def _actions(setting, encounters, episodes):
    """Return (state before, state after, RAM's account of it) of every action in hurried play."""
    found = []
    for encounter in encounters:
        game = Duel(setting=setting, encounter=encounter, pixels=False)
        read = game._emulator.read
        for episode in range(episodes):
            game.reset(seed=episode)
            player, terminated, count, before = _hurried(episode), False, 0, game.state()
            while not terminated:
                action = player(PHASES[read(PHASE)])
                if action:
                    before = game.state()  # nothing happens without a press
                *_, terminated, _, _ = game.step(action)
                if read(ACTIONS) != count:
                    *account, count = game._emulator.read_bytes(ACTOR, ACTIONS + 1 - ACTOR)
                    found.append((before, game.state(), account))
        game.close()
    return found


def test_blows_are_as_the_rules_say():
    """Accuracy and rolls against the tables, over both sides and all encounters."""
    hits, expected, variance = 0, 0.0, 0.0
    taken, usual, spread, blows = 0, 0.0, 0.0, 0
    for before, after, (actor, number, result, damage, _) in _actions("battle", range(1, ENCOUNTERS + 1), 4):
        sides, later = (before.own, before.foe), (after.own, after.foe)
        other, move = sides[1 - actor], MOVES[number]
        assert number in sides[actor].moves
        assert later[1 - actor].hp == other.hp - damage
        assert later[actor].hp == sides[actor].hp
        accuracy = min((move.accuracy * 41 >> 4) / 256, 1)
        hits, expected, variance = hits + (result != MISSED), expected + accuracy, variance + accuracy * (1 - accuracy)
        if result == MISSED:
            assert damage == 0
            continue
        assert result == {0.5: WEAK, 1.0: EVEN, 2.0: STRONG}[effect(move.type, other.type)]
        full = full_damage(move, sides[actor].strength, other.type)
        possible = [full - (full * roll >> 5) for roll in range(8)]
        assert damage == other.hp or damage in possible
        if possible[0] < other.hp:  # else it is cut off at times
            taken, usual, spread, blows = (
                taken + damage,
                usual + np.mean(possible),
                spread + np.var(possible),
                blows + 1,
            )
    assert blows > 200
    assert abs(hits - expected) < 4 * variance**0.5
    assert abs(taken - usual) < 4 * spread**0.5


def test_nets_hold_by_the_hit_points_left():
    """The chance is the formula's for every net, and as many hold as it says."""
    held, expected, variance, chances = 0, 0.0, 0.0, set()
    for before, after, (_, number, result, _, chance) in _actions("catch", (1, 5, 10), 16):
        if number != NET:
            continue
        assert after.nets == before.nets - 1
        assert chance / 256 == catch_chance(before.foe.hp, before.foe.most, before.encounter)
        assert result in (HELD, BROKEN)
        held, expected, variance = (
            held + (result == HELD),
            expected + chance / 256,
            variance + chance / 256 * (1 - chance / 256),
        )
        chances.add(chance)
    assert len(chances) > 8
    assert abs(held - expected) < 4 * variance**0.5
    falling = [catch_chance(hp, 80, 10) for hp in range(1, 81)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 10 * falling[-1]


def test_moves_in_the_rom_are_those_of_the_player():
    image = ROM.read_bytes()
    start = image.index(b"NUDGE\0")
    for number, move in enumerate(MOVES):
        assert tuple(image[start + 12 * number + 9 : start + 12 * number + 12]) == tuple(move)


def test_nothing_moves_while_it_waits():
    """Wherever a button is waited for, 1000 frames without one change no pixel, no state and no chance."""
    game = Duel(encounter=2)
    game.reset(seed=3)

    def wait():
        game.step(0)
        first, *_ = game.step(0)
        state, chance = game.state(), game._emulator.read(0xC010, 4)
        for _ in range(1000):
            observation, reward, terminated, _, _ = game.step(0)
            assert (reward, terminated) == (0, False)
        assert np.array_equal(observation, first)
        assert (game.state(), game._emulator.read(0xC010, 4)) == (state, chance)

    _wait_for(game, "reading")
    wait()
    _press(game, A)
    _wait_for(game, "menu")
    wait()
    _press(game, A)
    _wait_for(game, "moves")
    wait()
    game.close()


def test_menus():
    game = Duel(setting="catch")
    game.reset(seed=1)
    _wait_for(game, "reading")
    _press(game, A)
    assert _wait_for(game, "menu").cursor == 0
    for button, cursor in ((DOWN, 1), (DOWN, 1), (UP, 0)):
        _press(game, button)
        assert game.state().cursor == cursor
    _press(game, A)
    _wait_for(game, "moves")
    for button, cursor in ((DOWN, 1), (DOWN, 2), (UP, 1), (DOWN, 2), (DOWN, 3), (DOWN, 3)):
        _press(game, button)
        assert game.state().cursor == cursor
    _press(game, B)
    assert _wait_for(game, "menu").turns == 0
    _press(game, DOWN)
    nets = game.state().nets
    for _ in range(60):
        game.step(A)  # held: it counts once
    assert (game.state().nets, game.state().turns) == (nets - 1, 1)
    game.close()


def test_a_battle_has_no_nets():
    game = Duel(setting="battle")
    game.reset(seed=1)
    _wait_for(game, "reading")
    _press(game, A)
    _wait_for(game, "menu")
    _press(game, DOWN)
    _press(game, A)
    state = _wait_for(game, "reading")
    assert (state.turns, state.nets) == (0, 0)
    _press(game, A)
    _wait_for(game, "menu")
    game.close()


@pytest.mark.thorough
@pytest.mark.parametrize(("setting", "least"), [("battle", 0.4), ("catch", 0.5)])
def test_the_script_does_well_and_a_random_player_does_not(setting, least):
    """Encounter 6, thirty times each: the difference is over 2.5 errors, and the script's mean is high."""
    game = Duel(setting=setting, encounter=6, pixels=False)
    script = np.array([_play(game, _script(), seed)[0] for seed in range(30)])
    random = np.array([_play(game, _random(seed), seed)[0] for seed in range(30)])
    game.close()
    error = np.hypot(script.std(ddof=1), random.std(ddof=1)) / 30**0.5
    assert script.mean() - random.mean() > 2.5 * error
    assert script.mean() > least


@pytest.mark.parametrize("delay", [1, 8, 40])
def test_lateness_costs_time_and_nothing_else(delay):
    """Chances are drawn by actions, not by frames: the same rewards to the last, only later."""
    for setting in ("battle", "catch"):
        game = Duel(setting=setting, encounter=4, pixels=False)
        for seed in range(3):
            reward, frames = _play(game, _script(), seed)
            late_reward, late_frames = _play(game, _script(), seed, delay)
            assert late_reward == reward
            assert frames < late_frames < 100_000
        game.close()


def test_rewards_are_paid_when_one_faints_and_end_the_encounter():
    game = Duel(setting="battle", encounter=10, pixels=False)
    outcomes = set()
    for seed in range(12):
        game.reset(seed=seed)
        player, rewards, terminated = _script(), [], False
        while not terminated:
            _, reward, terminated, _, info = game.step(player(game))
            rewards.append(reward)
            assert reward == 0 or info["foe_hp" if reward > 0 else "own_hp"] == 0
        assert [reward for reward in rewards if reward] in ([1.0], [-1.0])
        outcomes.add(sum(rewards))
        assert game.next_encounter == (10 if sum(rewards) > 0 else 9)
    assert outcomes == {1.0, -1.0}
    game.close()


def test_encounters_follow_one_another():
    """Up after a success, down by one after a defeat, the same if nothing came of it; a seed starts over."""
    game = Duel(setting="catch", encounter=4, advance=True, pixels=False)
    game.reset(seed=0)
    steps, expected = set(), 4
    for episode in range(40):
        state = _wait_for(game, "reading")
        assert game.encounter == expected
        player = _script() if episode % 3 else _random(episode)
        reward, _ = _finish(game, player)
        lost = game.state().own.hp == 0
        change = 1 if reward and expected < ENCOUNTERS else -1 if lost and expected > 1 else 0
        steps.add(change)
        assert state.own.most == state.own.hp == 64  # rested
        expected += change
        game.reset()
    assert steps == {-1, 0, 1}
    game.reset(seed=1)
    assert game.encounter == 4
    game.close()


def _finish(game, player):
    total, terminated, frames = 0.0, False, 0
    while not terminated:
        _, reward, terminated, _, _ = game.step(player(game))
        total, frames = total + reward, frames + 1
    return total, frames


def test_through_its_memory_map_it_is_the_same_game():
    """Frame by frame the observations, rewards and ends of the environment, over whole battles."""
    ours, mapped = Duel(), Cartridge(ROM, memory_map=MAPS / "duel.toml")
    paid = []
    for seed in (3, None, 4):
        first, second = ours.reset(seed=seed)[0], mapped.reset(seed=seed)[0]
        player, terminated = _hurried(1), False
        while not terminated:
            assert np.array_equal(first, second)
            action = player(ours.state().phase)
            first, reward, terminated, _, _ = ours.step(action)
            second, *others = mapped.step(action)
            assert others[:2] == [reward, terminated]
            paid.append(reward)
    assert sum(map(abs, paid)) == 3
    ours.close()
    mapped.close()


def test_a_person_starts_at_the_title_and_goes_on_after_the_end():
    """Without a host: A on the title, an encounter by pressing A, and A again for the next one."""
    game = Duel(pixels=False)
    machine = game._emulator
    machine.restart()
    expected = 1
    for _ in range(3):
        for frame in range(20_000):
            machine.hold(["a"] if frame % 2 else [])
            machine.tick(render=False)
            if machine.read(0xC008) and frame > 40:
                break
        assert machine.read(0xC008)
        assert machine.read(0xC009) == 0
        assert game.encounter == expected
        expected = game.next_encounter
    game.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encounter": 0}, "encounters 1 to 10, not 0"),
        ({"encounter": 11}, "encounters 1 to 10, not 11"),
        ({"setting": "win"}, "setting must be battle or catch, not 'win'"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array', not 'human'"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Duel(**options)
