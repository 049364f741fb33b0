"""Virtual clock: the same rules, environment and network in one process, on simulated time.

A discrete-event run: a heap of completions and starts, and the frame boundaries between them. Inference times come
from a law, one stream a worker, the same streams the emulated workers of a real run draw. Same configuration, same
record, byte for byte.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..games import make_game
from ..records import FRAME_DTYPE, INFERENCE_DTYPE, RecordWriter
from ..rules.state import boundary_at_or_after, boundary_at_or_before
from .configuration import RunConfiguration
from .latencies import LatencyStream
from .local import Progress
from .preparation import Prepared, hold_of
from .serving import DefaultBehaviour, FrameService, Output, PlayedFrame, checked_action

if TYPE_CHECKING:
    from ..policies.policy import Policy
    from .learning.virtual_learning import VirtualLearning

__all__ = ["run_virtual"]

_COMPLETION, _START = 0, 1  # at equal times completions come first
_BATCH = 2048

Think = Callable[[int, float], tuple[int, int]]
"""Let a worker infer on what is on the screen now: (worker, start) -> (action, label)."""
Pause = Callable[[float], float]
"""What a worker does after an inference: completion -> seconds until it is idle."""


class _VirtualWorkers:
    """The workers on simulated time: who completes and who starts up to a given instant."""

    def __init__(
        self,
        configuration: RunConfiguration,
        prepared: Prepared,
        latencies: Sequence[LatencyStream],
        pause: Pause = lambda completion: 0.0,
    ) -> None:
        self._pause = pause
        workers = configuration.workers
        frame_time = prepared.environment.frame_time
        self._rule, self._frame_time = configuration.staggering_rule, frame_time
        self._latencies = latencies
        self.first_estimate = max(stream.warm_up for stream in self._latencies)
        self._state = self._rule.new_state(
            workers,
            frame_time,
            alignment=configuration.alignment,
            hold=hold_of(configuration, prepared.environment.details),
            first_estimate=self.first_estimate,
        )
        self._events: list[tuple[float, int, int, Any]] = [(0.0, _START, worker, None) for worker in range(workers)]

    def learned(self) -> dict[str, float | int]:
        """Return what the rule has learned so far, as a record reports it."""
        return self._rule.learned(self._state)

    def until_boundary(self, index: int, think: Think) -> list[Output]:
        """Process all events up to and on frame boundary ``index``; return the outputs completed in them."""
        return self._advance(lambda now: boundary_at_or_after(now, self._frame_time) <= index, think)

    def within_frame(self, index: int, think: Think) -> list[Output]:
        """Process all further events before the next boundary; return the outputs completed in them."""
        return self._advance(lambda now: boundary_at_or_before(now, self._frame_time) <= index, think)

    def _advance(self, reached: Callable[[float], bool], think: Think) -> list[Output]:
        outputs: list[Output] = []
        while reached(self._events[0][0]):
            now, kind, worker, output = heapq.heappop(self._events)
            if kind == _COMPLETION:
                release = float(self._rule.on_completion(self._state, worker, output.scheduled, now))
                outputs.append(output._replace(completion=now, release=release))
                pause = self._pause(now)
                if pause:  # the cycle ends later than the output was ready, and the rule goes by its end
                    self._rule.on_completion(self._state, worker, output.scheduled, now + pause)
                heapq.heappush(self._events, (now + pause, _START, worker, None))
                continue
            start = float(self._rule.next_start(self._state, worker, now))
            if start > now:
                heapq.heappush(self._events, (start, _START, worker, None))
                continue
            self._rule.on_dispatch(self._state, worker, start)
            observed = int(boundary_at_or_before(start, self._frame_time))
            action, label = think(worker, start)
            output = Output(worker, start, start, observed, -1.0, -1.0, -1, False, action, label, False)
            heapq.heappush(self._events, (start + self._latencies[worker].next(), _COMPLETION, worker, output))
        return outputs


def run_virtual(configuration: RunConfiguration, prepared: Prepared, writer: RecordWriter, progress: Progress) -> None:
    """Play a run on the virtual clock and record it.

    Parameters
    ----------
    configuration
        What to run (clock "virtual", so with a law of inference times).
    prepared
        The environment's description and the policy with its weights.
    writer
        Where to; closed in any case, complete only if all frames were played.
    progress
        Told how far the run is.
    """
    learning = _learning(configuration, prepared)
    complete, learned = False, {}
    try:
        _play(configuration, prepared, learning, writer, progress)
        complete = True
        if learning is not None:
            learned = {"learning": learning.finish(writer.directory, configuration.frames)}
    finally:
        writer.close(complete=complete, missed_frames=0, restarts=0, **learned)


def _learning(configuration: RunConfiguration, prepared: Prepared) -> "VirtualLearning | None":
    if not configuration.learns:
        return None
    from .learning.virtual_learning import VirtualLearning

    return VirtualLearning(configuration, prepared)


def _latencies(configuration: RunConfiguration, prepared: Prepared) -> Sequence[LatencyStream]:
    law = configuration.emulated_law()
    assert law is not None
    return prepared.latencies or [
        LatencyStream(law, configuration.seed, worker) for worker in range(configuration.workers)
    ]


def _play(
    configuration: RunConfiguration,
    prepared: Prepared,
    learning: "VirtualLearning | None",
    writer: RecordWriter,
    progress: Progress,
) -> None:
    frame_time, total = prepared.environment.frame_time, configuration.frames
    actions = prepared.environment.actions
    policies: Sequence[Policy]
    if learning is None:
        policies = prepared.build_policies(configuration.workers)
    else:
        policies = learning.policies(configuration.workers)
    game = make_game(configuration.environment, **configuration.environment_options)
    try:
        observation, info = game.reset(seed=configuration.seed)
        default = DefaultBehaviour.of(
            game, configuration.default_behaviour, configuration.seed, configuration.default_action
        )
        pause: Pause = (lambda completion: 0.0) if learning is None else learning.block
        workers = _VirtualWorkers(configuration, prepared, _latencies(configuration, prepared), pause)
        service = FrameService(frame_time)
        writer.update_meta(first_estimate=workers.first_estimate)
        frames: list[PlayedFrame] = []
        inferences: list[Output] = []
        label = int(info.get("symbol", -1))

        def think(worker: int, start: float) -> tuple[int, int]:
            if learning is not None:
                learning.until(start)
            return checked_action(policies[worker].act(observation, label), actions), label

        for index in range(total):
            if learning is not None:
                learning.show(index, observation)
            for output in workers.until_boundary(index, think):
                service.add(output)
            served = service.choose(index)
            action = default.action(None if served is None else served.action)
            for output in workers.within_frame(index, think):
                service.add(output)
            observed_label = label
            observation, reward, terminated, truncated, info = game.step(action)
            outcome = (float(reward), bool(terminated), bool(truncated))
            frames.append(PlayedFrame.of(index, index * frame_time, 0.0, action, served, outcome, observed_label))
            if learning is not None:
                learning.played(frames[-1])
            inferences += service.finished()
            if terminated or truncated:
                observation, info = game.reset()
            label = int(info.get("symbol", -1))
            if len(frames) == _BATCH or index == total - 1:
                if index == total - 1:
                    inferences += service.unfinished()
                writer.append_frames(np.array(frames, FRAME_DTYPE))
                writer.append_inferences(np.array(inferences, INFERENCE_DTYPE))
                if learning is not None and len(steps := learning.take_steps()):
                    writer.append_learning_steps(steps)
                frames, inferences = [], []
                progress(index + 1, total, "playing (virtual clock)")
        writer.update_meta(**workers.learned())
    finally:
        game.close()
