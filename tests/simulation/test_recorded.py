"""A simulated run written as a record: the readers of emulator runs read it, and find what the closed forms say."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.needs import need
from regretlab.plots.timeline import inference_timeline
from regretlab.records import Record, summarise
from regretlab.rules.service.service import service_law
from regretlab.scenario import Scenario
from regretlab.simulation import record_simulation


@pytest.mark.parametrize(
    ("text", "rule", "workers", "hold"),
    [
        ("gamma(4, scale=0.8)", "free-running", 3, None),
        ("uniform(0.6, 4.6)", "frame-pool", 4, None),
        ("uniform(0.6, 4.6)", "frame-hold", 4, 4),
        ("5.3", "max-time", 3, None),
        ("0.05", "free-running", 2, None),
    ],
)
def test_summaries_of_simulated_records_meet_the_closed_forms(text, rule, workers, hold, tmp_path):
    """|z| < 4.5 for the inaction fraction by the summary's own standard error (batch means)."""
    asked = Scenario(text, frame_time=1, workers=workers, rule=rule, hold=hold)
    record_simulation(asked, tmp_path / "run", frames=20_000)
    summary = summarise(Record.open(tmp_path / "run"))
    exact = service_law(parse_law(text), 1.0, workers=workers, rule=rule, hold=hold)
    error = max(summary.standard_error["inaction_fraction"] or 0, 1e-4)
    assert abs(summary.inaction_fraction - exact.inaction_fraction) < 4.5 * error
    shares = np.zeros(len(exact.delay_law))
    shares[: len(summary.delay_law)] = summary.delay_law[: len(shares)]
    assert np.abs(shares - exact.delay_law).max() < 0.02


def test_the_timeline_draws_a_simulated_record(tmp_path):
    record_simulation(Scenario(3.5, fps=60, workers=2, rule="unstaggered"), tmp_path / "run", frames=600)
    record = Record.open(tmp_path / "run")
    assert record.meta["clock"] == "simulated"
    inference_timeline(record.inferences, record.frames, 1 / 60, start=1.0, duration=0.5)


def test_a_refused_simulation_leaves_no_record(tmp_path, capfd):
    from regretlab.cli import main

    need("play", "a record")

    words = ["simulate", "--inference-time", "2", "--frame-time", "1", "--mode-probability", "0.9", "--frames", "100"]
    for bad in (["--replications", "0"], ["--mode-probability", "2"], ["--seed", "-1"]):
        assert main([*words, *bad, "--record", str(tmp_path / "a")]) == 2
        assert not (tmp_path / "a").exists()
        assert capfd.readouterr().out == ""
    assert main([*words, "--record", str(tmp_path / "a")]) == 0
    assert Record.open(tmp_path / "a").meta["complete"]
    capfd.readouterr()
    assert main(["record", "info", str(tmp_path / "a")]) == 0
    said = capfd.readouterr().out
    assert "nothing: simulated times under a rule" in said  # and not an unknown game with a reward of 0
    assert "?" not in said


def test_a_record_that_cannot_be_written_is_refused_before_anything_is_played(tmp_path, capfd):
    """A run of so many frames would not end."""
    from regretlab.cli import main

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    words = [
        "simulate",
        "--inference-time",
        "2",
        "--frame-time",
        "1",
        "--mode-probability",
        "0.9",
        "--frames",
        str(10**12),
    ]
    words += ["--rule", "frame-pool"]
    for folder, workers, message in (
        ("mine", "2", "'notes.txt', which is not part of a record"),
        ("new", "inf", "not inf"),
    ):
        assert main([*words, "--workers", workers, "--record", str(tmp_path / folder)]) == 2
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_cannot_be_recorded(tmp_path):
    with pytest.raises(InputError, match="give a finite number of them, not inf"):
        record_simulation(Scenario(2, frame_time=1, workers="inf", rule="frame-pool"), tmp_path / "a")
    assert not (tmp_path / "a").exists()
