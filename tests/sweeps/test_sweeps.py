"""Sweeps against the commands they sweep, against being killed, and against other engines: always the same values."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray

import regretlab as rl
from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.mdp import parse_mdp, save_mdp, solve_delayed
from regretlab.scenario import Scenario
from regretlab.simulation import record_simulation
from regretlab.sweeps import read_configuration, run_sweep
from regretlab.sweeps.chunks import Plan, compute_chunk
from regretlab.sweeps.dataset import read_dataset
from regretlab.theory.learning import LearningPart
from regretlab.theory.realtime import bound

BOUND = {
    "sweep": {"command": "bound"},
    "fixed": {"frame_time": 1, "rule": "frame-pool"},
    "grid": {
        "mode_probability": [0.8, 0.95, 1.0],
        "workers": [2, 4, float("inf")],
        "gap_delay": [0.5, 1.0],
        "inference_time": {"template": "expon(scale={})", "values": [0.7, 2.5]},
    },
}
SIMULATE = {
    "sweep": {"command": "simulate", "seed": 5, "chunk": 1},
    "fixed": {"frame_time": 1, "mode_probability": 0.9, "frames": 4000, "replications": 4},
    "grid": {
        "rule": ["free-running", "expected-time", "frame-hold"],
        "workers": [2, 6],
        "inference_time": {"template": "gamma(4, scale={})", "values": [0.2, 0.8]},
        "repetition": [0, 1],
    },
}


def test_every_point_of_bound_is_the_report_of_that_point(tmp_path):
    dataset = run_sweep(read_configuration(BOUND), tmp_path / "a.nc", cores=1).dataset
    for p in BOUND["grid"]["mode_probability"]:
        for workers in BOUND["grid"]["workers"]:
            for gap in (0.5, 1.0):
                for scale in (0.7, 2.5):
                    point = dataset.sel(mode_probability=p, workers=workers, gap_delay=gap, inference_time=scale)
                    law = parse_law(f"expon(scale={scale})")
                    report = bound(
                        Scenario(
                            law, frame_time=1.0, mode_probability=p, rule="frame-pool", workers=workers, gap_delay=gap
                        )
                    )
                    assert float(point["regret"]) == pytest.approx(report.regret.total, abs=1e-12)
                    assert float(point["delay"]) == pytest.approx(report.regret.delay, abs=1e-12)
                    assert float(point["inaction_fraction"]) == report.inaction_fraction
                    assert float(point["interaction_time"]) == report.interaction_time
                    assert float(point["service_value"]) == pytest.approx(report.service_value, abs=1e-12)
    assert (dataset["status"] == 0).all()
    assert dataset["learning"].isnull().all()


def test_units_names_and_the_configuration_are_inside(tmp_path):
    run_sweep(read_configuration(BOUND), tmp_path / "a.nc", cores=1)
    dataset = xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf")
    assert list(dataset.sizes) == list(BOUND["grid"])
    assert dataset["inference_time"].attrs == {"units": "s", "template": "expon(scale={})"}
    assert dataset["regret"].attrs["units"] == "reward/frame"
    assert np.isinf(dataset["workers"].values[-1])
    inside = json.loads(dataset.attrs["configuration"])
    assert inside["fixed"] == BOUND["fixed"]
    assert inside["grid"]["inference_time"]["values"] == ["expon(scale=0.7)", "expon(scale=2.5)"]
    dataset.close()


def test_holds_are_chosen_for_each_point_and_learning_is_added(tmp_path):
    sweep = read_configuration(
        {
            "sweep": {"command": "bound"},
            "fixed": {
                "frame_time": 1,
                "rule": "frame-hold",
                "workers": float("inf"),
                "inference_time": "gamma(4, scale=0.8)",
                "horizon": 1e6,
                "learning_bound": "gaussian-bandit",
                "actions": 4,
            },
            "grid": {"mode_probability": [0.7, 0.9, 0.99]},
        }
    )
    dataset = run_sweep(sweep, tmp_path / "a.nc", cores=1).dataset
    for p, hold, learning in zip((0.7, 0.9, 0.99), dataset["hold"], dataset["learning"], strict=True):
        report = bound(
            Scenario(
                "gamma(4, scale=0.8)",
                frame_time=1.0,
                mode_probability=p,
                rule="frame-hold",
                workers=float("inf"),
                horizon=1e6,
                actions=4,
            ),
            learning=LearningPart(learning_bound="gaussian-bandit"),
        )
        assert (int(hold), float(learning)) == (report.hold, report.regret.learning)
    assert int(dataset["hold"][1]) == 5  # the check value of this law at p = 0.9


def test_sampled_times_carry_their_interval_where_it_is_asked_for(tmp_path):
    """The ends of each point are those that the command itself gives; another law, and no question, have none."""
    np.savetxt(tmp_path / "times.csv", np.random.default_rng(1).lognormal(np.log(0.07), 0.5, 40))
    times = f"@{tmp_path / 'times.csv'}"
    fixed = {"rule": "free-running", "mode_probability": 0.95, "sampling_interval": True}
    grid = {"workers": [2, 4], "inference_time": [times, "expon(scale=0.07)"]}
    for command, more in (("bound", {}), ("simulate", {"frames": 2000, "replications": 2})):
        asked = {"sweep": {"command": command}, "fixed": fixed | more, "grid": grid}
        swept = run_sweep(read_configuration(asked), str(tmp_path / f"{command}.nc"), cores=1).dataset
        for workers in grid["workers"]:
            scenario = Scenario(times, workers=workers, rule="free-running", mode_probability=0.95)
            point = swept.sel(workers=workers, inference_time=times)
            for name, figure in (("regret", "regret_per_frame.total"), ("inaction_fraction", "inaction_fraction")):
                ends = [float(point[f"{name}_{end}"]) for end in ("low", "high")]
                assert ends[0] < float(point[name]) < ends[1]
                if command == "bound":
                    assert tuple(ends) == rl.bound(scenario).sampling_interval.intervals[figure]
        assert swept.sel(inference_time="expon(scale=0.07)")["regret_low"].isnull().all()
    asked = {"sweep": {"command": "bound"}, "fixed": fixed | {"sampling_interval": False}, "grid": {"workers": [2]}}
    asked["fixed"]["inference_time"] = times
    assert run_sweep(read_configuration(asked), str(tmp_path / "off.nc"), cores=1).dataset["regret_low"].isnull().all()


def test_solve_over_families_and_delays(tmp_path):
    sweep = read_configuration(
        {
            "sweep": {"command": "solve"},
            "grid": {"mdp": ["ring(p=0.9, symbols=3)", "riverswim(6)"], "delay": [0, 1, 2]},
        }
    )
    dataset = run_sweep(sweep, tmp_path / "a.zarr", cores=1).dataset
    for name in ("ring(p=0.9, symbols=3)", "riverswim(6)"):
        for delay in (0, 1, 2):
            assert float(dataset["gain"].sel(mdp=name, delay=delay)) == solve_delayed(parse_mdp(name), delay).gain
    assert list(dataset["mdp"].values) == ["ring(p=0.9, symbols=3)", "riverswim(6)"]


def test_virtual_runs_agree_with_the_bound(tmp_path):
    """Three runs of 3000 frames: |z| < 4.5."""
    run = {
        "sweep": {"command": "run", "seed": 2},
        "fixed": {
            "symbols": 8,
            "mode_probability": 0.9,
            "frames": 3000,
            "policy": "oracle",
            "emulate_latency": 0.0601,
            "rule": "frame-pool",
        },
        "grid": {"workers": [1, 2, 4]},
    }
    dataset = run_sweep(read_configuration(run), tmp_path / "a.nc", cores=1).dataset
    for workers in (1, 2, 4):
        point = dataset.sel(workers=workers)
        law = parse_law("0.0601")
        report = bound(
            Scenario(law, frame_time=1 / 59.7275, mode_probability=0.9, rule="frame-pool", workers=workers, symbols=8)
        )
        assert abs(float(point["reward_per_frame"]) - (1 - report.regret.total)) < 4.5 * float(point["reward_error"])
        assert float(point["inaction_fraction"]) == pytest.approx(report.inaction_fraction, abs=0.002)


def test_points_without_an_answer_say_why_and_leave_the_others_alone(tmp_path):
    sweep = read_configuration(
        {
            "sweep": {"command": "bound"},
            "fixed": {"frame_time": 1, "symbols": 4, "inference_time": "expon(scale=2)"},
            "grid": {
                "rule": ["sequential", "frame-pool", "expected-time"],
                "workers": [1, 3],
                "mode_probability": [0.1, 0.9],
            },
        }
    )
    dataset = run_sweep(sweep, tmp_path / "a.nc", cores=1).dataset
    status = dataset["status"]
    assert (status.sel(rule="frame-pool", mode_probability=0.9) == 0).all()
    assert (status.sel(rule="expected-time", mode_probability=0.9) == 0).all()  # simulated
    assert (status.sel(mode_probability=0.1).sel(rule=["sequential", "frame-pool"]) == 2).all()
    assert int(status.sel(rule="sequential", workers=3, mode_probability=0.9)) == 2
    assert dataset["regret"].where(status != 0).isnull().all()
    assert dataset["regret"].where(status == 0).notnull().sum() == (status == 0).sum()
    reasons = json.loads(dataset.attrs["reasons"])
    assert any("mode probability must lie in [1/4, 1]" in reason for reason in reasons)
    assert any("sequential" in reason and "3" in reason for reason in reasons)


def test_a_grid_without_any_answer_is_refused_and_leaves_nothing(tmp_path):
    sweep = read_configuration(
        {
            "sweep": {"command": "bound"},
            "fixed": {"inference_time": "expon(scale=2)", "rule": "sequential", "workers": 2},
            "grid": {"mode_probability": [0.8, 0.9]},
        }
    )
    with pytest.raises(InputError, match=r"no point .* has an answer: rule 'sequential' runs exactly 1 worker"):
        run_sweep(sweep, tmp_path / "a.nc", cores=1)
    assert list(tmp_path.iterdir()) == []


def test_a_rule_without_a_closed_form_is_simulated_once_for_all_gaps(tmp_path):
    sweep = read_configuration(
        {
            "sweep": {"command": "bound"},
            "fixed": {"frame_time": 1, "inference_time": "expon(scale=2)", "rule": "expected-time", "workers": 2},
            "grid": {"mode_probability": [0.6, 0.9, 0.99], "gap_default": [0.7, 1.0]},
        }
    )
    dataset = run_sweep(sweep, tmp_path / "a.nc", cores=1).dataset
    for p in (0.6, 0.99):
        point = dataset.sel(mode_probability=p, gap_default=1.0)
        alone = rl.bound(
            rl.Scenario("expon(scale=2)", frame_time=1, mode_probability=p, rule="expected-time", workers=2)
        )
        assert 0.0 < float(point["standard_error"]) < 0.01
        error = math.hypot(float(point["standard_error"]), alone.standard_error)
        assert abs(float(point["regret"]) - alone.regret.total) < 4.5 * error
    assert dataset["standard_error"].notnull().all()


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_every_point_is_in_exactly_one_chunk(chunk):
    sweep = read_configuration(BOUND | {"sweep": {"command": "bound", "chunk": chunk}})
    plan = Plan(sweep)
    points = np.concatenate([plan.points_of(g) for n in range(plan.chunks) for g in plan.groups_of(n)])
    assert sorted(points) == list(range(sweep.points))


@pytest.mark.thorough
def test_chunks_and_cores_change_no_value(tmp_path):
    one = run_sweep(read_configuration(SIMULATE), tmp_path / "one.nc", cores=1)
    coarse = SIMULATE | {"sweep": SIMULATE["sweep"] | {"chunk": 5}}
    two = run_sweep(read_configuration(coarse), tmp_path / "two.nc", cores=2)
    assert (one.chunks, two.chunks) == (24, 5)
    assert one.dataset.identical(two.dataset)
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "two.nc").read_bytes()
    regret = one.dataset["regret"]
    assert (regret.isel(repetition=0) != regret.isel(repetition=1)).all()  # repetitions draw anew
    other = SIMULATE | {"sweep": SIMULATE["sweep"] | {"seed": 6}}
    columns, _ = compute_chunk(read_configuration(other), 0)
    assert columns["regret"][0] != float(regret.values.flat[0])


def test_a_finished_sweep_is_not_computed_again_and_another_is_refused(tmp_path):
    first = run_sweep(read_configuration(BOUND), tmp_path / "a.nc", cores=1)
    again = run_sweep(read_configuration(BOUND), tmp_path / "a.nc", cores=1)
    assert (first.computed > 0, again.computed) == (True, 0)
    assert again.dataset.identical(first.dataset)
    other = BOUND | {"fixed": BOUND["fixed"] | {"rule": "sequential"}}
    with pytest.raises(InputError, match=r"a\.nc' holds another sweep"):
        run_sweep(read_configuration(other), tmp_path / "a.nc", cores=1)
    (tmp_path / "b.nc").write_text("mine")
    with pytest.raises(InputError, match=r"b\.nc' is not the dataset of a sweep"):
        run_sweep(read_configuration(BOUND), tmp_path / "b.nc", cores=1)
    for name in ("c.csv", "none/c.nc"):
        with pytest.raises(InputError, match=r"goes to a \.nc|does not exist"):
            run_sweep(read_configuration(BOUND), tmp_path / name, cores=1)


def test_a_file_with_other_contents_is_another_sweep(tmp_path):
    """Samples, an MDP and a record: the dataset keeps their digests, and old results are not passed off as new ones."""
    samples, problem, record = (tmp_path / name for name in ("times.npy", "ring.npz", "run"))
    np.save(samples, [0.5, 1.5])
    save_mdp(parse_mdp("ring(p=0.9, symbols=3)"), problem)
    record_simulation(Scenario(2, frame_time=1), record, frames=50)
    bound = {"sweep": {"command": "bound"}, "fixed": {"frame_time": 1, "rule": "frame-pool"}}
    grid = {"mode_probability": [0.8, 0.9]}
    sweeps = [
        bound | {"grid": {"inference_time": [f"@{samples}", "2"], **grid}},
        {"sweep": {"command": "solve"}, "fixed": {"mdp": str(problem)}, "grid": {"delay": [0, 1]}},
        bound | {"fixed": bound["fixed"] | {"inference_time": f"@{record}"}, "grid": grid},
    ]
    for number, sweep in enumerate(sweeps):
        out = tmp_path / f"{number}.nc"
        made = run_sweep(read_configuration(sweep), out, cores=1)
        assert len(json.loads(made.dataset.attrs["configuration"])["files"]) == 1
        assert run_sweep(read_configuration(sweep), out, cores=1).computed == 0
    np.save(samples, [0.5, 7.5])
    save_mdp(parse_mdp("ring(p=0.8, symbols=3)"), problem)
    record_simulation(Scenario(3, frame_time=1), record, frames=50, overwrite=True)
    for number, sweep in enumerate(sweeps):
        with pytest.raises(InputError, match="holds another sweep"):
            run_sweep(read_configuration(sweep), tmp_path / f"{number}.nc", cores=1)


def test_two_processes_do_not_compute_one_sweep_at_once(tmp_path):
    """The second is refused while the first is at work, and neither harms the other's chunks."""
    sweep = read_configuration(BOUND)
    refused = []

    def progress(done, total, what):
        with pytest.raises(InputError, match=r"a\.nc\.parts' is being computed by another process"):
            run_sweep(sweep, tmp_path / "a.nc", cores=1)
        refused.append(done)

    first = run_sweep(sweep, tmp_path / "a.nc", cores=1, progress=progress)
    assert refused
    assert run_sweep(sweep, tmp_path / "a.nc", cores=1).dataset.identical(first.dataset)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.nc"]


def test_parts_of_another_sweep_are_not_mixed_in(tmp_path):
    from regretlab.sweeps.chunks import open_store

    open_store(tmp_path / "a.nc.parts", read_configuration(BOUND)).close()
    with pytest.raises(InputError, match="holds parts of another computation"):
        run_sweep(read_configuration(SIMULATE), tmp_path / "a.nc", cores=1)


TOML = """
[sweep]
command = "simulate"
seed = 5
chunk = 1
[fixed]
frame_time = 1
mode_probability = 0.9
frames = 150000
replications = 4
rule = "free-running"
[grid]
workers = [1, 2, 3, 4, 5, 6]
inference_time = { template = "gamma(4, scale={})", values = [0.2, 0.4, 0.8] }
"""


@pytest.mark.thorough
def test_a_killed_sweep_goes_on_where_it_was_and_ends_the_same(tmp_path):
    (tmp_path / "sweep.toml").write_text(TOML)
    words = [sys.executable, "-m", "regretlab", "sweep", "sweep.toml", "--out", "a.nc", "--cores", "2", "--json"]
    parts = tmp_path / "a.nc.parts"
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(words, cwd=tmp_path, env=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while len(list(parts.glob("part-????????"))) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(parts.glob("part-????????")))
    assert 3 <= kept < 18
    assert not (tmp_path / "a.nc").exists()
    until = time.monotonic() + 5
    while (left := _running(tmp_path)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, "a worker outlived the sweep"
    done = subprocess.run(words, cwd=tmp_path, env=here, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said["computed_chunks"] == 18 - kept
    assert not parts.exists()
    whole = run_sweep(read_configuration(tmp_path / "sweep.toml"), tmp_path / "whole.nc", cores=1)
    assert read_dataset(tmp_path / "a.nc").identical(whole.dataset)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "whole.nc").read_bytes()


def _running(folder):
    """Return processes whose working directory is the folder."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if os.readlink(f"/proc/{entry}/cwd") == str(folder):
                    found.append(int(entry))
            except OSError:
                continue
    return found
