"""Networks distilled from scripts: the symbol of each age, a resumed training, bad files, and stacker's lines."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from regretlab.errors import InputError
from regretlab.experiments.simulated_delay import PolicyPlayer, play_delayed
from regretlab.games import make_game
from regretlab.policies.distilled.landing import LandingNetwork, Plan, Planner
from regretlab.policies.distilled.policy import DistilledPolicy
from regretlab.policies.distilled.training import Distillation, distil
from regretlab.policies.spec import PolicySpec

BEACON = Distillation(
    environment="regretlab/Beacon-v0", environment_options={"symbols": 3, "mode_probability": 1.0, "rotating": True},
    ages=4, rounds=2, frames=60, updates=30, batch=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def beacon(tmp_path_factory):
    path = tmp_path_factory.mktemp("distilled") / "beacon.safetensors"
    assert distil(BEACON, path)["agreement"] > 0.9
    return path


def test_each_head_names_the_symbol_of_its_age(beacon):
    policy = DistilledPolicy(PolicySpec(f"distilled:{beacon}", 4))
    game = make_game(BEACON.environment, **BEACON.environment_options)
    observation, info = game.reset(seed=9)
    for _ in range(6):
        assert policy.act(observation).tolist() == [1 + (info["symbol"] + age) % 3 for age in range(4)]
        observation, _, _, _, info = game.step(0)
    game.close()


@pytest.mark.parametrize("delay", [0, 3])
def test_late_play_takes_the_head_of_its_delay(beacon, delay):
    policy = DistilledPolicy(PolicySpec(f"distilled:{beacon}", 4))
    game = make_game(BEACON.environment, **BEACON.environment_options)
    play = play_delayed(
        game, PolicyPlayer(policy, delay), delay=delay, sequential=False, default_action=0, discount=1.0, seed=0
    )
    assert [next(play).reward for _ in range(10)] == [0.0] * delay + [1.0] * (10 - delay)
    game.close()


@pytest.mark.parametrize("clock", ["virtual"])
def test_a_run_takes_the_entry_of_each_age(beacon, clock, tmp_path):
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run

    configuration = RunConfiguration(
        environment=BEACON.environment, environment_options=BEACON.environment_options, clock=clock, frames=60,
        policy=f"distilled:{beacon}", emulate_latency="0.025", workers=1, chunk=3,
    )  # fmt: skip
    summary = run(configuration, tmp_path / "run")
    assert summary.reward_per_frame == 1.0  # of the frames from the first action on; without chunks two thirds or less


class _KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "how", [BEACON, Distillation(labels="landings", rounds=2, frames=64, updates=2, batch=16, ages=2)]
)
def test_a_training_that_was_killed_ends_with_the_same_weights(how, tmp_path):
    def kill(done, rounds, what):
        if done == 1:
            raise _KilledError

    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    distil(how, whole)
    with pytest.raises(_KilledError):
        distil(how, parts, progress=kill)
    assert not parts.exists()
    distil(how, parts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.safetensors", "whole.safetensors"]
    assert parts.read_bytes() == whole.read_bytes()


def test_a_state_of_other_settings_is_refused(tmp_path):
    def kill(done, rounds, what):
        if done == 1:
            raise _KilledError

    settings = {"labels": "landings", "rounds": 2, "frames": 8, "updates": 1, "batch": 4}
    with pytest.raises(_KilledError):
        distil(Distillation(**settings), tmp_path / "a.safetensors", progress=kill)
    with pytest.raises(InputError, match="another distillation"):
        distil(Distillation(**settings, seed=1), tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": "notes"}, "is not a distilled network"),
        ({"ages": 10**9}, "is not a distilled network"),
        ({"actions": "4"}, "is not a distilled network"),
        ({"network": "impala-k1/16"}, "does not hold the tensors"),
        ({"actions": 5}, "does not hold the tensors"),
        ({"ages": 2, "actions": 8}, "is for 8 actions"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(beacon, tmp_path, change, message):
    from regretlab.policies.weights import METADATA_KEY, read_metadata

    path = tmp_path / "changed.safetensors"
    save_file(load_file(beacon), path, metadata={METADATA_KEY: json.dumps({**read_metadata(beacon), **change})})
    with pytest.raises(InputError, match=message):
        DistilledPolicy(PolicySpec(f"distilled:{path}", 4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": "notes"}, "labels must be"),
        ({"labels": "landings", "environment": "regretlab/Beacon-v0"}, "are for regretlab/Stacker-v0"),
        ({"ages": 0}, "ages must be from 1 to 1000, not 0"),
        ({"learning_rate": float("nan")}, "learning rate"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Distillation(**settings)


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="no distilled network is named 'tetris'"):
        DistilledPolicy(PolicySpec("distilled:tetris", 7))


class _Fixed(Planner):
    """A planner that has seen a piece somewhere."""

    def __init__(self, *missing):
        self.missing = missing

    def plan(self, frame):
        turns, columns, rows = self.missing
        return Plan(2, (0 - turns) % 4, 5, 0, 0, 5 + columns, rows)


def test_presses_from_pictures_alone_never_press_one_button_twice_in_a_row():
    """Follow the rules on a model of the buttons: a turn counts when its button goes down, a move too."""
    for turns in range(4):
        for columns in range(-4, 5):
            turn, column, before, presses = turns, columns, 0, 0
            while (turn, column) != (0, 0):
                action = int(_Fixed(turn, column, 3).chunk(np.zeros((84, 84), np.uint8), 1)[0])
                presses += 1
                if action in (1, 2):
                    assert action != before, "a button that is held turns nothing"
                    turn = (turn + (-1 if action == 1 else 1)) % 4
                else:  # Left and Right repeat while they are held
                    column += {3: 1, 5: -1}[action]
                before = action
                assert presses < 16
    chunk = _Fixed(0, 0, 3).chunk(np.zeros((84, 84), np.uint8), 20)
    assert chunk.tolist() == [6] * 14 + [0] * 6


@pytest.mark.thorough
@pytest.mark.parametrize(("level", "least"), [(0, 254), (9, 1000)])
def test_stackers_network_clears_lines(level, least):
    """Reward per 1,000 frames, five frames late, above Down held (253.8 at level 0)."""
    game = make_game("regretlab/Stacker-v0", level=level)
    policy = DistilledPolicy(PolicySpec("distilled:stacker", 7))
    play = play_delayed(
        game, PolicyPlayer(policy, 5), delay=5, sequential=False, default_action=0, discount=1.0, seed=11
    )
    reward, lines, before = 0.0, 0, 0
    for _ in range(4000):
        reward += next(play).reward
        lines += max(game.unwrapped.lines - before, 0)
        before = game.unwrapped.lines
    game.close()
    assert lines >= 4
    assert reward / 4 > least


def test_a_run_on_the_virtual_clock_plays_the_file_that_comes_along(tmp_path):
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run

    configuration = RunConfiguration(
        environment="regretlab/Stacker-v0", policy="distilled:stacker", clock="virtual", frames=200, workers=1,
        emulate_latency="0.08",
    )  # fmt: skip
    summary = run(configuration, tmp_path / "run")
    assert sum(summary.delay_law[:5]) == 0
    assert sum(summary.delay_law[5:]) == pytest.approx(1)  # a chunk acts in every frame from its first on


def test_the_network_has_the_weights_it_says():
    assert sum(parameter.numel() for parameter in LandingNetwork().parameters()) == 49_268
