"""Virtual clock: the same rules, environment and network in one process, on simulated time.

A discrete-event run: a heap of completions and starts, and the frame boundaries between them. Inference times come
from a law, one stream a worker, the same streams the emulated workers of a real run draw. Same configuration, same
record, byte for byte.
"""

import heapq
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RunError
from ..interrupts import deferred, uninterrupted
from ..progress import Progress
from ..records import RecordWriter
from ..records.schema import FRAMES, INFERENCES, FrameRow, InferenceRow, Output, row_dtype, whole_row
from ..rules import cancelling
from ..rules.state import boundary_at_or_after, boundary_at_or_before
from .configuration import RunConfiguration
from .latencies import LatencyStream
from .loop import Answer, EnvironmentPlan, FrameLoop, awaited_chunk, chosen_for_all, first_number, reported_tokens
from .preparation import Prepared, hold_of

if TYPE_CHECKING:
    from ..policies.policy import Policy
    from .learning.virtual_learning import VirtualLearning

__all__ = ["run_virtual"]

_CANCELLED, _COMPLETION, _START = -1, 0, 1  # at equal times the lower comes first
_BATCH = 2048


class _VirtualClock:
    """Simulated time: the workers and learners as events, and the frame boundaries between them (a ``FrameClock``).

    Events, rule and threshold count in frames, so that whole frames stay whole however many are added up; policies,
    learners and records have seconds.
    """

    def __init__(
        self,
        configuration: RunConfiguration,
        prepared: Prepared,
        learning: "VirtualLearning | None",
        writer: RecordWriter,
        progress: Progress,
    ) -> None:
        workers = configuration.workers
        self._learning, self._writer, self._progress = learning, writer, progress
        self._frames, self._frame_time = configuration.frames, prepared.environment.frame_time
        self._actions, self._numbers = prepared.environment.actions, prepared.environment.numbers
        self._policies: Sequence[Policy] = (
            prepared.build_policies(workers) if learning is None else learning.policies(workers)
        )
        self._symbols = prepared.policy.observes_symbol
        self._token_rate = configuration.tokens_per_second
        self._batch_seconds = None if configuration.batch_law is None else configuration.batch_seconds
        self._shown: deque[tuple[int, Any, int]] = deque(maxlen=configuration.batch)
        self._latencies = () if self._batch_seconds else _latencies(configuration, prepared)
        self._replicas = configuration.replicas
        self._cancel_after = configuration.given_threshold / self._frame_time
        self._threshold = configuration.threshold_state(1.0)
        self.first_estimate = min(configuration.given_threshold, self._warm_up())
        self._rule = configuration.staggering_rule
        self._state = self._rule.new_state(
            configuration.groups,
            1.0,
            alignment=configuration.alignment,
            hold=hold_of(configuration, prepared.environment.details),
            first_estimate=self.first_estimate / self._frame_time,
        )
        self._events: list[tuple[float, int, int, Any]] = [
            (0.0, _START, worker, None) for worker in range(configuration.groups)
        ]
        self._rows: list[FrameRow] = []
        self._finished: list[InferenceRow] = []
        self._under_way = 0

    def _warm_up(self) -> float:
        if self._batch_seconds is not None:
            return self._batch_seconds(1)
        firsts = [stream.warm_up for stream in self._latencies]
        races = [firsts[place : place + self._replicas] for place in range(0, len(firsts), self._replicas)]
        constant = max(map(min, races), default=0.0)
        if self._token_rate is None:
            return constant
        seen = self._policies[0].spec
        self._answer(0, np.zeros(seen.frame_shape, seen.frame_dtype), 0)
        return constant + self._token_seconds(0)

    def _token_seconds(self, worker: int) -> float:
        """Return how long the tokens take that a worker's policy reports for its last answer."""
        return 0.0 if self._token_rate is None else reported_tokens(self._policies[worker]) / self._token_rate

    def learned(self) -> dict[str, Any]:
        """Return what the rule has learned so far, as a record reports it."""
        learned = {} if not len(self._threshold) else cancelling.learned_threshold(self._threshold)
        learned |= self._rule.learned(self._state)
        seconds = {name: value * self._frame_time for name, value in learned.items() if name != "hold" and value}
        return learned | seconds

    def boundary(self, played: int) -> tuple[int, float]:
        """Return the next boundary, which is never late."""
        return played, 0.0

    def show(self, index: int, observation: Any, label: int) -> None:
        """Let workers and learners see a frame."""
        self._seen, self._label = observation, label
        if self._batch_seconds is not None:
            self._shown.append((index, observation, label))
        if self._learning is not None:
            self._learning.show(index, observation)

    def released(self, index: int) -> list[InferenceRow]:
        """Process all events up to and on frame boundary ``index``; return the outputs completed in them."""
        return self._advance(lambda now: boundary_at_or_after(now, 1.0) <= index)

    def within(self, index: int) -> list[InferenceRow]:
        """Process all further events before the next boundary; return the outputs completed in them."""
        return self._advance(lambda now: boundary_at_or_before(now, 1.0) <= index)

    def played(self, frame: FrameRow, finished: list[InferenceRow]) -> None:
        """Keep rows; write them when there are many."""
        self._rows.append(frame)
        if self._learning is not None:
            self._learning.played(frame)
        self._finished += finished
        if len(self._rows) == _BATCH:
            self._write(frame.frame + 1)

    def ended(self, unfinished: list[InferenceRow]) -> None:
        """Keep the rows of what never reached a frame."""
        self._finished += unfinished

    def flush(self) -> None:
        """Write the rows that are left."""
        if self._rows and self._writer.is_writable:
            self._write(self._rows[-1].frame + 1)

    def _write(self, played: int) -> None:
        with deferred():
            self._writer.append_frames(self._table(FRAMES, self._rows))
            self._writer.append_inferences(self._table(INFERENCES, self._finished))
            if self._learning is not None and len(steps := self._learning.take_steps()):
                self._writer.append_learning_steps(steps)
            self._rows, self._finished = [], []
        self._progress(played, self._frames, "playing (virtual clock)")

    def _table(self, name: str, rows: Sequence[FrameRow | InferenceRow]) -> NDArray[np.void]:
        numbers = self._numbers
        return np.array([whole_row(row, numbers) for row in rows] if numbers else rows, row_dtype(name, numbers))

    def _advance(self, reached: Callable[[float], bool]) -> list[InferenceRow]:
        outputs: list[InferenceRow] = []
        frame_time = self._frame_time
        while reached(self._events[0][0]):
            now, kind, worker, begun = heapq.heappop(self._events)
            if kind == _CANCELLED:
                self._under_way -= self._replicas
                scheduled, given_up = begun
                self._rule.on_completion(self._state, worker, scheduled, now)
                self._note(worker, now - scheduled, completed=False)
                self._finished += [row._replace(freed=now * frame_time) for row in given_up]
                heapq.heappush(self._events, (now, _START, worker, None))
                continue
            if kind == _COMPLETION:
                scheduled, answers, in_flight, winner, lost = begun
                self._under_way -= self._replicas
                self._finished += [row._replace(freed=now * frame_time) for row in lost]
                self._note(worker, now - scheduled, completed=True)
                release = float(self._rule.on_completion(self._state, worker, scheduled, now))
                for frame, answer, label in answers:
                    row = InferenceRow(
                        worker=winner,
                        dispatch=scheduled * frame_time,
                        scheduled=scheduled * frame_time,
                        observation_frame=frame,
                        completion=now * frame_time,
                        release=release * frame_time,
                        action=answer if isinstance(answer, int) else first_number(answer),
                        label=label,
                        in_flight=in_flight,
                    )
                    outputs.append(row if isinstance(answer, int) else Output.of(row, answer))
                pause = 0.0 if self._learning is None else self._learning.block(now * frame_time) / frame_time
                if pause:  # the cycle ends later than the output was ready, and the rule uses its end
                    self._rule.on_completion(self._state, worker, scheduled, now + pause)
                heapq.heappush(self._events, (now + pause, _START, worker, None))
                continue
            start = float(self._rule.next_start(self._state, worker, now))
            if start > now:
                heapq.heappush(self._events, (start, _START, worker, None))
                continue
            self._rule.on_dispatch(self._state, worker, start)
            self._under_way += self._replicas
            if self._batch_seconds is not None:
                batch = self._batch(worker)
                begun = start, batch, self._under_way, worker, ()
                heapq.heappush(
                    self._events, (start + self._batch_seconds(len(batch)) / frame_time, _COMPLETION, worker, begun)
                )
                continue
            answer = None if self._token_rate is None else self._infer(worker, start)
            runners = range(worker * self._replicas, (worker + 1) * self._replicas)
            drawn = {each: self._latencies[each].next() if self._latencies else 0.0 for each in runners}
            winner = min(drawn, key=drawn.__getitem__)
            takes = (self._token_seconds(worker) + drawn[winner]) / frame_time
            if not takes:
                raise RunError(
                    f"policy '{self._policies[worker].spec.name}' reports 0 tokens, and its inference would take no "
                    "time: give an inference time, the constant that is added"
                )
            limit = self._cancel_after
            if len(self._threshold):
                limit = float(cancelling.begin(self._threshold, worker))
            given_up = [
                InferenceRow(
                    worker=each,
                    dispatch=start * frame_time,
                    scheduled=start * frame_time,
                    observation_frame=int(boundary_at_or_before(start, 1.0)),
                    label=self._label,
                    in_flight=self._under_way,
                    cancelled=True,
                )
                for each in runners
                if takes > limit or each != winner
            ]
            if takes > limit:
                heapq.heappush(self._events, (start + limit, _CANCELLED, worker, (start, given_up)))
                continue
            frame = int(boundary_at_or_before(start, 1.0))
            answer = self._infer(winner, start) if answer is None else answer
            begun = start, [(frame, answer, self._label)], self._under_way, winner, given_up
            heapq.heappush(self._events, (start + takes, _COMPLETION, worker, begun))
        return outputs

    def _note(self, worker: int, frames: float, *, completed: bool) -> None:
        """Let the threshold of cancelling learn."""
        if len(self._threshold):
            cancelling.ended(self._threshold, worker, frames, completed)

    def _infer(self, worker: int, start: float) -> Answer:
        """Let a worker choose an action, or a chunk of them, for what is on the screen now."""
        if self._learning is not None:
            self._learning.until(start * self._frame_time)
        return self._answer(worker, self._seen, self._label)

    def _batch(self, worker: int) -> list[tuple[int, Answer, int]]:
        """Return frame, answer and symbol of the observations since the last batch."""
        shown = list(self._shown)
        self._shown.clear()
        observations = [label if self._symbols else seen for _, seen, label in shown]
        answers = chosen_for_all(self._policies[worker], observations, self._actions)
        return [(frame, answer, label) for (frame, _, label), answer in zip(shown, answers, strict=True)]

    def _answer(self, worker: int, seen: Any, label: int) -> Answer:
        return awaited_chunk(self._policies[worker], label if self._symbols else seen, self._actions)

    def close(self) -> None:
        """Close the connections to a policy server."""
        for policy in self._policies:
            if (close := getattr(policy, "close", None)) is not None and policy.spec.is_served:
                close()


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
        Called with how far the run is.
    """
    learning = _learning(configuration, prepared)
    complete, learned = False, {}
    try:
        _play(configuration, prepared, learning, writer, progress)
        complete = True
        if learning is not None:
            learned = {"learning": learning.finish(writer.directory, configuration.frames)}
    finally:
        with uninterrupted():
            writer.close(complete=complete, missed_frames=0, restarts=0, **learned)


@contextmanager
def _exit_is_an_error() -> Iterator[None]:
    """Let code of the user that calls ``os._exit`` in this process raise: it would end the run without a word."""
    end, own = os._exit, os.getpid()

    def refuse(code: int) -> None:
        if os.getpid() != own:
            end(code)
        raise SystemExit(code)

    os._exit = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = end


def _learning(configuration: RunConfiguration, prepared: Prepared) -> "VirtualLearning | None":
    if not configuration.learns:
        return None
    from .learning.virtual_learning import VirtualLearning

    return VirtualLearning(configuration, prepared)


def _latencies(configuration: RunConfiguration, prepared: Prepared) -> Sequence[LatencyStream]:
    law = configuration.emulated_law()
    if law is None:
        return ()
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
    clock = _VirtualClock(configuration, prepared, learning, writer, progress)
    looked_at = configuration.learns or not prepared.policy.observes_symbol
    loop = FrameLoop(EnvironmentPlan.of(configuration, prepared.environment, looked_at=looked_at))
    try:
        writer.update_meta(first_estimate=clock.first_estimate)
        try:
            with _exit_is_an_error():
                loop.run(clock)
        finally:
            clock.flush()  # a run that breaks off keeps the frames that it played
        writer.update_meta(**clock.learned())
    finally:
        clock.close()
        loop.game.close()
