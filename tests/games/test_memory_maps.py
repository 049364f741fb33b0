"""Memory maps: the sums, the file, and our own cartridges played through maps, held against their environments."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.errors import InputError, RunError
from regretlab.games import beacon, memory_map, stacker
from regretlab.games.cartridge import Cartridge
from regretlab.games.memory_map.expression import parse_sum
from regretlab.games.memory_map.model import Value, read_memory_map
from regretlab.games.scoring.mapped import Mapped
from tests.oracles.plain_memory import Memory

MAPS = Path(memory_map.__file__).parent / "maps"
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,6}", fullmatch=True)


@pytest.mark.thorough
@given(st.lists(st.tuples(st.sampled_from([1, -1]), NAMES), min_size=1, max_size=6), st.data())
def test_sums_are_what_python_would_add_up(terms, data):
    values = {name: data.draw(st.integers(0, 2**40)) for _, name in terms}
    space = st.sampled_from(["", " ", "  "])
    text = "".join(f"{data.draw(space)}{'+' if sign > 0 else '-'}{data.draw(space)}{name}" for sign, name in terms)
    text = text.lstrip(" +") if data.draw(st.booleans()) else text
    assert parse_sum(text).of(values) == sum(sign * values[name] for sign, name in terms)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "a +",
        "a b",
        "a ++ b",
        "- - a",
        "2*a",
        "a.b",
        "a()",
        "a+1",
        "a[0]",
        "__import__('os')",
        "a;b",
        "é+b!",
    ],
)
def test_what_is_no_sum_is_refused(text):
    with pytest.raises(InputError, match="is not a sum or difference of named values"):
        parse_sum(text)


@given(st.integers(1, 7), st.sampled_from(["little", "big"]), st.booleans(), st.data())
def test_numbers_are_read_as_they_are_written(size, endianness, bcd, data):
    value = Value(address=0xC000, size=size, endianness=endianness, bcd=bcd)
    assert value.largest == (10 ** (2 * size) if bcd else 256**size) - 1
    number, machine = data.draw(st.integers(0, value.largest)), Memory()
    value.write(machine, number)
    assert value.read(machine) == number
    digits = f"{number:0{2 * size}{'d' if bcd else 'x'}}"  # high byte first
    stored = bytes.fromhex(digits)
    assert machine.read_bytes(0xC000, size) == (stored if endianness == "big" else stored[::-1])
    assert machine.bytes[0xC000 + size] == 0


def test_what_is_no_decimal_is_said():
    machine = Memory()
    machine.write(0xC000, 0x1A)
    with pytest.raises(InputError, match="address 0xc000 holds 0x1a, which is not a decimal number"):
        Value(address=0xC000, bcd=True).read(machine)


GOOD = """
game = "Mine"
actions = ["", "a+b"]
[values]
points = { address = 0xC000, size = 2 }
fines = { address = 0xC002 }
[reward]
of = "points - fines"
[end]
value = "fines"
at_least = 3
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "0xC000",
            "0x1000",
            "address 0x1000 with 2 byte.s. is out of range: memory that changes lies at 0x8000 to 0xffff",
        ),
        ("0xC000", "0xFFFF", "address 0xffff with 2 byte.s. is out of range"),
        ("0xC000", "0x1C000", "address 0x1c000 with 2 byte.s. is out of range"),
        ("0xC000", "-1", "address -0x001 with 2 byte.s. is out of range"),
        ("0xC000", '"here"', r"values\.points\.address: must be a whole number, not 'here'"),
        ("size = 2", "size = 9", "size is 1 to 8 bytes, not 9"),
        ("size = 2", "bytes = 2", r"values\.points\.bytes: unknown key"),
        ("size = 2", 'endianness = "middle"', "endianness: must be 'little' or 'big', not 'middle'"),
        ("points - fines", "points * 2", "'points . 2' is not a sum or difference of named values"),
        ("points - fines", "bonus", "reward names 'bonus', which is not one of the values .points, fines."),
        ('value = "fines"', 'value = "lives"', "end names 'lives'"),
        ("at_least = 3", "", "end: give one of equals, differs and at_least"),
        ("at_least = 3", "at_least = 3\nequals = 3", "end: give one of equals, differs and at_least"),
        ("a+b", "a+x", "'x' is not a button: choose from a, b, select, start, up, down, left, right"),
        ('["", "a+b"]', "[]", "actions needs at least one"),
        ('game = "Mine"', 'sha256 = "12"', "sha256 is 64 hexadecimal digits in small letters, not '12'"),
        ('game = "Mine"', "game = [", "is not TOML"),
        ("[end]", '[[start]]\nwrite = "points"\n[end]', "write needs either to = a number or random = true"),
        ("[end]", '[[start]]\nwrite = "fines"\nto = 256\n[end]', "start writes 256 to 'fines', which takes 0 to 255"),
        ("[end]", '[[start]]\nwait = 5\npress = "a"\n[end]', "give one of write, press, wait, wait_random and until"),
        ("[end]", "[[start]]\nwait = 0\n[end]", "a number of frames is from 1 to 36000"),
        ("[end]", "[[start]]\nwait = 99999\n[end]", "a number of frames is from 1 to 36000"),
    ],
)
def test_maps_that_say_something_else(old, new, message, tmp_path):
    (tmp_path / "good.toml").write_text(GOOD)
    assert read_memory_map(tmp_path / "good.toml").reward.sum.names == ("points", "fines")
    assert old in GOOD
    path = tmp_path / "map.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=message) as refused:
        read_memory_map(path)
    assert str(refused.value).startswith(f"memory map '{path}'")
    assert "\n" not in str(refused.value)


def test_files_that_are_no_maps(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file or directory"):
        read_memory_map(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="is not TOML"):
        read_memory_map(tmp_path / "binary.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (1 << 21))
    with pytest.raises(InputError, match="has more than 1,048,576 bytes"):
        read_memory_map(tmp_path / "large.toml")


def _rules(tmp_path, text):
    (tmp_path / "map.toml").write_text(text)
    return read_memory_map(tmp_path / "map.toml")


@pytest.mark.parametrize(("count", "rewards"), [("increase", [2, 2, 1, 1, 1]), ("value", [4, 6, 7, 8, 9])])
def test_rewards_and_the_end(count, rewards, tmp_path):
    """Points grow by 2 a frame; from the fourth frame on there is a fine a frame, and the third ends it."""

    def script(memory, frame):
        memory.write(0xC000, 2 * (frame + 1), 2)
        memory.write(0xC002, max(0, frame - 2))

    game = Mapped(machine := Memory(script), _rules(tmp_path, GOOD.replace("[end]", f'count = "{count}"\n[end]')))
    for _ in range(2):  # the second episode is as the first
        game.begin(np.random.default_rng(0))  # plays a frame, for the picture
        played = []
        for _ in range(5):
            machine.tick()
            played.append(game.frame())
        assert played == [(reward, frame == 4) for frame, reward in enumerate(rewards)]
        assert game.facts() == {"points": 12, "fines": 3}


STEPS = """
[values]
left = { address = 0xC000 }
noise = { address = 0xC001, size = 2 }
phase = { address = 0xC003 }
pressed = { address = 0xC004 }
[[start]]
write = "left"
to = 7
[[start]]
press = "start"
frames = 3
[[start]]
write = "noise"
random = true
[[start]]
wait_random = 5
[[start]]
press = "a"
until = { value = "phase", at_least = 9 }
at_most = 100
"""


def _phases(memory, frame):
    memory.bytes[0xC004] += "start" in memory.held
    memory.bytes[0xC003] += "a" in memory.held


def test_the_steps_of_a_start(tmp_path):
    """A button is tapped, two frames of ten, until the game has counted nine of them; the seed draws the noise."""
    machine = Memory(_phases)
    game = Mapped(machine, _rules(tmp_path, STEPS))
    seen = []
    for seed in (1, 2, 1):
        rng = np.random.default_rng(seed)
        game.begin(rng)
        noise, waited = np.random.default_rng(seed).integers(1, 2**16), 0
        twin = np.random.default_rng(seed)
        twin.integers(1, 2**16)
        waited = int(twin.integers(0, 6))
        assert game.facts() == {"left": 7, "noise": noise, "phase": 9, "pressed": 3}
        assert (machine.frame, machine.held) == (3 + waited + 41, [])
        seen.append(game.facts()["noise"])
    assert seen[0] == seen[2] != seen[1]


def test_a_start_that_does_not_come_is_given_up(tmp_path):
    game = Mapped(Memory(), _rules(tmp_path, STEPS), name="steps.toml")
    with pytest.raises(InputError, match=r"steps\.toml': the game did not get to 'phase at least 9' within 100 frames"):
        game.begin(np.random.default_rng(0))


def test_decimals_that_go_wrong_while_playing_end_the_run(tmp_path):
    text = "[values]\nscore = { address = 0xC000, bcd = true }\n[reward]\nof = 'score'\n"
    game = Mapped(machine := Memory(), _rules(tmp_path, text))
    game.begin(np.random.default_rng(0))
    machine.write(0xC000, 0xFF)
    with pytest.raises(RunError, match="holds 0xff, which is not a decimal number"):
        game.frame()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "ours", "rom", "frames"),
    [
        ("beacon", lambda: beacon.Beacon(symbols=4, mode_probability=0.9), beacon.ROM, 600),
        ("stacker", stacker.Stacker, stacker.ROM, 4000),
    ],
)
def test_our_cartridges_through_maps_are_our_environments(name, ours, rom, frames):
    """Random play, several episodes of several seeds: the same screens, rewards and ends to the byte."""
    game, twin = Cartridge(rom, memory_map=MAPS / f"{name}.toml"), ours()
    assert game.action_space == twin.action_space
    assert game.default_action == 0
    rng, ends, total = np.random.default_rng(0), 0, 0.0
    for seed in (5, 6):
        for reset in range(2):
            seen, told = game.reset(seed=seed if reset == 0 else None)
            expected, _ = twin.reset(seed=seed if reset == 0 else None)
            assert (seen == expected).all()
            for frame in range(frames // 4):
                action = int(rng.integers(game.action_space.n))
                seen, reward, over, cut, told = game.step(action)
                expected, owed, *ended, known = twin.step(action)
                assert (reward, [over, cut]) == (owed, ended)
                if frame % 20 == 0:
                    assert (seen == expected).all()
                assert {key: told[key] for key in told if key in known and key != "lines"} == {
                    key: known[key] for key in told if key in known and key != "lines"
                } or name == "beacon"
                total += reward
                if over:
                    ends += 1
                    break
    assert total > 0
    if name == "beacon":
        assert told["symbol"] == known["symbol"]
    game.close()
    twin.close()


def test_the_map_of_tetris_on_a_machine_that_keeps_its_addresses():
    """The shipped map: title screen, start, play, score in decimal digits, the end when the state leaves 0."""

    def script(memory, frame):
        state, title = memory.bytes[0xFFE1], 30
        if frame < title:
            memory.bytes[0xFFE1] = 0x24
        elif state == 0x24:
            memory.bytes[0xFFE1] = 7
        elif state == 7 and "start" in memory.held:
            memory.bytes[0xFFE1], memory.bytes[0xFF00] = 0, frame & 0xFF
        elif state == 0:
            memory.bytes[0xC0A0:0xC0A3] = bytes.fromhex("400100")  # 140 points, lowest digits first

    machine = Memory(script)
    game = Mapped(machine, read_memory_map(MAPS / "tetris.toml"))
    for seed in (0, 1):
        game.begin(np.random.default_rng(seed))
        assert (game.facts()["state"], game.facts()["score"]) == (0, 0)
        machine.tick()
        assert game.frame() == (140.0, False)
        machine.write(0xFFE1, 1)
        assert game.frame() == (0.0, True)
