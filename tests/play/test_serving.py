"""Which output serves a frame, and what the default behaviour does."""

import pytest

from regretlab.play.serving import DefaultBehaviour, FrameService, Output, PlayedFrame
from regretlab.records import FRAME_DTYPE, INFERENCE_DTYPE


def _output(worker, observed, release, scheduled=0.0):
    return Output(worker, scheduled, scheduled, observed, release, release, -1, False, 5, 3, False)


def test_rows_have_the_order_of_the_record():
    assert Output._fields == INFERENCE_DTYPE.names
    assert PlayedFrame._fields == FRAME_DTYPE.names


def test_an_output_serves_the_first_frame_at_or_after_its_release():
    service = FrameService(0.1)
    service.add(_output(0, 0, 0.21))
    assert service.choose(1) is None
    assert service.choose(2) is None
    assert service.choose(3).worker == 0
    assert service.choose(4) is None
    (finished,) = service.finished()
    assert (finished.effect_frame, finished.overwritten) == (3, False)


def test_a_release_on_a_boundary_counts_for_it_in_spite_of_rounding():
    service = FrameService(0.1)
    service.add(_output(0, 0, 3 * 0.1))  # 0.30000000000000004
    assert service.choose(3) is not None


def test_an_output_never_serves_the_frame_it_observed():
    service = FrameService(0.1)
    service.add(_output(0, 2, 0.2))
    assert service.choose(2) is None
    assert service.choose(3) is not None


def test_the_freshest_observation_wins_then_the_later_start():
    service = FrameService(1.0)
    service.add(_output(0, 4, 5.5))
    service.add(_output(1, 3, 5.9))
    service.add(_output(2, 4, 5.2, scheduled=4.5))
    assert service.choose(6).worker == 2
    fates = {output.worker: (output.effect_frame, output.overwritten) for output in service.finished()}
    assert fates == {0: (6, True), 1: (6, True), 2: (6, False)}


def test_what_never_reaches_a_frame_is_reported_as_such():
    service = FrameService(1.0)
    service.add(_output(0, 4, 9.0))
    assert service.choose(6) is None
    assert [output.effect_frame for output in service.unfinished()] == [-1]


def test_default_behaviours():
    assert [DefaultBehaviour("noop", 0, 5, 0).action(a) for a in (3, None, None)] == [3, 0, 0]
    repeat = DefaultBehaviour("repeat", 0, 5, 0)
    assert [repeat.action(a) for a in (None, 3, None, 4, None)] == [0, 3, 3, 4, 4]
    first, second, other = (DefaultBehaviour("random", 0, 5, seed) for seed in (0, 0, 1))
    drawn = [first.action(None) for _ in range(200)]
    assert set(drawn) == set(range(5))
    assert drawn == [second.action(None) for _ in range(200)]
    assert drawn != [other.action(None) for _ in range(200)]


@pytest.mark.parametrize("served", [None, _output(2, 4, 5.5)])
def test_a_played_frame_says_who_served_it(served):
    row = PlayedFrame.of(6, 6.0, 1e-5, 5, served, (1.0, False, False), 3)
    expected = (-1, -1, -1) if served is None else (2, 4, 2)
    assert (row.served_by, row.observation_frame, row.delay_frames) == expected
