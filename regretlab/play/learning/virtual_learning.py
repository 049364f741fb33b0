"""Learning on simulated time: learners as events, the same store, gradients and order of updates as real ones.

A learner that is idle draws a batch as soon as one is due and copies the weights; its gradient is ready after an
emulated time and is applied in the order in which the batches were drawn. With blocking learning there is no learner:
the worker takes a step itself after each inference, and the world does not wait.
"""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...play.learning.acting import ExploringPolicy, held_exploration
from ...policies.learning.replay import BatchDrawer, ReplayStore, replay_fields
from ...policies.learning.updates import GradientComputer
from ...policies.parameters import parameter_count
from ...policies.policy import build_policy
from ...records.schema import LEARNING_DTYPE, FrameRow, LearningRow
from ..configuration import RunConfiguration
from ..latencies import LEARNER_STREAM, LatencyStream
from ..preparation import Prepared
from ..system.arena import Arena
from .checkpoints import first_state, save_checkpoint
from .state import LearnedState, state_fields
from .transitions import TransitionWriter

__all__ = ["VirtualLearning"]


class VirtualLearning:
    """What is learned in a run on the virtual clock.

    Parameters
    ----------
    configuration
        A run with learners or blocking learning.
    prepared
        Its environment and policy.
    """

    def __init__(self, configuration: RunConfiguration, prepared: Prepared) -> None:
        environment, spec = prepared.environment, prepared.policy
        self._settings, self._spec = configuration.learning, spec
        self._frame_time, self._seed = environment.frame_time, configuration.seed
        self._arena = Arena(
            {
                **replay_fields(self._settings.replay, environment.frame_shape, environment.frame_dtype),
                **state_fields(1, parameter_count(spec)),
            }
        )
        self._store = ReplayStore(self._arena, self._settings.steps)
        self._state = LearnedState(self._arena, self._settings)
        self._state.prepare(first_state(spec, configuration.resume))
        self._transitions = TransitionWriter(self._arena, self._settings)
        self._blocking = configuration.blocking_learning
        learners = range(1 if self._blocking else configuration.learners)
        self._drawers = [
            BatchDrawer(self._store, self._settings, (self._seed, LEARNER_STREAM + learner, 0)) for learner in learners
        ]
        self._computers = [
            GradientComputer(spec, self._settings.gradient_clip, double=self._settings.double) for _ in learners
        ]
        self._latencies = prepared.learning_latencies or _latencies(configuration, len(learners))
        self._idle = list(learners)
        self._computing: list[tuple[float, int, int, float]] = []  # heap of (ready at, ticket, learner, began)
        self._ready: dict[int, tuple[int, float, float]] = {}  # the same by ticket, of those who wait for earlier ones
        self._rows: list[LearningRow] = []
        self._drawn, self._applied, self._frame, self._busy = 0, 0, 0, 0.0

    def policies(self, workers: int) -> list[ExploringPolicy]:
        """Return the policy of each worker: one network with the present weights, an exploration of its own."""
        network = build_policy(self._spec, parameters=self._state.weights)

        def epsilon() -> float:
            return self._settings.exploration(self._state.past_frames + self._frame)

        held = held_exploration(self._settings, self._seed, lambda: self._frame)
        return [ExploringPolicy(network, epsilon, (self._seed, worker), held) for worker in range(workers)]

    def until(self, now: float) -> None:
        """Let the learners work up to an instant."""
        while self._computing and self._computing[0][0] <= now:
            instant, ticket, learner, began = heapq.heappop(self._computing)
            self._ready[ticket] = learner, began, instant
            while (first := self._ready.pop(self._applied, None)) is not None:
                self._apply(*first, instant)
                self._idle.append(first[0])
            self._begin(instant)

    def show(self, index: int, pixels: NDArray[Any]) -> None:
        """Take in the frame that is on the screen from boundary ``index`` on."""
        self._frame = index
        self._transitions.show(index, pixels)

    def played(self, frame: FrameRow) -> None:
        """Take in how a frame was played: what it earned is known at the next boundary."""
        self._transitions.played(frame)
        if not self._blocking:
            boundary = (frame.frame + 1) * self._frame_time
            self.until(boundary)
            self._begin(boundary)

    def block(self, completion: float) -> float:
        """Take a step between two inferences, if one is due; return how many seconds it took."""
        if not self._blocking or not self._drawers[0].is_due(self._drawn):
            return 0.0
        self._compute(0)
        taken = self._latencies[0].next()
        self._apply(0, completion, completion + taken, completion + taken)
        self._busy += taken
        return taken

    def take_steps(self) -> NDArray[np.void]:
        """Return the rows of all learning steps applied since the last call."""
        rows, self._rows = np.array(self._rows, LEARNING_DTYPE), []
        return rows

    def finish(self, folder: Any, frames: int) -> dict[str, Any]:
        """Write the checkpoint; return what the record says about the learning."""
        save_checkpoint(folder, self._spec, self._state.copy(frames))
        return {
            "transitions": self._store.written,
            "counted": self._settings.counted(self._store.written),
            "batches": self._drawn,
            "updates": self._applied,
            "busy_seconds": round(self._busy, 6),
            "restarts": 0,
        }

    def _begin(self, now: float) -> None:
        """Let idle learners draw what is due."""
        self._idle.sort()
        while self._idle and self._drawers[self._idle[0]].is_due(self._drawn):
            learner, ticket = self._idle.pop(0), self._drawn
            self._compute(learner)
            taken = self._latencies[learner].next()
            self._busy += taken
            heapq.heappush(self._computing, (now + taken, ticket, learner, now))

    def _compute(self, learner: int) -> None:
        computer = self._computers[learner]
        np.copyto(computer.weights, self._state.weights)
        np.copyto(computer.target, self._state.target)
        batch = self._drawers[learner].draw()
        computer.compute(batch)
        self._drawers[learner].learned(batch, computer.differences)
        self._drawn += 1

    def _apply(self, learner: int, began: float, ready: float, instant: float) -> None:
        self._state.apply(self._computers[learner].gradient)
        self._rows.append(
            LearningRow(learner=learner, batch=self._applied, began=began, ready=ready, turn=instant, applied=instant)
        )
        self._applied += 1


def _latencies(configuration: RunConfiguration, learners: int) -> Sequence[LatencyStream]:
    law = configuration.learning_law()
    assert law is not None
    return [LatencyStream(law, configuration.seed, LEARNER_STREAM + learner) for learner in range(learners)]
