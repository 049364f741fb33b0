"""Delay curves against exact answers: rings, episodes that end at a known rate, and a tabular game solved exactly.

Intervals cover together with at least 1 - 1e-3 (Bonferroni over the ages, Student's t): z is stated in each test.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import regretlab as rl
from regretlab.curves import DelayCurve, LossCurve, read_loss_curve
from regretlab.errors import InputError, RunError
from regretlab.play import delay_curve as measuring

RING = "tests.oracles.ring_environment:tests/Ring-v0"
TERMINAL = "tests.oracles.terminal_environment:tests/Terminal-v0"
NAMED = f"module:{Path(__file__).parents[1] / 'oracles' / 'names_the_symbol.py'}:named"
Z = 4.2  # two-sided 2.7e-5 for a normal error; with 47 degrees of freedom 1.2e-4, eight losses together below 1e-3


def ring_loss(age, p, symbols):
    """The closed form on the ring: an action of that age names the symbol with 1/K + (1 - 1/K) lambda^age."""
    return (1 - 1 / symbols) * (1 - ((symbols * p - 1) / (symbols - 1)) ** age)


def agrees(estimate, expected):
    assert estimate.standard_error > 0
    assert abs(estimate.value - expected) < Z * estimate.standard_error, (estimate, expected)


@pytest.fixture(scope="module")
def ring():
    options = {"mode_probability": 0.9, "symbols": 4}
    return rl.delay_curve(
        RING, policy="oracle", delays=[0, 1, 2, 5], frames=1000, options=options, replications=48, seed=3
    )


def test_a_ring_has_its_closed_form_within_the_intervals(ring):
    assert (ring.per, ring.curve, ring.ages) == ("frame", "fixed", (0, 1, 2, 5))
    for column, age in enumerate(ring.ages):
        if age:
            agrees(ring.loss(column), ring_loss(age, 0.9, 4))
            assert ring.loss(column).standard_error < 0.005
    assert ring.loss(0).value == 0 == ring.loss(0).standard_error
    assert ring.gap_default.value == 1.0
    assert ring.return_per_episode(0) is None


def test_the_nearest_witness_of_a_ring_is_the_ring(ring):
    """lambda and Delta (1 - 1/K); the test of its fit does not reject it. Other curves are rejected."""
    assert ring.fit.mode_probability == pytest.approx(2.6 / 3, abs=0.02)
    assert ring.fit.gap == pytest.approx(0.75, abs=0.05)
    assert ring.fit.p_value > 0.01
    drawn = np.random.default_rng(5)
    tallies = np.ones((200, 9, 3)) * [0.0, 1000.0, 0.0]
    tallies[:, :5, 0] = 1000 * (1 - np.array([0, 0, 0, 0.5, 0.5])) + drawn.normal(0, 5, (200, 5))  # a step
    step = DelayCurve(
        "e", "p", "noop", "fixed", "frame", (0, 1, 2, 3, 4), (0, 1, 2, 3, 4), tallies, np.ones((200, 3, 6))
    )
    assert step.fit.p_value < 1e-6
    assert step.fit.misfit > 0.05
    common = drawn.normal(0, 30, (200, 1))  # of all late losses: weighted by their covariance the gap would be .02
    tallies[:, :5, 0] = 1000 * (1 - np.array([0, 0.0076, 0.357, 0.357, 0.357])) + drawn.normal(0, 2, (200, 5))
    tallies[:, 2:5, 0] += common
    jump = DelayCurve(
        "e", "p", "noop", "fixed", "frame", (0, 1, 2, 3, 4), (0, 1, 2, 3, 4), tallies, np.ones((200, 3, 6))
    )
    assert jump.fit.p_value < 1e-6
    assert jump.fit.misfit < 0.25


def test_the_test_of_the_fit_keeps_its_level():
    """Of 400 curves with correlated errors that are a witness's, about 5 % are rejected at 5 %: z below 3."""
    drawn, rejected = np.random.default_rng(11), 0
    ages = (0, 1, 2, 5, 9)
    for _ in range(400):
        common = drawn.normal(0, 20, (40, 1))
        tallies = np.ones((40, 9, 3)) * [0.0, 1000.0, 0.0]
        mean = np.array([1 - 0.6 * (1 - 0.8**age) for age in ages])
        tallies[:, :5, 0] = 1000 * mean + common + drawn.normal(0, 8, (40, 5)) * [1, 1, 2, 3, 4]
        curve = DelayCurve("e", "p", "noop", "fixed", "frame", ages, ages, tallies, np.ones((40, 3, 6)))
        rejected += curve.fit.p_value < 0.05
    assert abs(rejected - 20) < 3 * math.sqrt(400 * 0.05 * 0.95)


@pytest.mark.thorough
def test_the_checks_of_a_ring_agree_because_its_loss_depends_on_the_age_alone(ring):
    checks = ring.checks()
    assert [check["agrees"] for check in checks] == [True] * 3
    shares = ring.served.sum(axis=(0,))
    assert shares[0] / shares[0].sum() == pytest.approx(np.full(5, 0.2), abs=0.01)
    assert shares[1][3] / shares[1].sum() == pytest.approx(0.1, abs=0.01)
    assert shares[2][4] / shares[2].sum() == pytest.approx(0.1, abs=0.01)
    assert ring.warnings == ()


@pytest.mark.thorough
def test_held_actions_are_sorted_by_their_age():
    """Each age from the latency to twice that less one, on a ring that stays: the closed form of that age."""
    options = {"mode_probability": 0.9, "symbols": 4}
    settings = {"policy": "oracle", "delays": [2, 3], "frames": 1000, "options": options, "replications": 48, "seed": 4}
    held = rl.delay_curve(RING, default_behaviour="repeat", **settings)
    assert (held.curve, held.ages) == ("held", (0, 2, 3, 4, 5))
    for column, age in enumerate(held.ages):
        if age:
            agrees(held.loss(column), ring_loss(age, 0.9, 4))
    assert [check["agrees"] for check in held.checks()] == [True] * 2
    chunk = rl.delay_curve(RING, chunk=3, **settings)
    assert (chunk.curve, chunk.ages) == ("chunk", (0, 2, 3))
    assert chunk.loss(1).value == held.loss(1).value  # entries up to the chunk's length are the held actions


@pytest.mark.thorough
def test_a_chunk_of_an_oracle_has_an_action_for_each_age_where_the_mode_moves():
    """Beacon rotating: an action per age is right with the ring's own probability, one that is only held is not."""
    options = {"mode_probability": 0.9, "symbols": 4, "rotating": True}
    settings = {"policy": "oracle", "delays": [2], "frames": 400, "options": options, "replications": 8}
    chunk = rl.delay_curve("beacon", chunk="inf", **settings)
    held = rl.delay_curve("beacon", default_behaviour="repeat", **settings)
    agrees(chunk.loss(1), ring_loss(2, 0.9, 4))
    assert held.loss(1).value > 0.85 > 0.4 > chunk.loss(1).value


def test_a_policy_for_each_delay_has_a_curve_of_its_own(tmp_path):
    """A ring that turns: policies that know their delay lose what the ring's closed form says, one that does not more.

    The latter names symbol s where s + age is right: right with (1 - P)/3, P the probability of the others.
    """
    file = tmp_path / "turning.py"
    file.write_text(
        "def made(delay):\n"
        "    return lambda shape, actions: lambda seen: 1 + (int(seen[0, 0]) // 10 + delay) % 4\n"
        "knows_0, knows_1, knows_2 = map(made, range(3))\n"
    )
    settings = {"delays": [1, 2], "frames": 400, "replications": 24, "seed": 5}
    turning = RING.replace("Ring-v0", "TurningRing-v0")
    aware = rl.delay_curve(turning, policy=f"module:{file}:knows_{{delay}}", **settings)
    unaware = rl.delay_curve(turning, policy=f"module:{file}:knows_0", **settings)
    for column in (1, 2):
        agrees(aware.loss(column), ring_loss(column, 0.9, 4))
        agrees(unaware.loss(column), 1 - ring_loss(column, 0.9, 4) / 3)
    assert [check["agrees"] for check in aware.checks()] == [True] * 3
    assert (aware.aware, unaware.aware) == (True, False)
    assert "delay is known" in aware.warnings[0]
    read = read_loss_curve(aware.save(tmp_path / "aware.json"))
    assert read == replace(aware.loss_curve, source=str(tmp_path / "aware.json"))
    said = rl.bound(rl.Scenario("2", frame_time=1, workers=3, rule="max-time", loss=read)).assumptions
    assert any("a policy for each delay" in each for each in said)


def test_held_actions_of_a_policy_for_each_latency(tmp_path):
    """What acts at the age of its latency is right with the ring's closed form; a frame later it names what was."""
    file = tmp_path / "turning.py"
    file.write_text(
        "def made(delay):\n"
        "    return lambda shape, actions: lambda seen: 1 + (int(seen[0, 0]) // 10 + delay) % 4\n"
        "knows_0, knows_2 = made(0), made(2)\n"
    )
    curve = rl.delay_curve(
        RING.replace("Ring-v0", "TurningRing-v0"), policy=f"module:{file}:knows_{{delay}}", delays=[2],
        default_behaviour="repeat", frames=600, replications=24, seed=6,
    )  # fmt: skip
    assert curve.ages == (0, 2, 3)
    agrees(curve.loss(1), ring_loss(2, 0.9, 4))
    agrees(curve.loss(2), 1 - ring_loss(3, 0.9, 4) / 3)


@pytest.fixture(scope="module")
def terminal():
    return rl.delay_curve(TERMINAL, policy=NAMED, delays=[0, 1, 3], episodes=20, replications=48, seed=1)


def test_episodes_that_end_at_a_known_rate(terminal):
    """e_j = floor + (risk - floor) P(wrong at age j); length 1/e_j; loss G_0 e_j - 1."""
    assert terminal.per == "episode"
    rates = [0.05 + 0.45 * (1 - 0.8**age) / 2 for age in (0, 1, 3)] + [0.5]
    for column, rate in enumerate(rates):
        agrees(terminal.episode_length(column), 1 / rate)
        agrees(terminal.return_per_episode(column), 1 / rate)
        if column:
            agrees(terminal.loss(column), rate / 0.05 - 1)
    assert [check["agrees"] for check in terminal.checks()] == [True] * 3


def test_rates_by_age_predict_the_return_of_a_mixture(terminal):
    """A quarter of the frames each at ages 0, 1, 3 and without an action: 1 / the mean rate, by the exact rates."""
    rates = [0.05 + 0.45 * (1 - 0.8**age) / 2 for age in (0, 1, 3)] + [0.5]
    found = terminal.loss_curve.predict([0.25, 0.25, 0.0, 0.25], 0.25)
    assert found.return_per_episode == pytest.approx(4 / sum(rates), rel=0.05)
    assert found.reward_per_frame == pytest.approx(1.0, abs=1e-12)
    reward, returned = terminal.predict([0.25, 0.25, 0.0, 0.25], 0.25)
    assert (reward.value, returned.value) == pytest.approx(found[:2], rel=1e-12)
    agrees(returned, 4 / sum(rates))


@pytest.mark.thorough
def test_frozen_lake_against_its_transition_matrix(tmp_path):
    """Reward per frame of a fixed policy at delays 0 and 2, by the stationary law of the chain with pending actions."""
    import gymnasium

    table = gymnasium.make("FrozenLake-v1").unwrapped.P
    policy = {0: 0, 4: 0, 8: 3, 9: 1, 10: 0, 13: 2, 14: 1, 6: 2, 2: 0, 1: 3, 3: 3}
    file = tmp_path / "lake.py"
    file.write_text(f"def lake(shape, actions):\n    return lambda seen: {policy}.get(int(seen.argmax()), 0)\n")
    curve = rl.delay_curve(
        "FrozenLake-v1", policy=f"module:{file}:lake", delays=[0, 2], default_action=0, episodes=30,
        per="frame", replications=48,
    )  # fmt: skip
    for column, delay in enumerate((0, 2)):
        agrees(curve.reward_per_frame(column), _lake_reward(table, policy, delay))


def _lake_reward(table, policy, delay):
    """Stationary reward per frame of (state, the last ``delay`` chosen actions); an end leads to state 0."""
    codes = 4**delay
    matrix, reward = np.zeros((16 * codes, 16 * codes)), np.zeros(16 * codes)
    for state in range(16):
        for code in range(codes):
            waiting = code * 4 + policy.get(state, 0)
            action, left = divmod(waiting, codes)
            for chance, after, gain, over in table[state][action]:
                matrix[state * codes + code, (0 if over else after) * codes + left] += chance
                reward[state * codes + code] += chance * gain
    law = np.zeros(16 * codes)
    law[0] = 1.0
    for _ in range(4000):
        law = 0.5 * law + 0.5 * law @ matrix
    return float(law @ reward)


@pytest.mark.thorough
def test_intervals_cover_although_rewards_within_a_run_are_correlated():
    """Of 60 curves of a slow ring (lag-1 correlation .95), 99 % intervals miss at most 4: P of more is below 4e-4."""
    options = {"mode_probability": 0.975, "symbols": 2}
    missed = 0
    for seed in range(60):
        curve = rl.delay_curve(
            RING, policy="oracle", delays=[4], frames=200, options=options, replications=16, seed=seed
        )
        low, high = curve.loss(1).interval(0.99)
        missed += not low <= ring_loss(4, 0.975, 2) <= high
    assert missed <= 4


def test_it_stops_at_the_requested_precision():
    options = {"mode_probability": 0.8, "symbols": 4}
    settings = {"policy": "oracle", "delays": [1], "frames": 100, "options": options, "replications": 8}
    seen = []
    curve = rl.delay_curve(RING, precision=0.02, progress=lambda *said: seen.append(said), **settings)
    assert curve.widest <= 0.02
    assert curve.replications > 8
    assert seen[-1][:2] == (curve.replications, curve.replications)
    capped = rl.delay_curve(RING, precision=0.001, most_replications=12, **settings)
    assert (capped.replications, capped.widest > 0.001) == (12, True)


def test_the_same_on_any_number_of_processes():
    settings = {"policy": NAMED, "delays": [0, 1], "episodes": 5, "replications": 8}
    one, two = (rl.delay_curve(TERMINAL, processes=count, **settings) for count in (1, 2))
    assert one.to_json() == two.to_json()


def test_a_killed_measurement_goes_on(tmp_path, monkeypatch):
    """Replications that are there are not played again, and the curve is that of a measurement that was not killed."""
    settings = {"policy": NAMED, "delays": [0, 1], "episodes": 5, "replications": 12}
    whole = rl.delay_curve(TERMINAL, **settings)
    parts, play, played = tmp_path / "c.parts", measuring._replication, []

    def dies(*words):
        if len(played) == 7:
            raise KeyboardInterrupt
        played.append(words[2])
        return play(*words)

    monkeypatch.setattr(measuring, "_replication", dies)
    with pytest.raises(KeyboardInterrupt):
        rl.delay_curve(TERMINAL, parts=parts, **settings)
    monkeypatch.setattr(measuring, "_replication", lambda *words: (played.append(words[2]), play(*words))[1])
    again = rl.delay_curve(TERMINAL, parts=parts, **settings)
    assert sorted(played) == list(range(12))
    assert again.to_json() == whole.to_json()
    assert not parts.exists()
    rl.delay_curve(TERMINAL, parts=parts, **settings)
    (tmp_path / "c.parts").mkdir()
    (tmp_path / "c.parts" / "label.json").write_text("{}")
    with pytest.raises(InputError, match="parts of another computation"):
        rl.delay_curve(TERMINAL, parts=parts, **settings)


@pytest.mark.thorough
def test_a_killed_process_leaves_its_parts_and_the_next_goes_on(tmp_path):
    """SIGKILL in the middle, through the command line: the same file as without, on two processes that end quietly."""
    words = [sys.executable, "-m", "regretlab", "delay-curve", "--env", TERMINAL, "--policy", NAMED]
    words += ["--delays", "0,1", "--episodes", "400", "--replications", "12", "--json"]
    killed = subprocess.Popen([*words, "--out", "killed.json"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    parts = tmp_path / "killed.json.parts"
    deadline = time.monotonic() + 120
    while len(list(parts.glob("part-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert parts.exists()
    for name in ("killed.json", "whole.json"):
        asked = [*words, "--out", name, *(("--processes", "2") if name == "whole.json" else ())]
        went = subprocess.run(asked, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert "Traceback" not in went.stderr
    assert (tmp_path / "killed.json").read_text() == (tmp_path / "whole.json").read_text()
    assert not parts.exists()


def test_the_file_is_read_back_as_the_world(ring, tmp_path):
    file = ring.save(tmp_path / "ring.json")
    read = read_loss_curve(file)
    assert read == LossCurve(**{**vars(ring.loss_curve), "source": str(file)})
    world = rl.Scenario(0.05, loss=str(file))
    assert rl.Scenario.from_toml(world.to_toml()) == world
    assert world.loss == read
    assert rl.Scenario(0.05, loss=ring).loss == ring.loss_curve
    assert all(low < loss for low, loss in zip(read.lower_losses[1:], read.losses[1:], strict=True))
    assert ring.plot().axes[0].get_xlabel() == "age of the action, j (frames)"
    assert "a prediction for this policy" in ring.facts()[-1][1]


def test_a_policy_that_is_no_better_than_the_default_behaviour_is_flagged():
    options = {"mode_probability": 0.5, "symbols": 2}
    curve = rl.delay_curve(
        RING, policy="random", delays=[1], frames=100, options=options, default_behaviour="random", replications=16
    )
    assert "not surely more than nothing" in " ".join(curve.warnings)


def test_an_interaction_with_the_state_is_flagged(tmp_path):
    """CartPole: a tenth of the frames without an action is far less than a tenth as bad as none; the check says so."""
    file = tmp_path / "lean.py"
    file.write_text("def lean(shape, actions):\n    return lambda seen: int(seen[2] + 0.5 * seen[3] > 0)\n")
    settings = {"policy": f"module:{file}:lean", "delays": [2], "default_action": 0, "frames": 600, "episodes": 1}
    curve = rl.delay_curve("CartPole-v1", replications=16, **settings)
    assert curve.per == "episode"
    assert curve.reward_per_frame(0).value == 1.0
    assert not curve.checks()[2]["agrees"]
    assert "depends on more than the age" in " ".join(curve.warnings)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"delays": [-1]}, "delays must be whole numbers of frames from 0 to 100,000, not -1"),
        ({"delays": [1.5]}, "not 1.5"),
        ({"delays": [0]}, "at least one delay above 0"),
        ({"replications": 7}, "replications must be at least 8, not 7"),
        ({"replications": 8, "most_replications": 4}, "most_replications must lie between"),
        ({"precision": 0}, "precision must be a positive loss per frame, not 0"),
        ({"processes": 0}, "processes must be at least 1, not 0"),
        ({"episodes": 0}, "episodes must be at least 1, not 0"),
        ({"per": "hour"}, "per must be auto, frame or episode, not 'hour'"),
        (
            {"delays": [30], "frames": 100},
            "frames of a play must be at least 120, four times the longest delay",
        ),
        ({"delays": [5], "chunk": 3}, "a chunk of 3 actions is used up within 5 frames"),
        ({"env": RING, "policy": "oracle", "per": "episode"}, "no episode of"),
        ({"policy": "module:none_{delay}.py:named"}, "there is no file 'none_0.py'"),
    ],
)
def test_bad_input_is_one_sentence(changed, said):
    asked = {"env": TERMINAL, "policy": NAMED, "delays": [1], "frames": 200, "episodes": 2, "replications": 8} | changed
    with pytest.raises(InputError) as caught:
        rl.delay_curve(**asked)
    assert said in str(caught.value)


def test_a_policy_that_fails_is_an_error_of_the_run(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("def bad(shape, actions):\n    return lambda seen: 0 if seen[0] == 0 else 7\n")
    with pytest.raises(RunError, match="chose action 7"):
        rl.delay_curve(TERMINAL, policy=f"module:{file}:bad", delays=[1], replications=8)


FINE = {"ages": [0, 2], "losses": [0, 0.4], "gap_default": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "must be a JSON object with ages, losses and gap_default"),
        ({"ages": [0]}, "has no 'losses'"),
        ({**FINE, "kind": "plan"}, "is not a loss curve: its kind is 'plan'"),
        ({**FINE, "ages": [0, 1.5]}, "must be whole numbers that rise from 0 or 1, not 0, 1.5"),
        ({**FINE, "ages": [2, 0]}, "must be whole numbers that rise"),
        ({**FINE, "ages": 3}, "'ages' of loss curve"),
        ({**FINE, "losses": [0]}, "has 1 losses for 2 ages: it needs 2"),
        ({**FINE, "losses": [0, "x"]}, "must hold numbers, not 'x'"),
        ('{"ages": [0, 2], "losses": [0, NaN], "gap_default": 1}', "must be finite numbers, not nan"),
        ({**FINE, "gap_default": None}, "'gap_default' of loss curve"),
        ({**FINE, "lower_limits": {"losses": [0]}}, "has 1 lower limits for 2 ages"),
        ({**FINE, "rates": {"rewards": [1, 1]}}, "has 2 rewards for 2 ages: it needs 3"),
    ],
)
def test_a_file_that_is_no_curve_is_refused_in_one_sentence(content, said, tmp_path):
    file = tmp_path / "curve.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError) as caught:
        rl.Scenario(0.1, loss=str(file))
    assert said in str(caught.value)
    assert "curve.json" in str(caught.value)
