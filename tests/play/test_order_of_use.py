"""Before a deadline the oldest useful output acts first, on the clocks as in the simulator."""

import numpy as np
import pytest

import regretlab as rl
from regretlab.errors import InputError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.loop import FrameService
from regretlab.records.schema import InferenceRow
from regretlab.theory.loss import MeasuredLoss
from tests.oracles.event_loop import run_rule
from tests.oracles.plain_outputs import served

FRAME = 1 / 59.7275
DEADLINE = MeasuredLoss((0, 7), (0.0, 1.0), 1.0)


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_the_environment_takes_the_outputs_of_the_plain_loop(most):
    times = np.random.default_rng(5).gamma(4.0, 0.8, 4_000)
    timeline = run_rule("free-running", 3, iter(times).__next__, 1_000)
    service, ages = FrameService(1.0, kept=most, age_limit=7, oldest_first=True), []
    rows = sorted(zip(timeline.effect, timeline.observed, timeline.starts, timeline.workers, strict=True))
    for frame in range(1_000):
        while rows and rows[0][0] <= frame:
            effect, observed, start, worker = rows.pop(0)
            service.add(
                InferenceRow(worker=worker, scheduled=start, observation_frame=observed, release=float(effect))
            )  # fmt: skip
        best = service.choose(frame)
        ages.append(0 if best is None else frame - best.observation_frame)
    assert ages == served(timeline, 1_000, most=most, limit=7, oldest_first=True)
    assert ages != served(timeline, 1_000, most=most, limit=7)


def test_a_run_takes_the_best_order_for_its_loss_curve(tmp_path):
    asked = rl.Scenario(f"gamma(4, scale={0.8 * FRAME!r})", frame_time=FRAME, loss=DEADLINE, workers=3, unused="keep")
    record = rl.run(asked, policy="oracle", clock="virtual", frames=20_000, out=tmp_path)
    assert record.meta["config"]["oldest_first"]
    assert record.meta["config"]["age_limit"] == 7
    share = 1.0 - record.summary.inaction_fraction
    assert share == pytest.approx(1.0 - rl.simulate(asked, frames=100_000, threads=1).regret.total, abs=0.01)
    assert share == pytest.approx(0.833, abs=0.01)  # the freshest first: .738


def test_only_kept_outputs_have_an_order():
    with pytest.raises(InputError, match="only outputs that are kept have an order"):
        RunConfiguration(clock="virtual", emulate_latency="0.02", oldest_first=True)
