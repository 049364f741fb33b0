"""The cartridge is the ring, exactly; the environment keeps Gymnasium's rules."""

import hashlib
import shutil
import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from scipy import stats

from regretlab.errors import InputError
from regretlab.games import make_game
from regretlab.games.beacon import MAXIMUM_SYMBOLS, ROM, Beacon
from regretlab.games.cartridges.build import CARTRIDGES, build_cartridge
from regretlab.games.emulator import downsample
from regretlab.records import batch_means


def _play_symbols(frames, **options):
    """Return the symbols on the screen before each of ``frames`` frames of no-op play, at full speed."""
    game = Beacon(**options)
    game.reset(seed=11)
    symbols = np.empty(frames, np.int64)
    for index in range(frames):
        symbols[index] = game.symbol
        game.advance(0, render=False)
    assert game.frames == frames  # no frame was skipped or played twice
    game.close()
    return symbols


def test_gymnasium_accepts_it():
    game = make_game("regretlab/Beacon-v0")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*render_modes.*|.*not within the allowed range.*")
        check_env(game.unwrapped, skip_render_check=True)
    game.close()


def test_stable_baselines3_accepts_it():
    from stable_baselines3.common.env_checker import check_env as check_for_baselines

    game = Beacon(symbols=4)
    with warnings.catch_warnings():
        # a grayscale frame of shape (84, 84) has no channel axis: fine for our networks, which add it
        warnings.filterwarnings("ignore", message=".*image as an observation.*|.*unconventional shape.*|.*CNN.*")
        check_for_baselines(game, skip_render_check=True)
    game.close()


@pytest.mark.thorough
@pytest.mark.parametrize("symbols", [2, 8, MAXIMUM_SYMBOLS])
def test_an_agent_told_the_symbol_earns_exactly_one_a_frame(symbols):
    frames = 100_000
    game = Beacon(symbols=symbols, mode_probability=1 / symbols)
    game.reset(seed=symbols)
    total = 0.0
    for _ in range(frames):
        total += game.advance(1 + game.symbol, render=False)
    assert total == frames
    assert game.frames == frames
    game.close()


def test_rewards_are_the_cartridges_own_counter_and_the_no_op_earns_nothing():
    game = Beacon(symbols=3, mode_probability=0.6)
    game.reset(seed=2)
    actions = np.random.default_rng(0).integers(4, size=2000)
    symbol, total = game.symbol, 0.0
    for action in actions:
        _, reward, terminated, truncated, info = game.step(action)
        assert reward == float(action == 1 + symbol)
        assert not terminated
        assert not truncated
        total += reward
        assert info["score"] == total
        symbol = info["symbol"]
    assert 0 < total < 2000
    game.close()


@pytest.mark.parametrize("p", [0.8, 0.95, 0.99])
@pytest.mark.one_in(2)
def test_old_observations_earn_what_the_formula_says(p):
    """An action from a d-frame-old observation is right with probability 1/K + (1 - 1/K) lambda^d."""
    symbols, frames = 8, 60_000
    shown = _play_symbols(frames, symbols=symbols, mode_probability=p)
    realised = Beacon(symbols=symbols, mode_probability=p)
    eigenvalue = (symbols * realised.mode_probability - 1) / (symbols - 1)
    realised.close()
    for delay in (1, 2, 5, 10):
        mean, error = batch_means((shown[delay:] == shown[:-delay]).astype(float))
        assert abs(mean - (1 / symbols + (1 - 1 / symbols) * eigenvalue**delay)) < 4 * error


def test_what_the_screen_shows_is_what_is_scored():
    """The symbol read from pixels alone, acted on with no delay, earns every reward."""
    game = Beacon(symbols=15, mode_probability=0.2)
    seen: dict[bytes, int] = {}
    observation, info = game.reset(seed=3)
    for _ in range(400):
        seen.setdefault(observation.tobytes(), info["symbol"])
        observation, _, _, _, info = game.step(0)
    assert len(seen) == 15
    rewards = []
    for _ in range(400):
        observation, reward, _, _, _ = game.step(1 + seen[observation.tobytes()])
        rewards.append(reward)
    assert all(rewards)
    game.close()


def test_rotating_mode_moves_on_by_one():
    shown = _play_symbols(20_000, symbols=5, mode_probability=0.9, rotating=True)
    moves = np.bincount((shown[1:] - shown[:-1]) % 5, minlength=5)
    expected = np.array([0.025, 0.9, 0.025, 0.025, 0.025]) * moves.sum()
    assert stats.chisquare(moves, expected).pvalue > 1e-4


@pytest.mark.thorough
def test_the_generator_over_a_million_frames():
    """Jump decisions and targets: chi-square and serial correlation, at full emulator speed."""
    frames, symbols = 1_000_000, 8
    game = Beacon(symbols=symbols, mode_probability=0.8)
    p = game.mode_probability
    game.close()
    shown = _play_symbols(frames, symbols=symbols, mode_probability=0.8)
    moves = (shown[1:] - shown[:-1]) % symbols
    counts = np.bincount(moves, minlength=symbols)
    expected = np.full(symbols, (1 - p) / (symbols - 1)) * counts.sum()
    expected[0] = p * counts.sum()
    assert stats.chisquare(counts, expected).pvalue > 1e-4
    jumped = (moves != 0).astype(float) - (1 - p)
    for lag in (1, 2, 3, 5, 8, 16, 32):
        correlation = np.mean(jumped[lag:] * jumped[:-lag]) / (p * (1 - p))
        assert abs(correlation) < 4 / np.sqrt(frames)
    pairs = np.bincount(2 * (moves[1:] != 0) + (moves[:-1] != 0), minlength=4)
    both = np.outer([p, 1 - p], [p, 1 - p]).ravel() * pairs.sum()
    assert stats.chisquare(pairs, both).pvalue > 1e-4


def _episode(seed, game):
    digest = hashlib.sha256()
    observation, info = game.reset(seed=seed)
    for index in range(200):
        digest.update(observation.tobytes() + bytes([info["symbol"]]))
        observation, _, _, _, info = game.step(index % 5)
    return digest.hexdigest()


def test_a_seed_gives_the_same_episode_in_any_instance():
    first, second = Beacon(symbols=4), Beacon(symbols=4)
    assert _episode(7, first) == _episode(7, second) == _episode(7, first)
    assert _episode(8, first) != _episode(7, second)
    first.close()
    assert _episode(7, second)  # closing one leaves the other alone
    second.close()


def test_downsampling_is_the_exact_area_average():
    screen = np.random.default_rng(1).integers(0, 256, (144, 160)).astype(np.uint8)

    def overlaps(pixels, cells):
        """How much of each pixel lies in each cell, in units in which a pixel is `cells` long and a cell `pixels`."""
        pixel, cell = np.arange(pixels) * cells, np.arange(cells)[:, None] * pixels
        return np.maximum(np.minimum(pixel + cells, cell + pixels) - np.maximum(pixel, cell), 0)

    sums = overlaps(144, 84) @ screen.astype(np.int64) @ overlaps(160, 84).T
    assert np.array_equal(downsample(screen), (2 * sums + 144 * 160) // (2 * 144 * 160))


def test_without_pixels_the_rewards_are_the_same():
    totals = []
    for pixels in (True, False):
        game = Beacon(symbols=4, pixels=pixels)
        observation, info = game.reset(seed=5)
        total = 0.0
        for _ in range(300):
            observation, reward, _, _, info = game.step(1 + info["symbol"] // 2)
            total += reward
        totals.append(total)
        assert bool(observation.any()) == pixels
        game.close()
    assert totals[0] == totals[1]


def test_nothing_is_written_beside_the_rom(tmp_path):
    rom = tmp_path / "beacon.gb"
    shutil.copy(ROM, rom)
    game = Beacon(symbols=4, rom=rom)
    game.reset(seed=1)
    game.step(1)
    game.close()
    assert [path.name for path in tmp_path.iterdir()] == ["beacon.gb"]


@pytest.mark.parametrize("name", CARTRIDGES)
def test_roms_are_rebuilt_byte_for_byte(name, tmp_path):
    if shutil.which("sdcc") is None:
        pytest.skip("SDCC is not installed")
    build_cartridge(name, tmp_path / "built.gb")
    assert (tmp_path / "built.gb").read_bytes() == ROM.with_name(f"{name}.gb").read_bytes()


def test_the_rom_has_checksums_and_no_logo():
    image = ROM.read_bytes()
    assert not any(image[0x104:0x134])
    assert image[0x134:0x13A] == b"BEACON"
    total = sum(image) - image[0x14E] - image[0x14F]
    assert (total & 0xFFFF).to_bytes(2, "big") == image[0x14E:0x150]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"ROM '.*' cannot be read: No such file"),
        (b"short", r"has 5 bytes: a Game Boy image has at least 32768"),
        ("truncated", r"is truncated: its header states 32768 bytes and it has 20000"),
        ("damaged", r"has header checksum 0x.. where its header gives 0x..: it is damaged"),
        (bytes(32768), r"has header checksum 0x00 where its header gives 0xE7: it is damaged or no Game Boy image"),
    ],
)
def test_unusable_roms_are_named(content, message, tmp_path):
    rom = tmp_path / "cartridge.gb"
    image = bytearray(ROM.read_bytes())
    if content == "truncated":
        content = bytes(image[:20000])
    elif content == "damaged":
        image[0x140] ^= 1
        content = bytes(image)
    if content is not None:
        rom.write_bytes(content)
    with pytest.raises(InputError, match=message):
        Beacon(rom=rom)


def test_settings_out_of_range_are_named():
    with pytest.raises(InputError, match="2 to 15 symbols, not 16"):
        Beacon(symbols=16)
    with pytest.raises(InputError, match=r"mode probability must lie in \[1/4, 1\] for 4 symbols, not 0.2"):
        Beacon(symbols=4, mode_probability=0.2)
    with pytest.raises(InputError, match="unknown environment 'regretlab/Bacon-v0'"):
        make_game("regretlab/Bacon-v0")
    with pytest.raises(InputError, match=r"does not take these options: .*'colour'"):
        make_game("regretlab/Beacon-v0", colour=3)
