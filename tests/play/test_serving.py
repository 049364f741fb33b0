"""Which output serves a frame, and what the default behaviour does."""

import gymnasium
import numpy as np

from regretlab.play.loop import DefaultBehaviour, EnvironmentPlan, FrameLoop, FrameService
from regretlab.policies.learning import LearningSettings
from regretlab.records.schema import FrameRow, InferenceRow


def _output(worker, observed, release, scheduled=0.0):
    times = {"dispatch": scheduled, "scheduled": scheduled, "completion": release, "release": release}
    return InferenceRow(worker=worker, observation_frame=observed, action=5, label=3, **times)


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


def test_from_the_age_limit_on_no_output_acts():
    service = FrameService(1.0, kept=2, age_limit=3)
    for worker in range(3):
        service.add(_output(worker, worker, 2.5))
    assert service.choose(3).worker == 2
    assert service.choose(4) is None  # the next freshest is three frames old now
    fates = {output.worker: (output.effect_frame, output.overwritten) for output in service.finished()}
    assert fates == {0: (3, True), 1: (4, True), 2: (3, False)}
    chunk = FrameService(1.0, age_limit=3, lasts=True)
    chunk.add(_output(0, 0, 0.5))
    assert [chunk.choose(frame) is not None for frame in range(1, 5)] == [True, True, False, False]


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


class _ScriptedClock:
    """Boundaries 3, 4 and 6 (5 was missed); one output is there at 4, one completes within 4 and is due at 6."""

    def __init__(self):
        self.calls = []

    def boundary(self, played):
        return [(3, 0.0), (4, 0.5), (6, 0.0)][played]

    def show(self, index, observation, label):
        self.calls.append(("show", index, int(observation), label))

    def released(self, index):
        return [_output(1, 2, 3.5)] if index == 4 else []

    def within(self, index):
        return [_output(0, 3, 4.5)] if index == 4 else []

    def played(self, frame, finished):
        self.calls.append(("played", frame, [(output.worker, output.effect_frame) for output in finished]))

    def ended(self, unfinished):
        self.calls.append(("ended", len(unfinished)))


class _Counting(gymnasium.Env):
    """Shows how many steps were taken; its reward is the action."""

    action_space = gymnasium.spaces.Discrete(9)
    default_action = 7

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return np.int64(self.steps), {"symbol": 10}

    def step(self, action):
        self.steps += 1
        return np.int64(self.steps), float(action), False, self.steps == 2, {"symbol": 10 + self.steps}


def test_the_loop_plays_what_the_clock_brings():
    shown = {"frame_shape": (), "frame_dtype": np.dtype(np.int64)}
    learning = LearningSettings(discount=1.0)
    plan = EnvironmentPlan(
        "", {}, 3, 1.0, default_behaviour="noop", default_action=None, seed=0, learning=learning, **shown
    )
    clock = _ScriptedClock()
    FrameLoop(plan, _Counting()).run(clock)
    unserved = {"served_by": -1, "observation_frame": -1, "delay_frames": -1}
    frames = [
        FrameRow(frame=3, deadline=3.0, lateness=0.0, action=7, reward=7.0, label=10, **unserved),
        FrameRow(
            4,
            4.0,
            0.5,
            5,
            served_by=1,
            observation_frame=2,
            delay_frames=2,
            reward=5.0,
            truncated=True,
            label=11,
            entry=0,
        ),
        FrameRow(6, 6.0, 0.0, 5, served_by=0, observation_frame=3, delay_frames=3, reward=5.0, label=10, entry=0),
    ]
    assert clock.calls == [
        ("show", 3, 0, 10),
        ("played", frames[0], []),
        ("show", 4, 1, 11),
        ("played", frames[1], [(1, 4)]),
        ("show", 6, 0, 10),
        ("played", frames[2], [(0, 6)]),
        ("ended", 0),
    ]
