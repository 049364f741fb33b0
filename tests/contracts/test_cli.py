"""The command line as scripts see it: JSON keys, exit codes, one-line errors, and what `--help` loads."""

import json
import subprocess
import sys

import numpy as np
import pytest

from regretlab.cli import main

BOUND = ["bound", "--inference-time", "0.05", "--mode-probability", "0.95"]
HEAVY = {
    "numba",
    "scipy",
    "torch",
    "pyboy",
    "matplotlib",
    "pandas",
    "sympy",
    "pyarrow",
    "gymnasium",
    "pydantic",
    "numpy",
}


def _run(capsys, *words):
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("words", [["--help"], ["bound", "--help"], ["run", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(words):
    """Quick because of what is not imported: measured by modules, not by a timer."""
    program = (
        "import sys\nfrom regretlab.cli import main\n"
        f"main({words!r})\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip().endswith("LOADED []")


def test_bound_prints_the_promised_json(capsys):
    code, out, err = _run(capsys, *BOUND, "--workers", "3", "--horizon", "60", "--json")
    assert (code, err) == (0, "")
    values = json.loads(out)
    assert {
        "inaction_fraction",
        "delay_law",
        "service_value",
        "interaction_time",
        "workers_for_zero_inaction",
        "regret_per_frame",
        "regret",
        "method",
        "standard_error",
        "assumptions",
        "symbolic",
    } <= set(values)
    for key in ("regret_per_frame", "regret"):
        assert set(values[key]) == {"inaction", "delay", "learning", "total"}
    assert values["method"] == "closed-form"
    assert values["workers_for_zero_inaction"] == 3
    assert sum(values["delay_law"]) == pytest.approx(1 - values["inaction_fraction"])
    code, out, _ = _run(capsys, *BOUND, "--json")
    assert json.loads(out)["regret"] is None


def test_check_values_through_the_command_line(capsys):
    common = ["--mode-probability", "0.9", "--frame-time", "1", "--json"]
    cases = [
        (["--inference-time", "5.3", "--rule", "max-time", "--workers", "3"], 0.433962264151),
        (["--inference-time", "expon(scale=2.5)", "--rule", "sequential"], 0.670320046036),
        (["--inference-time", "expon(scale=2.5)", "--rule", "frame-pool", "--workers", "inf"], 0.326049337638),
        (["--inference-time", "expon(scale=2.5)", "--rule", "frame-pool", "--workers", "4"], 0.340402175182),
    ]
    for words, phi in cases:
        code, out, _ = _run(capsys, "bound", *words, *common)
        assert code == 0
        assert json.loads(out)["inaction_fraction"] == pytest.approx(phi, abs=1e-11)


def test_bound_for_people_says_where_its_figures_come_from(capsys):
    code, out, _ = _run(capsys, *BOUND, "--symbols", "8", "--workers", "3")
    assert code == 0
    for word in ("regret per frame", "closed-form", "ring W2", "assuming"):
        assert word in out


def test_samples_from_a_file(capsys, tmp_path):
    np.save(tmp_path / "k1.npy", np.array([0.02, 0.03]))
    words = ["bound", "--inference-time", f"@{tmp_path / 'k1.npy'}", "--mode-probability", "0.9", "--json"]
    assert _run(capsys, *words)[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*BOUND[:3], "--mode-probability", "1.5"], "mode probability must lie in [0, 1], not 1.5"),
        ([*BOUND[:3], "--mode-probability", "0.1", "--symbols", "4"], "[1/4, 1] for 4 symbols, not 0.1"),
        ([*BOUND[:3], "--mode-probability", "nan"], "mode probability must lie in [0, 1], not nan"),
        (["bound", "--inference-time", "0", "--mode-probability", "0.9"], "0"),
        (["bound", "--inference-time", "-0.1", "--mode-probability", "0.9"], "-0.1"),
        (["bound", "--inference-time", "nan", "--mode-probability", "0.9"], "nan"),
        (["bound", "--inference-time", "inf", "--mode-probability", "0.9"], "inf"),
        ([*BOUND, "--frame-time", "0"], "frame time '0' must be a positive"),
        ([*BOUND, "--frame-time", "pal"], "frame time 'pal' is neither"),
        ([*BOUND, "--horizon", "-1"], "horizon must be a positive"),
        ([*BOUND, "--rule", "magic"], "unknown staggering rule 'magic': choose one of sequential"),
        ([*BOUND, "--workers", "0"], "workers must be a whole number of at least 1 or inf, not '0'"),
        ([*BOUND, "--workers", "two"], "not 'two'"),
        ([*BOUND, "--rule", "sequential", "--workers", "2"], "'sequential' runs exactly 1 worker, not 2"),
        (["bound", "--inference-time", "gamma(4, scael=1)", "--mode-probability", "0.9"], "no parameter 'scael'"),
        (["bound", "--inference-time", "gama(4)", "--mode-probability", "0.9"], "did you mean gamma"),
        (["bound", "--inference-time", "@no.csv", "--mode-probability", "0.9"], "'no.csv' does not exist"),
        ([*BOUND, "--colour", "red"], "--colour"),
        (["bound", "--mode-probability", "0.9"], "--inference-time"),
        ([*BOUND[:3], "--mode-probability", "high"], '"high"'),
        (["bund"], 'Did you mean "bound"'),
        (["profile", "--policy", "oracle"], "policy 'oracle' has no network to profile"),
        (["profile", "--policy", "impala"], "no policy is named 'impala'"),
        (["profile", "--policy", "nature", "--out", "x.txt"], "samples go to a .npy or .csv file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, message, capsys):
    code, out, err = _run(capsys, *words)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("content", ["", "seconds\n", "0.1\nfast\n", "0.1\n-1\n"])
def test_unusable_sample_files_exit_with_2(content, tmp_path, capsys):
    path = tmp_path / "samples.csv"
    path.write_text(content)
    code, _, err = _run(capsys, "bound", "--inference-time", f"@{path}", "--mode-probability", "0.9")
    assert code == 2
    assert "samples.csv" in err


RUN = ["run", "--clock", "virtual", "--emulate-latency", "0.04", "--frames", "200", "--policy", "oracle"]


def test_run_prints_the_promised_json_and_writes_a_record(capsys, tmp_path):
    code, out, _ = _run(capsys, *RUN, "--workers", "3", "--symbols", "4", "--out", str(tmp_path / "r"), "--json")
    assert code == 0
    values = json.loads(out)
    assert {
        "frames",
        "warmup_frames",
        "reward_per_frame",
        "inaction_fraction",
        "delay_law",
        "action_interval",
        "deadline_lateness",
        "restarts",
        "record",
    } <= set(values)
    assert set(values["action_interval"]) == {"mean", "std", "p99"}
    assert set(values["deadline_lateness"]) == {"p50", "p99", "max"}
    assert (tmp_path / "r" / "meta.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env", "regretlab/Bacon-v0"], "unknown environment 'regretlab/Bacon-v0'"),
        (["--rom", "missing.gb"], "ROM 'missing.gb' cannot be read"),
        (["--symbols", "99"], "beacon shows 2 to 15 symbols, not 99"),
        (["--mode-probability", "0.01"], "mode probability 0.01 is out of range"),
        (["--frames", "0"], "frames must be at least 1, not 0"),
        (["--workers", "0"], "workers must be at least 1, not 0"),
        (["--policy", "impala-k0"], "width of 'impala-k0'"),
        (["--rule", "sequential", "--workers", "3"], "'sequential' runs exactly 1 worker, not 3"),
        (["--emulate-latency", "gamma(4, scael=1)"], "no parameter 'scael'"),
        (["--env", "Pendulum-v1"], "it must be Discrete"),
    ],
)
def test_a_run_that_cannot_be_writes_nothing(words, message, capsys, tmp_path):
    usual = {name: value for name, value in zip(RUN[1::2], RUN[2::2], strict=True) if name not in words}
    code, out, err = _run(
        capsys, "run", *[word for pair in usual.items() for word in pair], *words, "--out", str(tmp_path / "r")
    )
    assert code == 2
    assert out == ""
    assert message in err
    assert not (tmp_path / "r").exists()


def test_an_output_folder_in_use_is_left_alone(capsys, tmp_path):
    words = [*RUN, "--symbols", "4", "--out", str(tmp_path / "r"), "--json"]
    assert _run(capsys, *words)[0] == 0
    code, _, err = _run(capsys, *words)
    assert code == 2
    assert "already holds a record" in err
    assert _run(capsys, *words, "--overwrite")[0] == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("precious")
    code, _, err = _run(capsys, *RUN, "--symbols", "4", "--out", str(tmp_path / "other"), "--overwrite")
    assert code == 2
    assert "thesis.tex" in err
    assert (tmp_path / "other" / "thesis.tex").read_text() == "precious"


def test_validate_names_unknown_claims_and_foreign_folders(capsys, tmp_path):
    code, _, err = _run(capsys, "validate", "--quick", "--claims", "delay-regert", "--out", str(tmp_path / "v"))
    assert code == 2
    assert "no claim is named 'delay-regert'" in err
    assert not (tmp_path / "v").exists()
    (tmp_path / "notes.txt").write_text("mine")
    code, _, err = _run(capsys, "validate", "--quick", "--out", str(tmp_path))
    assert code == 2
    assert "'notes.txt', which is not part of a validation" in err


def test_python_dash_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "regretlab", "bund"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("regretlab: error: ")
