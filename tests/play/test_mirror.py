"""The virtual twin of a run predicts it: same screens, inference times drawn from what the run recorded."""

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror, mirrored_configuration
from regretlab.play.run import run
from regretlab.records import INFERENCE_DTYPE, Record, RecordWriter, batch_means
from regretlab.rules import known_rules
from tests.oracles.marked_run import values


@pytest.mark.realtime
@pytest.mark.parametrize(
    "settings",
    [
        {"policy": "impala-k1", "rule": "frame-pool", "emulate_latency": None},
        {"rule": "frame-pool", "workers": 6, "emulate_latency": "gamma(4, scale=0.012)"},
        {"rule": "sequential", "workers": 1, "emulate_latency": "lognorm(0.5, scale=0.03)"},
    ],
    ids=["measured", "gamma", "sequential"],
)
def test_the_virtual_clock_predicts_a_realtime_run(settings, tmp_path):
    """Reward per frame within two standard errors of the run's own."""
    configuration = RunConfiguration(
        **values(
            environment="regretlab/Beacon-v0",
            environment_options={"symbols": 4, "mode_probability": 0.9},
            frames=400,
            **settings,
        )
    )
    played = run(configuration, tmp_path / "real")
    predicted = mirror(tmp_path / "real", tmp_path / "virtual", trust=True)
    error = batch_means(Record.open(tmp_path / "real").frames["reward"]).standard_error
    assert abs(predicted.reward_per_frame - played.reward_per_frame) <= 2 * error
    labels = [Record.open(tmp_path / clock).frames["label"].to_numpy() for clock in ("real", "virtual")]
    assert np.array_equal(*labels)  # the same screens were shown


def test_the_law_of_a_record_is_its_inference_times(tmp_path):
    configuration = RunConfiguration(**values(clock="virtual", emulate_latency="gamma(4, scale=0.012)"))
    run(configuration, tmp_path / "first")
    rows = Record.open(tmp_path / "first").inferences
    law = parse_law("@first", base_directory=tmp_path)
    assert law.mean() == pytest.approx((rows["completion"] - rows["scheduled"]).mean())
    twin = mirrored_configuration(Record.open(tmp_path / "first"), frames=900)
    assert (twin.clock, twin.frames) == ("virtual", 900)
    assert twin.model_dump(exclude={"emulate_latency", "frames"}) == configuration.model_dump(
        exclude={"emulate_latency", "frames"}
    )


@pytest.mark.parametrize("rule", known_rules(), ids=lambda rule: rule.name)
def test_the_twin_of_a_virtual_run_is_the_run(rule, tmp_path):
    """Each worker has its recorded times in their order, so nothing differs, whenever the longest one came."""
    settings = values(clock="virtual", rule=rule.name, emulate_latency="gamma(4, scale=0.012)", frames=2000)
    run(RunConfiguration(**{**settings, "workers": 1 if rule.single_worker else 4}), tmp_path / "first")
    mirror(tmp_path / "first", tmp_path / "twin", trust=True)
    first, twin = (Record.open(tmp_path / name).frames.iloc[:-20] for name in ("first", "twin"))
    for column in ("action", "served_by", "observation_frame", "reward"):
        assert np.array_equal(first[column], twin[column])


def test_a_twin_of_a_long_run_has_the_run_s_reward(tmp_path):
    """Independent of the screens: a twin with another seed, within four standard errors of the difference."""
    settings = values(clock="virtual", rule="frame-pool", workers=6, emulate_latency="gamma(4, scale=0.012)")
    run(RunConfiguration(**{**settings, "frames": 20_000}), tmp_path / "first")
    twin = mirrored_configuration(Record.open(tmp_path / "first")).model_copy(update={"seed": 9})
    run(twin, tmp_path / "second")
    means = [batch_means(Record.open(tmp_path / name).frames["reward"]) for name in ("first", "second")]
    assert abs(means[0].mean - means[1].mean) < 4 * np.hypot(*(each.standard_error for each in means))


def test_a_record_without_inferences_has_no_twin(tmp_path):
    meta = {"config": RunConfiguration(**values()).model_dump()}
    with RecordWriter(tmp_path / "empty", meta) as writer:
        writer.append_inferences(np.zeros(0, INFERENCE_DTYPE))
    with pytest.raises(InputError, match="holds no completed inference"):
        mirror(tmp_path / "empty", tmp_path / "twin", trust=True)
    assert not (tmp_path / "twin").exists()
