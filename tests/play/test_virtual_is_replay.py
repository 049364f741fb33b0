"""The virtual harness and the simulator's event kernel, fed with the same inference times: the same record."""

import numpy as np
import pytest

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.records import Record
from regretlab.rules import known_rules
from regretlab.simulation import replay
from tests.oracles.ring_environment import FRAME_TIME

FRAMES = 2500


@pytest.mark.parametrize("rule", known_rules(), ids=lambda rule: rule.name)
def test_the_event_kernel_replays_a_virtual_run(rule, tmp_path):
    hold = {"hold": 4} if rule.name == "frame-hold" else {}
    configuration = RunConfiguration(
        environment="tests.oracles.ring_environment:tests/Ring-v0",
        environment_options={"symbols": 4, "mode_probability": 0.9},
        policy="oracle",
        clock="virtual",
        emulate_latency="gamma(4, scale=0.012)",
        frames=FRAMES,
        seed=5,
        rule=rule.name,
        workers=1 if rule.single_worker else 5,
        **hold,
    )
    run(configuration, tmp_path)
    record = Record.open(tmp_path)
    rows = record.inferences.sort_values(["scheduled", "worker"], kind="stable")
    latencies = (rows["completion"] - rows["scheduled"]).to_numpy()
    # what was in flight at the end is not in the record: any long time stands for it
    log = replay(
        np.append(latencies, np.full(10, 10.0)),
        FRAME_TIME,
        workers=configuration.workers,
        rule=rule.name,
        frames=FRAMES - 100,
        first_estimate=record.meta["first_estimate"],
        hold=hold.get("hold", 0),
    )
    frames = record.frames.iloc[: FRAMES - 100]
    for column in ("frame", "served_by", "observation_frame", "delay_frames"):
        assert frames[column].tolist() == log.frames[column].tolist()
    assert frames["deadline"].to_numpy() == pytest.approx(log.frames["deadline"])
    mine = {
        (int(row["worker"]), int(row["observation_frame"]), int(row["effect_frame"]), bool(row["overwritten"]))
        for row in log.inferences
        if row["effect_frame"] >= 0
    }
    theirs = {
        (int(row.worker), int(row.observation_frame), int(row.effect_frame), bool(row.overwritten))
        for row in rows.itertuples()
        if 0 <= row.effect_frame < FRAMES - 100
    }
    assert mine == theirs
    assert len(mine) > 300
