"""Actions that are rows of numbers (Box, MultiDiscrete): both clocks, record, replay, defaults and bad actions."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial

import gymnasium
import numpy as np
import pytest

import regretlab as rl
from regretlab.actions import ActionRow
from regretlab.cli import main
from regretlab.errors import InputError, RunError
from regretlab.mdp.estimation import estimate_from_record, staleness_from_record
from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror
from regretlab.play.playback import play_back, recorded_actions
from regretlab.play.run import run
from regretlab.play.undelayed import play_undelayed
from regretlab.policies import PolicySpec
from regretlab.policies.policy import build_policy
from regretlab.policies.serving.server import PolicyServer, ServerOptions
from regretlab.records import Record
from tests.oracles.policy_servers import served
from tests.oracles.row_environments import Tracker

TRACKER, LEVERS = (f"tests.oracles.row_environments:tests/{name}-v0" for name in ("Tracker", "Levers"))
POLICIES = """
import numpy as np

def follow(shape, numbers):
    return lambda seen: seen[:numbers] if len(seen) >= numbers else np.resize(seen, numbers)

def pull(shape, numbers):
    return lambda seen: [int(seen[0]) % 3, int(seen[0]) % 2, int(seen[0]) % 4]

def far(shape, numbers):
    return lambda seen: np.array([9.0, -9.0])

def none(shape, numbers):
    return lambda seen: [float("nan"), 0.0] if seen[0] else [0.0, 0.0]

def words(shape, numbers):
    return lambda seen: "left"

def wide(shape, numbers):
    return lambda seen: np.zeros(3)

def predict(shape, numbers):
    return lambda seen: [0.9**age * seen for age in range(7)]

def moods(shape, numbers):  # a chunk of another length after a while
    return lambda seen: np.zeros((7 if seen[0] == 0 else 6, 2))

def balance(shape, numbers):
    def act(seen):
        place, angle, speed, turning = seen
        return [20 * angle + 2.5 * turning + 0.7 * place + 1.2 * speed]
    return act

def outside(shape, numbers):
    return lambda seen: [0, 2, 0] if seen[0] > 5 else [0, 0, 0]

def module(shape, numbers):
    import torch
    layer = torch.nn.Linear(shape[0], numbers, bias=False)
    torch.nn.init.eye_(layer.weight)
    return layer
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "mine.py").write_text(POLICIES)
    return lambda name: f"module:{tmp_path / 'mine.py'}:{name}"


def configured(policy, **changes):
    values = {"environment": TRACKER, "clock": "virtual", "emulate_latency": "0.03", "frames": 300, "seed": 4}
    return RunConfiguration(**(values | {"policy": policy} | changes))


def plain_play(frames, delay, seed, act):
    """Play the tracker in a plain loop with observations that are ``delay`` frames old; return actions and rewards."""
    game = Tracker()
    seen, actions, rewards = [game.reset(seed=seed)[0]], [], []
    for frame in range(frames):
        action = act(seen[frame - delay]) if frame >= delay else np.zeros(2)
        observation, reward, *_ = game.step(action.astype(np.float32).reshape(2, 1))
        actions.append(action)
        rewards.append(reward)
        seen.append(observation)
    return np.array(actions), np.array(rewards)


@pytest.mark.parametrize("delay", [1, 3])
def test_a_run_is_the_plain_loop_with_delay_and_its_record_holds_the_numbers(delay, own, tmp_path):
    setting = {"rule": "frame-pool", "workers": delay, "emulate_latency": f"{(delay - 0.5) * 0.02}"}
    run(configured(own("follow"), **setting), tmp_path / "r")
    record = Record.open(tmp_path / "r")
    actions, rewards = plain_play(300, delay, 4, lambda seen: seen)
    assert np.array_equal(recorded_actions(record), actions)
    assert np.array_equal(record.frames["reward"], rewards.astype(np.float32))
    assert (record.frames["action"] == -1).all()
    assert record.meta["action_row"] == {"low": [-6.0, -6.0], "high": [6.0, 6.0], "whole": False}
    acted = record.inferences[record.inferences["effect_frame"] >= 0]
    assert np.array_equal(acted["action_0"], actions[acted["effect_frame"], 0])
    again = play_back(record, trust=True)
    assert (again.frames, again.differing) == (300, 0)
    run(configured(own("follow"), **setting), tmp_path / "again")
    for table in ("frames", "inferences"):
        assert (tmp_path / "r" / f"{table}.parquet").read_bytes() == (
            tmp_path / "again" / f"{table}.parquet"
        ).read_bytes()


def test_a_torch_module_s_output_is_the_action(own, tmp_path):
    run(configured(own("module"), emulate_latency="0.01"), tmp_path / "r")
    played = recorded_actions(Record.open(tmp_path / "r"))
    expected, _ = plain_play(300, 1, 4, lambda seen: seen.astype(np.float32).astype(float))
    assert np.array_equal(played, expected)


def test_a_chunk_s_entry_of_the_frame_s_age_is_played_and_an_older_one_is_not(own, tmp_path):
    run(configured(own("predict"), emulate_latency="0.09"), tmp_path / "r")  # one worker: ages 5 to 9 are due
    record = Record.open(tmp_path / "r")
    assert record.meta["config"]["chunk"] == 6
    frames, actions = record.frames, recorded_actions(record)
    acted = frames["served_by"].to_numpy() >= 0
    age, seen = (frames[name].to_numpy()[acted] for name in ("delay_frames", "observation_frame"))
    assert set(age) == {5, 6}
    game = Tracker()
    shown = [game.reset(seed=4)[0]]
    shown += [game.step(action.astype(np.float32).reshape(2, 1))[0] for action in actions]
    assert np.array_equal(actions[acted], 0.9 ** age[:, None] * np.array(shown)[seen])
    assert (actions[~acted] == 0).all()
    assert play_back(record, trust=True).differing == 0
    with pytest.raises(RunError, match="the policy chose 6 actions, and 7 before the run"):
        run(configured(own("moods")), tmp_path / "moods")


def test_levers_need_a_named_default_and_hold_what_was_pulled(own, tmp_path):
    with pytest.raises(InputError, match=r"does not say .*: give --default-action 3 whole numbers from \[0, 0, 0\]"):
        run(configured(own("pull"), environment=LEVERS), tmp_path / "r")
    setting = {"environment": LEVERS, "default_action": [2, 1, 3], "emulate_latency": "0.05"}
    run(configured(own("pull"), **setting), tmp_path / "r")
    record = Record.open(tmp_path / "r")
    frames, actions = record.frames, recorded_actions(record)
    idle = frames["served_by"].to_numpy() < 0
    assert 0 < idle.sum() < 300
    assert (actions[idle] == [2, 1, 3]).all()
    shown = frames["observation_frame"][~idle] % 50
    assert np.array_equal(actions[~idle], np.stack([shown % 3, shown % 2, shown % 4], axis=1))
    assert np.array_equal(frames["reward"], actions @ [100, 10, 1])
    assert play_back(record, trust=True).differing == 0


def test_the_environment_s_own_default_and_repeating_and_drawing(own, tmp_path):
    options = {"environment": LEVERS, "environment_options": {"default": [1, 1, 1]}, "emulate_latency": "0.07"}
    drawn = {}
    for behaviour in ("noop", "repeat", "random"):
        run(configured(own("pull"), default_behaviour=behaviour, **options), tmp_path / behaviour)
        record = Record.open(tmp_path / behaviour)
        idle = record.frames["served_by"].to_numpy() < 0
        drawn[behaviour] = recorded_actions(record), idle
        assert play_back(record, trust=True).differing == 0
    actions, idle = drawn["noop"]
    assert (actions[idle] == 1).all()
    actions, idle = drawn["repeat"]
    after = np.flatnonzero(idle)
    after = after[after > 8]
    assert np.array_equal(actions[after], actions[after - 1])
    actions, idle = drawn["random"]
    counts = [np.bincount(actions[idle][:, place].astype(int), minlength=4) for place in range(3)]
    assert [np.count_nonzero(count) for count in counts] == [3, 2, 4]


@pytest.mark.parametrize(
    ("policy", "changes", "sentence"),
    [
        ("words", {}, "the policy chose 'left'; an action is 2 numbers from"),
        ("wide", {}, r"numbers of shape \(3,\); an action is 2 numbers"),
        ("follow", {"default_action": 3}, "default action 3 is out of range"),
        ("follow", {"default_action": [1.0, 9.0]}, r"default action \[1.0, 9.0\] is out of range"),
        ("nature", {}, "policy 'nature' chooses one of several actions, and here an action is 2 numbers"),
        ("oracle", {}, "policy 'oracle' chooses one of several actions"),
        ("follow", {"backend": "ray", "clock": "real"}, "plays discrete actions"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_written(policy, changes, sentence, own, tmp_path):
    policy = own(policy) if policy in POLICIES else policy
    with pytest.raises(InputError, match=sentence):
        run(configured(policy, **changes), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_bad_actions_in_a_run_end_it_and_numbers_beyond_the_bounds_are_clipped(own, tmp_path):
    with pytest.raises(RunError, match=r"policy '.*' failed: the policy chose \[nan, 0.0\], which is not finite"):
        run(configured(own("none")), tmp_path / "none")
    with pytest.raises(RunError, match=r"the policy chose \[0.0, 2.0, 0.0\]; an action is 3 whole numbers from"):
        run(configured(own("outside"), environment=LEVERS, default_action=[0, 0, 0]), tmp_path / "outside")
    broken = Record.open(tmp_path / "outside")
    assert not broken.meta["complete"]
    assert play_back(broken, trust=True).frames == len(broken.frames) > 3
    run(configured(own("far")), tmp_path / "far")
    record = Record.open(tmp_path / "far")
    acted = record.frames["served_by"].to_numpy() >= 0
    assert set(map(tuple, recorded_actions(record)[acted])) == {(6.0, -6.0)}


def test_a_changed_record_is_refused_or_found_out(own, tmp_path):
    run(configured(own("follow")), tmp_path / "r")
    record = Record.open(tmp_path / "r")
    record.frames.loc[7, "action_1"] += 1e-3
    assert play_back(record, trust=True).first_difference == 7
    record.frames.loc[7, "action_1"] = float("nan")
    with pytest.raises(InputError, match="its actions do not exist: in its environment an action is 2 numbers"):
        play_back(record, trust=True)
    path = tmp_path / "r" / "meta.json"
    meta = json.loads(path.read_text())
    for wrong in ({"low": [0.0], "high": [], "whole": False}, {"low": "x", "high": [1.0], "whole": True}, [1], {}):
        path.write_text(json.dumps(meta | {"action_row": wrong}))
        with pytest.raises(InputError, match="action_row must be a table with the bounds"):
            Record.open(tmp_path / "r")


def test_counting_states_and_actions_is_refused(own, tmp_path):
    with pytest.raises(InputError, match="states and actions are counted"):
        play_undelayed(configured(own("follow")))
    run(configured(own("follow"), default_behaviour="random", frames=50), tmp_path / "r")
    record = Record.open(tmp_path / "r")
    for count in (partial(staleness_from_record, horizons=[1]), estimate_from_record):
        with pytest.raises(InputError, match="has actions that are rows of numbers, which are not counted"):
            count(record)
    assert (record.scenario.default_behaviour, record.scenario.actions) == ("random", None)  # it is not one of two


def test_the_commands(own, tmp_path, capsys):
    out = str(tmp_path / "r")
    options = ["--env", TRACKER, "--policy", own("follow"), "--clock", "virtual", "--emulate-latency", "0.05"]
    assert main(["run", *options, "--default-action=-1,0.5", "--frames", "100", "--json", "--out", out]) == 0
    capsys.readouterr()
    assert main(["record", "replay", out, "--trust", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differing"] == 0
    assert main(["record", "export", out, "--out", str(tmp_path / "csv")]) == 0
    first = (tmp_path / "csv" / "frames.csv").read_text().splitlines()[:2]
    assert first[0].endswith("action_0,action_1")
    assert first[1].endswith("-1.0,0.5")
    assert main(["run", *options, "--default-action", "left", "--out", str(tmp_path / "no")]) == 2
    assert "default action 'left' is neither a number nor numbers" in capsys.readouterr().err


def test_the_curve_by_delay_is_that_of_stale_targets(own):
    """Independent: |y_t - y_{t-d}|^2 has mean 2 (1 - keep^d) for each of two numbers, and doing nothing loses 2."""
    curve = rl.delay_curve(TRACKER, policy=own("follow"), delays=[0, 1, 4], frames=400, replications=16, seed=1)
    losses = [(curve.loss(column), 4 * (1 - 0.9**age)) for column, age in enumerate(curve.ages) if age]
    for estimate, expected in [*losses, (curve.gap_default, 2.0)]:
        assert abs(estimate.value - expected) < 5 * estimate.standard_error  # 15 degrees of freedom: 2e-4 each
        assert 0 < estimate.standard_error < 0.1


@pytest.mark.parametrize(("delay", "falls"), [(1, False), (2, True)])
def test_a_controller_in_mujoco_holds_the_pole_one_frame_late_and_not_two(delay, falls, own, tmp_path):
    """Independent: a plain loop with the controller gives the same actions and lengths of episodes."""
    pytest.importorskip("mujoco", reason="pip install 'gymnasium[mujoco]'")
    setting = {"environment": "InvertedPendulum-v5", "rule": "frame-pool", "workers": delay}
    run(configured(own("balance"), **setting, emulate_latency=f"{0.04 * (delay - 0.5)}"), tmp_path / "r")
    record = Record.open(tmp_path / "r")
    game = gymnasium.make("InvertedPendulum-v5")
    seen, actions, over = [game.reset(seed=4)[0]], [], []
    for frame in range(300):
        place, angle, speed, turning = seen[frame - delay] if frame >= delay else np.zeros(4)
        action = np.clip(20 * angle + 2.5 * turning + 0.7 * place + 1.2 * speed, -3.0, 3.0)
        observation, _, terminated, truncated, _ = game.step(np.array([action], np.float32))
        actions.append(action)
        over.append(terminated or truncated)
        seen.append(game.reset()[0] if over[-1] else observation)
    assert np.array_equal(recorded_actions(record)[:, 0], actions)
    assert np.array_equal(record.frames["terminated"], over)
    assert record.frames["terminated"].any() == falls
    assert play_back(record, trust=True).differing == 0


def test_rows_of_numbers_are_checked_as_stated():
    row = ActionRow((-1.0, 0.0), (1.0, float("inf")))
    assert row.checked([-5, 1e9]).tolist() == [-1.0, 1e9]
    assert not row.is_bounded
    with pytest.raises(InputError, match="one of them has no bound"):
        row.draw(np.random.default_rng(0))
    assert row.to_json() == {"low": [-1.0, 0.0], "high": [1.0, None], "whole": False}
    assert ActionRow((1.0,), (2.0,)).nothing is None
    assert ActionRow((0.0, 0.0), (1.0, 1.0), whole=True).nothing.tolist() == [0.0, 0.0]
    assert row.checked_chunk(np.zeros((5, 2))).shape == (5, 2)
    for wrong in (np.zeros((2, 3)), np.zeros((0, 2)), np.zeros((1, 1, 2)), 3.0, None, [[1, 2], [3]]):
        with pytest.raises(ValueError, match="an action is 2 numbers"):
            row.checked_chunk(wrong)


@pytest.mark.parametrize("policy", ["predict", pytest.param("follow", marks=pytest.mark.thorough)])
@pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning")
def test_a_server_s_chunks_of_rows_play_as_the_policy_s_own(policy, own, tmp_path):
    """``regretlab serve`` in a process of its own; openpi's client gets the same rows."""
    virtual = {"emulate_latency": "0.05", "workers": 2, "frames": 120}
    options = ["--env", TRACKER, "--policy", own(policy), *(["--chunk", "4"] if policy == "follow" else [])]
    with served(*options) as server:
        run(configured(server.url, **virtual), tmp_path / "served")
        module = pytest.importorskip("openpi_client.websocket_client_policy")
        theirs = module.WebsocketClientPolicy("127.0.0.1", server.port)
        seen = np.array([1.0, -2.0])
        answer = theirs.infer({"observation": seen})["actions"]
        keep = 0.9 if policy == "predict" else 1.0
        horizon = {"predict": 7, "follow": 4}[policy]
        assert np.array_equal(answer, [keep**age * seen for age in range(horizon)])
        metadata = theirs.get_server_metadata()
        assert metadata["action_row"] == {"low": [-6.0, -6.0], "high": [6.0, 6.0], "whole": False}
        assert metadata["action_horizon"] == horizon
        with pytest.raises(InputError, match=r"an action of policy server '.*' is a row of numbers, and here it is"):
            run(configured(server.url, environment="CartPole-v1", default_action=0), tmp_path / "no")
    run(configured(own(policy), **virtual, chunk=horizon - 1), tmp_path / "local")
    served_record, local = (Record.open(tmp_path / name) for name in ("served", "local"))
    assert served_record.meta["config"]["chunk"] == horizon - 1
    assert served_record.frames.drop(columns="entry").equals(local.frames.drop(columns="entry"))
    acted = served_record.frames["served_by"] >= 0  # the server repeats the one row of "follow" as a chunk
    assert served_record.frames["entry"][acted].equals(served_record.frames["delay_frames"][acted])
    assert local.frames["entry"].equals(
        served_record.frames["entry"] if policy == "predict" else acted.astype(np.int32).rename("entry") - 1
    )
    assert play_back(served_record, trust=True).differing == 0


class Wrong(PolicyServer):
    """Answers what is asked of it."""

    answer = np.zeros((2, 3))

    def _chunk(self, answer):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (np.zeros((4, 3)), r"numbers of shape \(4, 3\); an action is 2 numbers"),
        (np.full((4, 2), np.nan), "which is not finite"),
        (np.zeros((0, 2)), r"numbers of shape \(0, 2\)"),
    ],
)
def test_a_server_s_answers_that_are_no_rows_are_refused(answer, sentence, tmp_path):
    row = ActionRow((-6.0, -6.0), (6.0, 6.0))
    spec = PolicySpec("noop", actions=2, frame_shape=(2,), frame_dtype="float64", action_row=row)
    server = Wrong(lambda number: build_policy(spec), spec, ServerOptions(port=0))
    server.answer = answer
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        with pytest.raises(InputError, match=f"fails on an observation of zeros: .*{sentence}"):
            run(configured(server.url), tmp_path / "r")
    finally:
        server.close()
        thread.join(20)


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("place", "keep", "latency"), [("here", 1.0, "0.03"), ("here", 0.9, "0.07"), ("server", 0.9, None)]
)
def test_workers_of_their_own_processes_play_what_the_policy_chose_for_that_age(place, keep, latency, own, tmp_path):
    """Each action is the policy's for the observation and age in the record; played again it has the same rewards."""
    setting = {"clock": "real", "workers": 2, "frames": 150, "default_action": [0.5, -0.5], "emulate_latency": latency}
    policy = own("follow" if keep == 1.0 else "predict")
    with ExitStack() as stack:
        if place == "server":
            options = ["--env", TRACKER, "--policy", policy, "--emulate-latency", "0.05", "--requests", "independent"]
            policy = stack.enter_context(served(*options)).url
        run(configured(policy, **setting), tmp_path / "r")
    record = Record.open(tmp_path / "r")
    again = play_back(record, trust=True)
    assert (again.frames, again.differing) == (150, 0)
    game, actions, frames = Tracker(), recorded_actions(record), record.frames
    shown = [game.reset(seed=4)[0]]
    shown += [game.step(action.astype(np.float32).reshape(2, 1))[0] for action in actions]
    acted = frames["served_by"].to_numpy() >= 0
    assert acted.sum() > 60
    age, seen = (frames[name].to_numpy()[acted] for name in ("delay_frames", "observation_frame"))
    assert np.array_equal(actions[acted], keep ** age[:, None] * np.array(shown)[seen])
    assert (actions[~acted] == [0.5, -0.5]).all()
    completed = record.inferences["completion"].notna().to_numpy()
    assert np.array_equal(record.inferences["action_0"].notna().to_numpy(), completed)
    if place == "server":
        return
    mirror(tmp_path / "r", tmp_path / "twin", trust=True)
    assert Record.open(tmp_path / "twin").frames[["action_0", "action_1"]].notna().all().all()


@pytest.mark.realtime
def test_what_a_kill_leaves_can_be_read_and_played_again(own, tmp_path):
    command = ["--env", TRACKER, "--policy", own("follow"), "--emulate-latency", "0.03", "--frames", "100000"]
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-m", "regretlab", "run", *command, "--out", str(killed)])
    try:
        until = time.monotonic() + 60
        while not list(killed.glob("frames.parquet/part-*.parquet")) and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    left = Record.open(killed)
    assert not left.meta["complete"]
    assert play_back(left, trust=True).differing == 0
    assert len(left.frames) > 10
