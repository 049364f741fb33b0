"""Experiments as files: budgets, results, resuming after a kill, refusals."""

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from regretlab.errors import InputError
from regretlab.experiments import case_summaries, read_experiment, read_results, run_experiment
from regretlab.experiments.results import COLUMNS, Windows, read_metadata
from regretlab.plots.rewards import draw_rewards

ROOT = Path(__file__).parents[2]
BEACON = {"environment": "regretlab/Beacon-v0", "environment_options": {"symbols": 4, "mode_probability": 0.9}}
SMALL = {
    "experiment": {"protocol": "simulated-delay", **BEACON, "frames": 200, "windows": 4, "seeds": 2},
    "case": [
        {"label": "told", "player": "script", "delay": [1, 3], "interaction": ["asynchronous", "sequential"]},
        {"label": "idle", "player": "noop"},
    ],
    "budget": {"cpu": {"frames": 50, "case": [{"label": "only", "player": "random"}]}},
}
LEARN = {
    "experiment": {"protocol": "asynchronous", **BEACON, "frames": 120, "windows": 3, "seeds": 2},
    "learning": {"batch": 2, "replay": 200},
    "run": {"clock": "virtual", "policy": "nature", "emulate_latency": "0.03"},
    "case": [
        {"label": "staggered", "workers": 2, "rule": "frame-pool", "learners": 1, "emulate_learning": "0.1"},
        {"label": "blocking", "rule": "sequential", "blocking_learning": True, "emulate_learning": "0.1"},
    ],
}


def test_a_budget_goes_over_the_file():
    full, small = read_experiment(SMALL), read_experiment(SMALL, "cpu", seeds=3)
    assert (full.settings.frames, len(full.cells)) == (200, 10)
    assert (small.settings.frames, small.settings.windows, len(small.cells)) == (50, 4, 3)
    assert full.digest() != small.digest()


def test_rows_are_those_that_the_columns_promise(tmp_path):
    outcome = run_experiment(read_experiment(SMALL), tmp_path / "r.parquet", command="made so")
    rows = read_results(tmp_path / "r.parquet")
    assert (outcome.cells, outcome.played, len(rows)) == (10, 10, 40)
    assert list(rows.columns) == list(COLUMNS)
    assert set(rows.groupby(["case", "delay", "interaction", "seed"])["frames"].sum()) == {200}
    assert (rows.loc[rows["case"] == "idle", "reward"] == 0).all()
    assert read_metadata(tmp_path / "r.parquet")["command"] == "made so"
    assert not (tmp_path / "r.parquet.parts").exists()
    told = {(case.delay, case.interaction): case for case in outcome.summaries if case.case == "told"}
    assert told[3, "sequential"].acted == pytest.approx(len(range(3, 200, 4)) / 200)
    assert told[3, "asynchronous"].reward_per_frame > told[3, "sequential"].reward_per_frame


def test_the_summary_is_the_textbook_interval():
    random = np.random.default_rng(1)
    rewards = random.random((6, 4))
    rows = pd.DataFrame(
        [
            {
                "case": "a",
                "delay": 1,
                "interaction": "x",
                "seed": seed,
                "first_frame": 10 * window,
                "frames": 10,
                "reward": rewards[seed, window],
                "episodes": window,
                "episode_reward": float(window),
                "acted": 1.0,
            }
            for seed in range(6)
            for window in range(4)
        ]
    )
    (case,) = case_summaries(rows, counted=0.5)
    means = rewards[:, 2:].sum(axis=1) / 20
    low, high = stats.t.interval(0.95, 5, loc=means.mean(), scale=stats.sem(means))
    assert case.reward_per_frame == pytest.approx(means.mean())
    assert (case.reward_per_frame - case.interval, case.reward_per_frame + case.interval) == pytest.approx((low, high))
    assert case.episode_reward == pytest.approx((2 * 2 + 3 * 3) / 5)


def test_windows_hold_every_frame_once():
    windows = Windows(101, 7)
    for frame in range(101):
        windows.add(float(frame), frame % 2 == 0, frame % 10 == 9, frame)
    assert sum(row["frames"] for row in windows.rows) == 101
    assert sum(row["reward"] for row in windows.rows) == sum(range(101))
    assert sum(row["episodes"] for row in windows.rows) == 10
    assert windows.rows[-1]["updates"] == 100


@pytest.mark.thorough
def test_more_cores_and_a_second_call_change_nothing(tmp_path):
    experiment = read_experiment(SMALL, seeds=1)
    run_experiment(experiment, tmp_path / "one.parquet")
    run_experiment(experiment, tmp_path / "two.parquet", cores=2)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    again = run_experiment(experiment, tmp_path / "one.parquet")
    assert (again.played, len(again.summaries)) == (0, 5)


@pytest.mark.thorough
def test_a_killed_experiment_goes_on_where_it_was(tmp_path):
    """SIGKILL after the first cells; the second call plays the others, and the file is that of a single call."""
    out = tmp_path / "killed.parquet"
    source = (
        "import tests.experiments.test_experiments as t\n"
        "from regretlab.experiments import *\n"
        f"run_experiment(read_experiment(t.SLOWER), {str(out)!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    parts = tmp_path / "killed.parquet.parts"
    deadline = time.monotonic() + 120
    while len(list(parts.glob("part-????????"))) < 2:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not out.exists()
    done = len(list(parts.glob("part-????????")))
    outcome = run_experiment(read_experiment(SLOWER), out)
    assert (outcome.cells, outcome.played) == (10, 10 - done)
    run_experiment(read_experiment(SLOWER), tmp_path / "whole.parquet")
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


SLOWER = {**SMALL, "experiment": {**SMALL["experiment"], "frames": 4000}}


@pytest.mark.learning
def test_agents_learn_in_the_protocol(tmp_path):
    """CartPole's vectors and beacon's frames; DQN and Rainbow count their updates."""
    learning = {"batch": 4, "replay": 100, "minimum": 10, "replay_ratio": 1.0}
    cases = [{"label": name, "player": name, "network": "mlp", "delay": [1]} for name in ("dqn", "rainbow")]
    settings = {
        "protocol": "simulated-delay",
        "environment": "CartPole-v1",
        "default_action": 0,
        "frames": 120,
        "seeds": 1,
    }
    experiment = read_experiment({"experiment": settings, "learning": learning, "case": cases})
    run_experiment(experiment, tmp_path / "cart.parquet")
    rows = read_results(tmp_path / "cart.parquet")
    assert (rows["updates"] > 15).all()
    assert (rows["episodes"] > 0).all()


def test_the_asynchronous_protocol_is_the_harness(tmp_path):
    """Its rows add up to the record's summary, which the same configuration gives."""
    from regretlab.experiments.asynchronous import run_configuration
    from regretlab.play.run import run

    experiment = read_experiment(LEARN)
    outcome = run_experiment(experiment, tmp_path / "r.parquet")
    rows = read_results(tmp_path / "r.parquet")
    assert (outcome.cells, len(rows)) == (4, 12)
    for cell in experiment.cells:
        summary = run(run_configuration(experiment, cell), tmp_path / str(cell.number))
        own = rows[(rows["case"] == cell.case["label"]) & (rows["seed"] == cell.seed)]
        counted = 120 - summary.warmup_frames
        assert own["reward"].sum() == pytest.approx(summary.reward_per_frame * counted)
        assert (own["acted"] * own["frames"]).sum() == pytest.approx((1 - summary.inaction_fraction) * counted)
        assert own["updates"].iloc[-1] == summary.learning["updates"]
    assert not math.isnan(outcome.summaries[0].reward_per_frame)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"extra": {}}, "unknown section 'extra': there are experiment"),
        ({"case": []}, "there is no case"),
        ({"case": [{"label": "a"}]}, "case 1.player: is missing"),
        ({"case": [{"label": "a", "player": "expert"}]}, "not 'expert'"),
        ({"case": [{"label": "a", "player": "dqn"}]}, "needs a network to learn, not ''"),
        ({"case": [{"label": "a", "player": "noop", "network": "nature"}]}, "takes no network 'nature'"),
        ({"case": [{"label": "a", "player": "noop", "delay": [-1]}]}, "from 0 to 10000 frames, not -1"),
        ({"case": [{"label": "a", "player": "noop", "delay": [2, 2]}]}, "names one twice"),
        ({"case": [{"label": "a", "player": "noop"}] * 2}, "two cases are labelled 'a'"),
        ({"case": [{"label": "a", "player": "dqn", "network": "nature", "learning": {"batch": 0}}]}, "batch must be"),
        ({"run": {"workers": 2}}, "section [run] is for the protocol asynchronous"),
        ({"experiment": {**SMALL["experiment"], "frames": 0}}, "experiment.frames: "),
        ({"experiment": {**SMALL["experiment"], "colour": 1}}, "experiment.colour: unknown key"),
    ],
    ids=str,
)
def test_files_that_say_nothing_playable_are_refused(changed, message):
    with pytest.raises(InputError) as refused:
        read_experiment({**SMALL, **changed})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"environment": "CartPole-v1", "environment_options": {}}, "does not say which of its actions does nothing"),
        ({"environment": "CartPole-v1", "environment_options": {}, "default_action": 2}, "has 0 to 1"),
        ({"environment": "Pendulum-v1", "environment_options": {}}, "must be Discrete"),
        ({"environment": "regretlab/Bacon-v0"}, "unknown environment"),
        ({"environment_options": {"symbols": 99}}, "beacon shows 2 to 15 symbols"),
    ],
    ids=str,
)
def test_what_cannot_be_played_is_refused_and_nothing_is_written(changed, message, tmp_path):
    experiment = read_experiment({**SMALL, "experiment": {**SMALL["experiment"], **changed}})
    with pytest.raises(InputError) as refused:
        run_experiment(experiment, tmp_path / "r.parquet")
    assert message in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_runs_that_cannot_be_are_refused_by_their_case(tmp_path):
    broken = {**LEARN, "case": [{"label": "two", "rule": "sequential", "workers": 2}]}
    with pytest.raises(InputError, match="case 'two': rule 'sequential' runs exactly 1 worker, not 2"):
        run_experiment(read_experiment(broken), tmp_path / "r.parquet")
    with pytest.raises(InputError, match="'frames' is the experiment's"):
        read_experiment({**LEARN, "case": [{"label": "a", "frames": 3}]})
    real = {**LEARN, "run": {"policy": "oracle"}, "case": [{"label": "a"}]}
    with pytest.raises(InputError, match="played one at a time, not on 2 cores"):
        run_experiment(read_experiment(real), tmp_path / "r.parquet", cores=2)
    assert not list(tmp_path.iterdir())


def test_files_of_another_experiment_are_left_alone(tmp_path):
    run_experiment(read_experiment(SMALL, "cpu", seeds=1), tmp_path / "r.parquet")
    for path in ("r.parquet", "other.parquet"):
        before = (tmp_path / "r.parquet").read_bytes()
        (tmp_path / "other.parquet.parts").mkdir(exist_ok=True)
        (tmp_path / "other.parquet.parts" / "mine.txt").write_text("mine")
        with pytest.raises(InputError, match=r"holds (another experiment|parts of another computation)"):
            run_experiment(read_experiment(SMALL), tmp_path / path)
        assert (tmp_path / "r.parquet").read_bytes() == before
    with pytest.raises(InputError, match=r"results go to a \.parquet file, not '"):
        run_experiment(read_experiment(SMALL), tmp_path / "r.csv")


@pytest.mark.parametrize("path", sorted((ROOT / "paper_figures" / "experiments").glob("*.toml")), ids=lambda p: p.stem)
def test_the_experiments_of_the_paper_can_be_read(path):
    """At both sizes, with at least five seeds each."""
    for budget in ("full", "cpu"):
        experiment = read_experiment(path, budget)
        assert experiment.settings.seeds >= 5
        assert experiment.settings.title
        assert experiment.cells


def test_a_fixed_player_plays_its_action():
    experiment = {**SMALL["experiment"], "frames": 400, "seeds": 1}
    cases = [{"label": f"always {action}", "player": "fixed", "action": action} for action in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        read = read_experiment({"experiment": experiment, "case": cases})
        outcome = run_experiment(read, folder + "/r.parquet")
    rewards = [case.reward_per_frame for case in outcome.summaries]
    assert rewards[0] == 0  # the no-op
    assert sum(rewards) == pytest.approx(1.0)  # in each frame exactly one of the four symbols is right


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"player": "fixed"}, "player 'fixed' needs an action, and no other player takes one"),
        ({"player": "noop", "action": 1}, "player 'fixed' needs an action, and no other player takes one"),
        ({"player": "noop", "interval": 3, "press": 4}, "must be at most the interval of 3 frames, not 4"),
    ],
)
def test_cases_that_contradict_themselves_are_refused(case, message):
    with pytest.raises(InputError, match=message):
        read_experiment({**SMALL, "case": [{"label": "x", **case}]})


def test_an_action_that_the_game_does_not_have_is_refused(tmp_path):
    case = {"label": "x", "player": "fixed", "action": 5}
    with pytest.raises(InputError, match="action 5 is out of range"):
        run_experiment(read_experiment({**SMALL, "case": [case]}), tmp_path / "r.parquet")


def test_a_time_limit_cuts_episodes_off(tmp_path):
    experiment = {**SMALL["experiment"], "frames": 200, "windows": 1, "seeds": 1, "episode_frames": 20}
    read = read_experiment({**SMALL, "experiment": experiment})
    run_experiment(read, tmp_path / "r.parquet")
    assert set(read_results(tmp_path / "r.parquet")["episodes"]) == {10}


def test_progress_counts_the_frames_within_a_cell(tmp_path):
    calls = []
    experiment = {**SMALL["experiment"], "frames": 450, "seeds": 1}
    read = read_experiment({**SMALL, "experiment": experiment})
    run_experiment(read, tmp_path / "r.parquet", progress=lambda done, total, what: calls.append((done, total)))
    assert calls[0] == (0, 2250)
    assert calls[-1] == (2250, 2250)
    assert (200, 2250) in calls
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_the_figure_shows_each_case_and_its_means(tmp_path):
    run_experiment(read_experiment(SMALL), tmp_path / "r.parquet")
    rows = read_results(tmp_path / "r.parquet")
    axes = draw_rewards(rows, "a title").axes[0]
    assert len(axes.lines) == 5
    last = rows[(rows["case"] == "told") & (rows["delay"] == 1) & (rows["interaction"] == "asynchronous")]
    last = last[last["window"] == last["window"].max()]
    assert axes.lines[0].get_ydata()[-1] == pytest.approx((last["reward"] / last["frames"]).mean())
    assert axes.lines[0].get_xdata()[-1] == 200
