"""Cartridges that a person brings: those nobody knows, those that look like known ones, and Pokemon's rewards."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from regretlab.errors import InputError
from regretlab.games import make_game, recognised, trial
from regretlab.games.beacon import ROM as BEACON
from regretlab.games.cartridge import Cartridge
from regretlab.games.emulator import Emulator, reads_score
from regretlab.games.recognised import RECOGNISED, Recognised
from regretlab.games.rom import _header_checksum, runs_in_colour, title_of, without_title, write_header
from regretlab.games.scoring.pokemon import Pokemon
from regretlab.games.stacker import ROM as STACKER
from tests.oracles.plain_memory import Memory

MAPS = Path(recognised.__file__).parent / "memory_map" / "maps"


def _titled(tmp_path, title, colour=0):
    """Return our falling blocks under another title."""
    image = bytearray(write_header(STACKER.read_bytes(), title=title))
    image[0x143] = colour
    image[0x14D] = _header_checksum(bytes(image))
    path = tmp_path / f"{title.replace(' ', '-').lower()}-{colour}.gb"
    path.write_bytes(bytes(image))
    return path


def _play(game, frames, seed=0):
    observation, _ = game.reset(seed=seed)
    rng, seen = np.random.default_rng(seed), [observation.copy()]
    for _ in range(frames):
        observation, reward, over, _, _ = game.step(int(rng.integers(game.action_space.n)))
        assert (reward, over) == (0.0, False)
        seen.append(observation.copy())
    return np.array(seen)


@pytest.mark.parametrize("rom", [BEACON, STACKER], ids=["beacon", "stacker"])
def test_cartridges_that_nobody_knows_run_without_reward(rom):
    game = make_game("regretlab/Cartridge-v0", rom=str(rom))
    assert game.unwrapped.reward_source.startswith("none (no reward is known for the title")
    assert game.unwrapped.default_action == 0
    assert (_play(game, 400) == _play(game, 400)).all()
    check_env(game.unwrapped, skip_render_check=True)
    game.close()


@pytest.mark.thorough
@pytest.mark.parametrize("title", ["2048", "TETRIS", "SUPER MARIOLAND", "DMGTRIS", "POKEMON RED"])
def test_cartridges_that_bear_the_title_of_another_run_too(title, tmp_path, monkeypatch, capfd):
    """PyBoy's reader for the title never finds its game here; it is given up, and does not touch what is played."""
    monkeypatch.setattr(trial, "TRIAL_TIMEOUT", 3.0)
    game = Cartridge(_titled(tmp_path, title))
    if title in ("2048", "POKEMON RED"):
        assert game.reward_source == f"none (no reward is known for the title {title}; a memory map can define one)"
    else:
        assert f"PyBoy knows a game of the title {title} but could not start this one" in game.reward_source
    plain = Cartridge(STACKER)
    assert (_play(game, 60) == _play(plain, 60)).all()
    game.close()
    plain.close()
    assert capfd.readouterr().err == ""


def test_a_map_goes_before_a_reader(tmp_path):
    game = Cartridge(_titled(tmp_path, "TETRIS"), memory_map=MAPS / "stacker.toml")
    assert game.reward_source == "increase of score (memory map)"
    assert game.memory_map_sha256 == hashlib.sha256((MAPS / "stacker.toml").read_bytes()).hexdigest()
    game.close()


def test_pyboys_reader_of_a_score(tmp_path):
    """Its figures are on the screen: digits written there are the reward, and the tile of the end ends the game."""
    rom = _titled(tmp_path, "TETRIS")
    assert reads_score(rom)
    machine = Emulator(rom)
    machine.tick()
    (tmp_path / "begin.state").write_bytes(machine.save())
    machine.close()
    game = Cartridge(rom, state=tmp_path / "begin.state")
    assert game.reward_source == "increase of the score that PyBoy reads in TETRIS"
    _, told = game.reset(seed=0)
    assert set(told) == {"score", "level"}
    emulator, before = game._emulator, told["score"]
    row = 0x9800 + 32 * 3 + 13  # six digits
    for digits, over in (("000120", False), ("000123", False), ("000123", True)):
        for place, digit in enumerate(digits):
            emulator.write(row + place, 128 + int(digit))
        emulator.write(0x9800 + 2, 135 if over else 47)
        _, reward, ended, _, told = game.step(0)
        expected = sum((128 + int(digit)) * 10 ** (5 - place) for place, digit in enumerate(digits))
        assert (told["score"], reward, ended) == (expected, expected - before, over)
        before = expected
    game.close()


@pytest.mark.parametrize("colour", [0x80, 0xC0])
def test_cartridges_in_colour_are_seen_in_gray(colour, tmp_path):
    path = _titled(tmp_path, "COLOURFUL", colour)
    assert runs_in_colour(path.read_bytes())
    machine = Emulator(path)
    machine.tick()
    red, green, blue = (
        np.asarray(machine._machine.screen.ndarray)[:, :, channel].astype(float) for channel in range(3)
    )
    assert machine.screen().shape == (144, 160)
    assert np.abs(machine.screen() - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 0.5 + 1e-9
    machine.close()
    game = Cartridge(path)
    assert len(_play(game, 30)) == 31
    game.close()


def test_headers(tmp_path):
    image = STACKER.read_bytes()
    assert title_of(image) == "STACKER"
    hidden = without_title(image)
    assert title_of(hidden) == ""
    assert hidden[0x14D] == _header_checksum(hidden)
    assert hidden[0x150:] == image[0x150:]


def test_a_cartridge_of_a_kind_that_is_not_emulated(tmp_path):
    image = bytearray(STACKER.read_bytes())
    image[0x147] = 0xFC  # Pocket Camera
    image[0x14D] = _header_checksum(bytes(image))
    (tmp_path / "camera.gb").write_bytes(bytes(image))
    with pytest.raises(InputError, match=r"camera\.gb' cannot be emulated: .*252"):
        Cartridge(tmp_path / "camera.gb")


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((1 << 23) + 1, "has more than 8,388,608 bytes, the most"),
        (0x8000 + 1000, "cannot be emulated: .*length"),
    ],
)
def test_images_of_no_size_of_a_cartridge(size, message, tmp_path):
    (tmp_path / "odd.gb").write_bytes(STACKER.read_bytes() + bytes(size - 0x8000))
    with pytest.raises(InputError, match=message):
        Cartridge(tmp_path / "odd.gb")


def test_nothing_beside_the_rom_is_read_or_written(tmp_path):
    rom = tmp_path / "game.gb"
    rom.write_bytes(STACKER.read_bytes())
    (tmp_path / "game.gb.ram").write_bytes(b"old")
    before = sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir())
    game = Cartridge(rom)
    _play(game, 20)
    game.close()
    assert sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir()) == before


def test_states_to_start_from(tmp_path):
    """Two states of a game on its way: every episode starts from one of them, by the seed, with no button held."""
    game = Cartridge(STACKER, memory_map=MAPS / "stacker.toml")
    game.reset(seed=0)
    files = []
    for part in range(2):
        for _ in range(50):
            game.step(6)  # held down
        (tmp_path / f"{part}.state").write_bytes(game._emulator.save())
        files.append(str(tmp_path / f"{part}.state"))
    game.close()
    (tmp_path / "plain.toml").write_text("[values]\nframes = { address = 0xC010, size = 4 }\n")
    game = Cartridge(STACKER, memory_map=tmp_path / "plain.toml", state=files)
    begun = [game.reset(seed=seed)[1]["frames"] for seed in range(12)]
    assert len(set(begun)) == 2
    assert begun == [game.reset(seed=seed)[1]["frames"] for seed in range(12)]
    assert game._emulator.read(0xFF00) & 0x0F == 0x0F  # the pad: no line is low
    game.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rom": None}, "a cartridge needs the file of its ROM: give --rom FILE"),
        ({"rom": None, "game": "tetris"}, "tetris needs the file of its ROM"),
        ({"game": "tetris"}, f"has SHA-256 [0-9a-f]{{64}}, and Tetris .* is {next(iter(RECOGNISED))}$"),
        ({"game": "pokemon"}, "Pokemon Red is 5ca7.*, Pokemon Blue is 2a95.*, Pokemon Yellow is 8cba"),
        ({"setting": "catch"}, "setting 'catch' is one of Pokemon's, and ROM '.*' is not played as Pokemon"),
        ({"setting": "win"}, "setting must be battle or catch, not 'win'"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array', not 'human'"),
        ({"memory_map": "none.toml"}, "memory map 'none.toml' cannot be read"),
        ({"state": "none.state"}, "state 'none.state' cannot be read: No such file"),
        ({"state": str(STACKER)}, "is not a state of PyBoy for this ROM"),
    ],
)
def test_what_cannot_be_played(options, message):
    with pytest.raises(InputError, match=message):
        Cartridge(**({"rom": STACKER} | options))


def test_a_map_for_another_rom_names_both(tmp_path):
    (tmp_path / "map.toml").write_text(f'game = "Mine"\nsha256 = "{"0" * 64}"\n')
    digest = hashlib.sha256(STACKER.read_bytes()).hexdigest()
    with pytest.raises(InputError, match=f"has SHA-256 {digest}, and the memory map of Mine is for {'0' * 64}"):
        Cartridge(STACKER, memory_map=tmp_path / "map.toml")


def test_a_map_whose_cartridge_never_gets_ready(tmp_path):
    text = (MAPS / "stacker.toml").read_text().replace('ready = { value = "alive", equals = 1 }', "")
    (tmp_path / "map.toml").write_text('ready = { value = "alive", equals = 9 }\n' + text)
    with pytest.raises(InputError, match=r"did not get ready within 3000 frames .'alive equals 9' in the memory map"):
        Cartridge(STACKER, memory_map=tmp_path / "map.toml")


def _fight(shift, kind, own, foes):
    """A machine with a battle in it: hit points of one's own and of opposing monsters."""
    machine = Memory()

    def place(address, value, size=1):
        machine.bytes[address + shift : address + shift + size] = value.to_bytes(size, "big")

    def show(kind, own, foes, box=0):
        place(0xD057, kind)
        place(0xD163, len(own))
        place(0xDA80, box)
        for index, points in enumerate(own):
            place(0xD16C + 44 * index, points, 2)
        if kind == 1:
            place(0xCFE6, foes[0], 2)
        else:
            place(0xD89C, len(foes))
            for index, points in enumerate(foes):
                place(0xD8A5 + 44 * index, points, 2)

    show(kind, own, foes)
    return machine, show


@pytest.mark.parametrize("shift", [0, -1], ids=["red and blue", "yellow"])
def test_battles_pay_for_fainted_monsters(shift):
    machine, show = _fight(shift, 2, [20, 300], [256, 15])
    game = Pokemon(machine, "battle", (machine.save(),), shift)
    game.begin(np.random.default_rng(0))
    assert game.facts() == {"in_battle": 1, "own": 2, "foes": 2, "owned": 2}
    course = [
        ((2, [3, 300], [256, 15]), (0.0, False)),
        ((2, [3, 300], [0, 15]), (1.0, False)),  # an opposing monster faints
        ((2, [0, 300], [0, 15]), (-1.0, False)),  # one's own does
        ((2, [0, 255], [0, 15]), (0.0, False)),
        ((2, [0, 255], [0, 0]), (1.0, False)),
        ((0, [0, 255], [0, 0]), (0.0, True)),  # the battle is over
    ]
    for state, expected in course:
        show(*state)
        assert game.frame() == expected
    game.begin(np.random.default_rng(1))
    assert game.facts()["foes"] == 2


@pytest.mark.parametrize("boxed", [False, True], ids=["into the party", "into the box"])
def test_catches_pay_for_a_catch_and_nothing_else(boxed):
    machine, show = _fight(0, 1, [20], [12])
    game = Pokemon(machine, "catch", (machine.save(),), 0)
    game.begin(np.random.default_rng(0))
    show(1, [5], [1])
    assert game.frame() == (0.0, False)
    show(1, [5] if boxed else [5, 1], [1], box=int(boxed))
    assert game.frame() == (1.0, False)
    show(0, [5] if boxed else [5, 1], [1], box=int(boxed))
    assert game.frame() == (0.0, True)
    game.begin(np.random.default_rng(0))
    show(0, [0], [1])  # fled
    assert game.frame() == (0.0, True)


def test_an_encounter_that_has_not_begun_does_not_end(tmp_path):
    machine, show = _fight(0, 0, [20], [12])
    game = Pokemon(machine, "battle", (machine.save(),), 0)
    game.begin(np.random.default_rng(0))
    assert game.frame() == (0.0, False)
    show(1, [20], [12])
    assert game.frame() == (0.0, False)
    show(1, [20], [0])
    assert game.frame() == (1.0, False)


def test_a_recognised_cartridge_is_played_by_its_map(monkeypatch):
    """Our own cartridge in the place of Tetris and of Pokemon."""
    digest = hashlib.sha256(STACKER.read_bytes()).hexdigest()
    monkeypatch.setitem(recognised.RECOGNISED, digest, Recognised("Pokemon Ours", "pokemon"))
    with pytest.raises(InputError, match="Pokemon Ours needs a state of PyBoy to start encounters from: give --state"):
        Cartridge(STACKER)
    monkeypatch.setitem(recognised.RECOGNISED, digest, Recognised("Ours", "tetris"))
    with pytest.raises(InputError, match="'Tetris': the game did not get to 'state equals 7' within 1200"):
        Cartridge(STACKER, game="tetris").reset(seed=0)


def test_no_rom_of_others_is_here():
    root = Path(recognised.__file__).parents[2]
    for path in [*root.glob("regretlab/**/*.gb*"), *root.glob("tests/**/*.gb*")]:
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in RECOGNISED
        assert path.parent.name == "cartridges"


@pytest.mark.thorough
def test_a_cartridge_that_hangs_the_emulator_is_refused(tmp_path, monkeypatch):
    """It begins with an instruction that does not exist; a process of its own finds out."""
    image = bytearray(STACKER.read_bytes())
    image[0x100] = 0xD3
    (tmp_path / "hangs.gb").write_bytes(bytes(image))
    monkeypatch.setattr(trial, "TRIAL_TIMEOUT", 2.0)
    with pytest.raises(InputError, match=r"hangs the emulator: its first seconds take it over 10 s of processor"):
        Cartridge(tmp_path / "hangs.gb")


def test_states_cut_short_are_refused(tmp_path):
    machine = Emulator(STACKER)
    whole = machine.save()
    machine.close()
    for size in (0, 1, 1000, len(whole) // 2):
        (tmp_path / "cut.state").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"cut\.state' is not a state of PyBoy for this ROM: "):
            Cartridge(STACKER, state=tmp_path / "cut.state")
