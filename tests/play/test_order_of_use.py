"""Before a deadline the oldest useful output acts first, on the clocks as in the simulator."""

import numpy as np
import pytest

import regretlab as rl
from regretlab.errors import InputError
from regretlab.front import with_numbers
from regretlab.play.configuration import RunConfiguration
from regretlab.play.loop import FrameService
from regretlab.records.schema import InferenceRow
from regretlab.theory.loss import MeasuredLoss
from tests.oracles.event_loop import run_rule
from tests.oracles.plain_outputs import served

FRAME = 1 / 59.7275
DEADLINE = MeasuredLoss((0, 7), (0.0, 1.0), 1.0)


@pytest.mark.parametrize("order", [{"oldest_first": True}, {"order_of_use": (2, 5, 1, 4, 3, 0)}])
@pytest.mark.parametrize("most", [1, 3, 1000])
def test_the_environment_takes_the_outputs_of_the_plain_loop(most, order):
    times = np.random.default_rng(5).gamma(4.0, 0.8, 4_000)
    timeline = run_rule("free-running", 3, iter(times).__next__, 1_000)
    service, ages = FrameService(1.0, kept=most, age_limit=7, **order), []
    added = 0
    rows = sorted(zip(timeline.effect, timeline.observed, timeline.starts, timeline.workers, strict=True))
    for frame in range(1_000):
        while rows and rows[0][0] <= frame:
            effect, observed, start, worker = rows.pop(0)
            added += 1
            service.add(
                InferenceRow(worker=worker, scheduled=start, observation_frame=observed, release=float(effect))
            )  # fmt: skip
        best = service.choose(frame)
        ages.append(0 if best is None else frame - best.observation_frame)
    ranks, oldest = order.get("order_of_use", ()), order.get("oldest_first", False)
    assert ages == served(timeline, 1_000, most=most, limit=7, oldest_first=oldest, ranks=ranks)
    assert ages != served(timeline, 1_000, most=most, limit=7)
    finished = service.finished()  # each output once: it acted, was discarded, or is left
    assert [row.overwritten for row in finished].count(False) == sum(age > 0 for age in ages)
    assert len(finished) + len(service.unfinished()) == added


def test_a_run_takes_the_best_order_for_its_loss_curve(tmp_path):
    asked = rl.Scenario(f"gamma(4, scale={0.8 * FRAME!r})", frame_time=FRAME, loss=DEADLINE, workers=3, unused="keep")
    record = rl.run(asked, policy="oracle", clock="virtual", frames=20_000, out=tmp_path)
    assert record.meta["config"]["oldest_first"]
    assert record.meta["config"]["age_limit"] == 7
    share = 1.0 - record.summary.inaction_fraction
    assert share == pytest.approx(1.0 - rl.simulate(asked, frames=100_000, threads=1).regret.total, abs=0.01)
    assert share == pytest.approx(0.833, abs=0.01)  # the freshest first: .738


STEPS = MeasuredLoss((0, 4, 9), (0.0, 0.4, 1.0), 1.0)


@pytest.mark.parametrize("law", [f"gamma(4, scale={0.8 * FRAME!r})", "@times"])
def test_a_run_takes_an_order_between_the_two(tmp_path, law):
    """Steps: neither convex nor a deadline. The order is that of the simulation."""
    if law == "@times":
        law = f"@{tmp_path / 'times.csv'}"
        np.savetxt(tmp_path / "times.csv", np.random.default_rng(2).gamma(4.0, 0.8 * FRAME, 400))
    asked = rl.Scenario(law, frame_time=FRAME, loss=STEPS, workers=3, unused="keep")
    record = rl.run(asked, policy="oracle", clock="virtual", frames=6_000, out=tmp_path / "run")
    config = record.meta["config"]
    assert config["age_limit"] == 9
    assert config["order_of_use"]
    assert not config["oldest_first"]
    ages = np.asarray(record.frames["delay_frames"][100:])
    losses = np.where(ages > 0, STEPS.of_age(np.maximum(ages, 1)), 1.0)
    expected = rl.simulate(asked, frames=200_000, threads=1).regret.total
    assert losses.mean() == pytest.approx(expected, abs=0.02)
    assert np.bincount(ages[ages > 0]).argmax() in (3, 8)  # used just before a step


@pytest.mark.realtime
def test_real_processes_take_the_output_of_the_highest_rank(tmp_path):
    """From the record alone: of the outputs that were surely there, none of a higher rank was left for the frame."""
    asked = rl.Scenario(f"gamma(4, scale={0.8 * FRAME!r})", frame_time=FRAME, loss=STEPS, workers=3, unused="keep")
    record = rl.run(asked, policy="oracle", clock="real", frames=600, out=tmp_path)
    config = record.meta["config"]
    ranks, limit = np.array(config["order_of_use"]), config["age_limit"]
    release, acted, seen = (
        np.asarray(record.inferences[name]) for name in ("release", "effect_frame", "observation_frame")
    )

    def rank(age):
        return ranks[np.clip(age, 1, len(ranks)) - 1]

    frames, others, not_freshest = 0, 0, 0
    for frame in range(60, 600):
        age = int(record.frames["delay_frames"][frame])
        ages = frame - seen
        there = (release < record.frames["deadline"][frame] - 0.005) & ((acted >= frame) | (acted < 0))
        there &= (ages > 0) & (ages < limit) & (ages != age)
        if age < 1:
            assert not there.any()
            continue
        frames += 1
        others += there.any()
        assert np.all(rank(ages[there]) <= rank(age))
        assert np.all(ages[there & (rank(ages) == rank(age))] < age)  # among equal ones the oldest
        not_freshest += np.any(ages[there] < age)
    assert frames > 270
    assert others > 50
    assert not_freshest > 20


def test_where_the_inference_times_are_not_known_only_a_deadline_changes_the_order():
    for loss, oldest in ((STEPS, False), (DEADLINE, True)):
        asked = rl.Scenario(frame_time=FRAME, loss=loss, workers=3, unused="keep")
        _, settings = with_numbers(asked, "regretlab/Beacon-v0", {})
        assert settings.get("oldest_first", False) == oldest
        assert not settings.get("order_of_use")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"order_of_use": (1, 0)},
            "only outputs that are kept have an order: give unused 'keep', or leave order_of_use",
        ),
        ({"order_of_use": (1, -1), "unused": "keep"}, "ranks of order_of_use must be at least 0, not -1"),
        ({"order_of_use": (1,), "oldest_first": True, "unused": "keep"}, "oldest_first is an order by itself"),
    ],
)
def test_an_impossible_order_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        RunConfiguration(clock="virtual", emulate_latency="0.02", **given)


def test_only_kept_outputs_have_an_order():
    with pytest.raises(InputError, match="only outputs that are kept have an order"):
        RunConfiguration(clock="virtual", emulate_latency="0.02", oldest_first=True)
