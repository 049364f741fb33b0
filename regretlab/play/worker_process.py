"""An inference worker's process: waits for its slot, looks at the newest frame, runs the network, posts the action.

When to start and when an output is released is the rule's to say; the rule's state is shared by all workers and changed
under one short lock that the environment never takes.
"""

import math
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import AnswerLost, InferenceStopped
from ..laws import Law
from ..policies import PolicySpec
from ..policies.policy import NetworkPolicy, Policy, build_policy
from ..records.schema import InferenceRow
from ..rules import cancelling
from ..rules.rule import StaggeringRule
from ..rules.state import boundary_at_or_before
from .latencies import LatencyStream
from .learning.acting import BlockingLearner, exploring_policy
from .learning.learner_process import LearnerPlan
from .loop import Answer, chosen_chunk, chosen_for_all, with_answer
from .preparation import policy_of_worker
from .races import Race
from .system.arena import Arena
from .system.board import EPOCH, HEAD, STOP, WORKERS, Board, Frame
from .system.clock import RealClock, WaitingPriority, sharpen_timers
from .system.processes import become_child, compile_transitions
from .system.synchronisation import RobustLock, SemaphoreRow

__all__ = ["LONGEST_WAIT", "WARMUP_INFERENCES", "InferenceWorker", "WorkerPlan", "serve", "stand_by"]

LONGEST_WAIT = 0.25
"""Seconds a worker waits before it looks whether the run has ended."""
READY_POLL = 0.02
"""Seconds between two looks of a ready worker at whether the clock is set: a hundred that looked each millisecond would
keep the others from getting ready. The clock is set longer ahead than that."""
WARMUP_INFERENCES = 8
"""Inferences before the run: the slowest but one of them primes rules that space their starts."""
ANNOUNCEMENT = 0.025
"""Seconds ahead of its end that an emulated inference is posted: more than a busy machine takes to wake a process."""
SPIN = 0.0003
"""Seconds before a frame from which on the worker that has claimed it spins (only at realtime priority: an ordinary
process that spins would be kept from its core by the environment just then)."""
LONGEST_SPIN = 0.001
"""Seconds after a frame's deadline until which it is spun for; if it is later than that, the worker sleeps again."""
REPLACEMENT_GRACE = 0.005
"""Seconds past its threshold that an inference without layers gets before its worker is replaced, which costs more."""
LOSERS_POLL = 0.0005
"""Seconds between two looks of a worker that has lost a race at whether the next may begin."""
_NO_CLAIM = -1


@dataclass(frozen=True)
class WorkerPlan:
    """What the worker processes receive.

    ``emulated_law`` pads every inference to a law (None: as fast as this machine infers). Where the workers cancel, an
    inference is given up after ``cancel_after`` seconds, or when the threshold says that the arena holds; ``replicas``
    workers race on each observation. With ``batch_seconds`` the worker infers on all new observations together,
    ``batch`` of them at most, in the seconds that it returns for their number.
    """

    policy: PolicySpec
    rule: StaggeringRule
    aligned: bool
    frame_time: float
    actions: int
    seed: int
    emulated_law: Law | None
    learner: LearnerPlan | None = None
    cancel_after: float = math.inf
    cancels: bool = False
    replicas: int = 1
    batch: int = 0
    batch_seconds: Callable[[int], float] | None = None


def serve(arena: Arena, plan: WorkerPlan, worker: int, attempt: int, learning: Arena | None = None) -> None:
    """Run a worker's process (the target of its ``Process``); ``attempt`` counts the restarts of this slot.

    ``learning`` holds the weights where the policy is trained while it plays.
    """
    become_child(f"rl-worker-{worker}")
    board = Board(arena)
    try:
        policy, blocking = _policy(board, plan, worker, attempt, learning)
        board.arena["owners"][worker, 1] = os.getpid()
        priority = WaitingPriority()
        if worker == 0:
            board.report_priority(WORKERS, str(priority))
        sharpen_timers()
        InferenceWorker(board, plan, worker, attempt, policy, priority, blocking=blocking).run()
    except BaseException:
        board.report_error(worker, traceback.format_exc())
        raise SystemExit(1) from None


def stand_by(arena: Arena, plan: WorkerPlan, number: int, spare: int) -> None:
    """Run a spare's process: with its policy ready, take the slot of the first worker that infers too long.

    That worker is killed in its inference, which is recorded as cancelled; a policy without layers cannot stop.
    """
    become_child(f"rl-spare-{spare}")
    board = Board(arena)
    slot = board.spare_slot(spare)
    try:
        policy, _ = _policy(board, plan, number, 0, None)
        priority = WaitingPriority()
        sharpen_timers()
        if (taken := _relieve(board, plan, number, spare, policy)) is not None:
            slot, now = taken
            InferenceWorker(board, plan, slot, number, policy, priority, number=number).play(now)
    except BaseException:
        board.report_error(slot, traceback.format_exc())
        raise SystemExit(1) from None


def _relieve(board: Board, plan: WorkerPlan, number: int, spare: int, policy: Policy) -> tuple[int, float] | None:
    """Wait until a worker infers too long and take its slot; return it and the time, or None when the run ends."""
    control, arena = board.control, board.arena
    in_flight, busy, owners = arena["in_flight"], arena["busy"], arena["owners"]
    lock = RobustLock(arena["rule_lock"])
    compile_transitions()
    chosen_chunk(policy, np.zeros(plan.policy.frame_shape, plan.policy.frame_dtype), plan.actions)
    arena["spares_ready"][spare] = 1
    while not control[EPOCH]:
        if control[STOP]:
            return None
        time.sleep(READY_POLL)
    clock, threshold = RealClock(int(control[EPOCH])), arena["threshold"]
    limits = threshold[cancelling.LIMITS :] if len(threshold) else np.full(len(busy), plan.cancel_after)
    while not control[STOP]:
        # what starts while this process sleeps is not overdue before it wakes
        starts = np.where((busy == 1) & np.isnan(in_flight["completion"]), in_flight["scheduled"], math.inf)
        due = starts + limits + REPLACEMENT_GRACE
        worker = int(due.argmin())
        if (wait := float(due[worker]) - clock.now()) > 0.0:
            time.sleep(min(wait, float(limits.min()) + REPLACEMENT_GRACE, LONGEST_WAIT))
            continue
        with lock.hold():
            row = InferenceRow._make(in_flight[worker].item())
            if not busy[worker] or not math.isnan(row.completion) or row.scheduled != starts[worker]:
                continue  # it has completed meanwhile
            overdue = int(owners[worker, 1])
            owners[worker] = number, os.getpid()
            arena["spares_ready"][spare] = 0
            now = clock.now()
            plan.rule.on_completion(arena["rule_state"], worker, row.scheduled, now)
            if len(threshold):
                cancelling.ended(threshold, worker, now - row.scheduled, False)
        with suppress(ProcessLookupError):
            os.kill(overdue, signal.SIGKILL)
        board.post(worker, row._replace(cancelled=True, freed=now))
        busy[worker] = 0
        return worker, now
    return None


def _policy(
    board: Board, plan: WorkerPlan, worker: int, attempt: int, learning: Arena | None
) -> tuple[Policy, BlockingLearner | None]:
    """Return the worker's policy, and what it learns with between two inferences."""
    if learning is None or plan.learner is None:
        parameters = board.arena["parameters"] if plan.policy.has_network else None
        return build_policy(policy_of_worker(plan.policy, worker), parameters=parameters), None
    policy = exploring_policy(learning, plan.learner, worker, attempt, lambda: int(board.control[HEAD]))
    return policy, BlockingLearner(learning, plan.learner, attempt) if plan.learner.blocking else None


class InferenceWorker:
    """One worker: the board, its rule and its network.

    Parameters
    ----------
    board, plan, worker, attempt
        Of the run; the slot, and how often it was filled before.
    policy
        What infers.
    priority
        At which it waits.
    blocking
        What learns between two inferences, if anything does.
    number
        Of this process among those that may own the slot; the slot's own by default.
    """

    def __init__(
        self,
        board: Board,
        plan: WorkerPlan,
        worker: int,
        attempt: int,
        policy: Policy,
        priority: WaitingPriority,
        *,
        blocking: BlockingLearner | None = None,
        number: int | None = None,
    ) -> None:
        self._board, self._plan, self._worker, self._attempt = board, plan, worker, attempt
        self._policy, self._priority, self._blocking = policy, priority, blocking
        self._control, self._claims, self._beats = board.control, board.arena["claims"], board.arena["beats"]
        self._semaphores = SemaphoreRow(board.arena["semaphores"])
        self._lock = RobustLock(board.arena["rule_lock"])
        self._state = board.arena["rule_state"]
        self._latencies = LatencyStream.of(plan.emulated_law, plan.seed, worker, attempt)
        self._batched = -1
        self._owners, self._number = board.arena["owners"], worker if number is None else number
        self._threshold = board.arena["threshold"]
        self._race: Race | None = None
        self._group = worker
        if plan.replicas > 1:
            self._race = Race(board.arena, plan.emulated_law, plan.seed, worker, plan.replicas)
            self._group = self._race.group
        stops = plan.cancels or plan.replicas > 1
        self._layered = policy if isinstance(policy, NetworkPolicy) and stops else None
        if self._layered is not None:
            self._layered.stop_at_layers()
            if self._race is not None and plan.emulated_law is None:
                self._layered.is_over = self._race.is_over

    def act(self, frame: Frame) -> Answer:
        """Return what the policy chooses for a frame."""
        return chosen_chunk(self._policy, self._seen(frame), self._plan.actions)

    def _seen(self, frame: Frame) -> int | NDArray[np.generic]:
        return frame.label if self._plan.policy.observes_symbol else frame.pixels

    def beat(self) -> None:
        """Let the supervisor see that this worker is alive: between any two of its waits, of ``LONGEST_WAIT`` each."""
        self._beats[self._worker] += 1

    def processor_time(self) -> float:
        """Return the processor seconds that this worker has used."""
        return time.process_time()

    def run(self) -> None:
        """Get ready, wait for the start, then infer until the run ends."""
        self._board.arena["warmup"][self._worker] = self._warm_up()
        self._board.arena["ready"][self._worker] = 1
        while not self._control[EPOCH]:
            if self._control[STOP]:
                return
            self.beat()
            time.sleep(READY_POLL)
        self.play(None)

    def play(self, idle_since: float | None) -> None:
        """Infer until the run ends or another process has the slot, from when this worker was idle (None: now)."""
        self._clock = RealClock(int(self._control[EPOCH]))
        if idle_since is None:
            idle_since = self._clock.now() if self._attempt else 0.0
        before, used = float(self._board.arena["processor_seconds"][self._worker]), self.processor_time()
        while (start := self._wait_for_slot(idle_since)) is not None:
            if (ended := self._infer_batch(start) if self._plan.batch else self._infer(start)) is None:
                return
            idle_since = ended
            if self._blocking is not None:
                idle_since = self._learn(self._blocking, start, idle_since)
            self._board.arena["processor_seconds"][self._worker] = before + self.processor_time() - used

    def _learn(self, blocking: BlockingLearner, start: float, completion: float) -> float:
        """Take a learning step between two inferences; return when the worker was idle again."""
        free = blocking.step(self._clock, completion, self.beat)
        if free > completion:  # the cycle ends later than the output was ready, and the rule uses its end
            with self._lock.hold():
                self._plan.rule.on_completion(self._state, self._worker, start, free)
        return free

    def _warm_up(self) -> float:
        """Run the network a few times; return a typical long time, or what the law says where it is emulated."""
        compile_transitions()
        shape = self._board.arena["frames"].shape[1:]
        frame = np.zeros(shape, self._board.arena["frames"].dtype)
        times = []
        for _ in range(WARMUP_INFERENCES):
            began = time.perf_counter()
            try:
                self.act(Frame(-1, 0, frame))
            except AnswerLost:
                self._recover()
            times.append(time.perf_counter() - began)
        return self._latencies.warm_up if self._latencies is not None else sorted(times)[-2]

    def _wait_for_slot(self, idle_since: float) -> float | None:
        """Return the scheduled start once its time has come; None when the run has ended."""
        now = idle_since
        while not self._control[STOP]:
            self.beat()
            with self._lock.hold():
                if self._race is not None:
                    if (begun := self._race.joined(now)) is not None:
                        return begun
                    now = self._race.free_from(now)
                start = float(self._plan.rule.next_start(self._state, self._group, now))
            if self._race is not None and self._race.is_on:  # of this group's race the others are not done
                time.sleep(LOSERS_POLL)
                now = max(now, self._clock.now())
                continue
            self._priority.take()
            if self._plan.aligned:
                come = self._wait_for_frame(int(boundary_at_or_before(start, self._plan.frame_time)))
            else:
                come = self._wait_for_time(start)
            now = max(now, self._clock.now())
            if come:
                with self._lock.hold():
                    if self._race is not None:
                        if (begun := self._race.joined(now)) is not None:
                            return begun
                        if self._race.is_on or self._race.free_from(now) > now:
                            continue
                    confirmed = float(self._plan.rule.next_start(self._state, self._group, now))
                    if confirmed <= start:  # else it was moved meanwhile, or this process was away too long
                        self._plan.rule.on_dispatch(self._state, self._group, confirmed)
                        if self._race is not None:
                            self._race.begin(confirmed, int(self._control[HEAD]), self._limit())
                        return confirmed
        return None

    def _limit(self) -> float:
        """Return after how many seconds the next inference of this worker, or of its group, is cancelled."""
        if len(self._threshold):
            return float(cancelling.begin(self._threshold, self._group))
        return self._plan.cancel_after

    def _wait_for_frame(self, index: int) -> bool:
        """Wait until frame ``index`` is published, a while at most; return whether it is."""
        if self._control[HEAD] >= index:
            return True
        deadline, now = index * self._plan.frame_time, self._clock.now()
        if not self._priority.is_granted or now > deadline + LONGEST_SPIN:
            return self._sleep_for_frame(index, max(now, deadline) + self._plan.frame_time)
        if now < deadline - SPIN:
            self._sleep_for_frame(index, deadline - SPIN)
        if self._clock.now() >= deadline - SPIN:
            until = deadline + LONGEST_SPIN
            while self._control[HEAD] < index and self._clock.now() < until:
                pass
        return bool(self._control[HEAD] >= index)

    def _sleep_for_frame(self, index: int, until: float) -> bool:
        """Sleep until the environment wakes the claimant of frame ``index``, at most until ``until``."""
        self._claims[self._worker] = index
        if self._control[HEAD] < index:
            self._semaphores.wait(self._worker, min(LONGEST_WAIT, until - self._clock.now()))
        self._claims[self._worker] = _NO_CLAIM
        return bool(self._control[HEAD] >= index)

    def _wait_for_time(self, start: float) -> bool:
        """Wait until ``start`` and for the first frame, a while at most; return whether it has come."""
        self._clock.sleep_until(min(start, self._clock.now() + LONGEST_WAIT), spin=0.0)
        return self._clock.now() >= start and self._control[HEAD] >= 0

    def _act_until(self, frame: Frame, deadline: float) -> Answer | None:
        """Return what the policy chooses, None where it stopped at a layer because the deadline has passed."""
        if self._layered is not None:
            self._layered.deadline = time.monotonic() + deadline - self._clock.now()
        try:
            return self.act(frame)
        except InferenceStopped:
            return None
        except AnswerLost as lost:
            if not lost.cancelled:
                raise
            self._recover()
            return None

    def _infer_batch(self, start: float) -> float:
        """Infer on all new observations together; return when the accelerator was idle again."""
        board, worker, plan = self._board, self._worker, self._plan
        frames = board.since(self._batched, plan.batch)
        self._batched = frames[-1].index
        row = InferenceRow(worker=worker, dispatch=self._clock.now(), scheduled=start, in_flight=1)
        board.arena["busy"][worker] = 1
        board.arena["in_flight"][worker] = row._replace(observation_frame=self._batched, label=frames[-1].label)
        self._priority.give_back()
        answers = chosen_for_all(self._policy, [self._seen(frame) for frame in frames], plan.actions)
        assert plan.batch_seconds is not None
        target = start + plan.batch_seconds(len(frames))
        while not self._control[STOP] and self._clock.now() < target - ANNOUNCEMENT:
            self._clock.sleep_until(min(target - ANNOUNCEMENT, self._clock.now() + LONGEST_WAIT), spin=0.0)
            self.beat()
        completion = max(self._clock.now(), target)
        with self._lock.hold():
            release = float(plan.rule.on_completion(self._state, worker, start, completion))
        row = row._replace(completion=completion, release=release)
        for frame, answer in zip(frames, answers, strict=True):
            board.post(worker, with_answer(row._replace(observation_frame=frame.index, label=frame.label), answer))
        board.arena["busy"][worker] = 0
        return completion

    def _infer(self, start: float) -> float | None:
        """Run one inference scheduled at ``start``; return when the worker was idle again, None if it was replaced."""
        board, worker, plan = self._board, self._worker, self._plan
        race = self._race
        frame = board.newest() if race is None else board.at(race.frame)
        dispatch = self._clock.now()
        row = InferenceRow(
            worker=worker, dispatch=dispatch, scheduled=start, observation_frame=frame.index, label=frame.label
        )
        with self._lock.hold():
            limit = self._limit() if race is None else race.limit()
            takes = None if race is None else race.time()
        board.arena["busy"][worker] = 1
        row = row._replace(in_flight=int(board.arena["busy"].sum()))
        board.arena["in_flight"][worker] = row
        self._priority.give_back()
        deadline = start + limit
        try:
            answer = self._act_until(frame, deadline)
        except AnswerLost:
            return self._without_answer(row)
        completion = self._clock.now()
        self.beat()
        cancelled = answer is None
        if self._latencies is not None:
            # The emulated inference ends exactly when the law says, counted from its scheduled start. It is posted a
            # little early with that time on it, and the environment honours the time.
            takes = self._latencies.next() if takes is None else takes
            cancelled = cancelled or takes > limit
            target = start + min(takes, limit)
            self._priority.take()  # the rest is waiting, which a busy machine must not prolong
            while not self._control[STOP] and self._clock.now() < target - ANNOUNCEMENT:
                self._clock.sleep_until(min(target - ANNOUNCEMENT, self._clock.now() + LONGEST_WAIT), spin=0.0)
                self.beat()
            completion = max(completion, target)
        with self._lock.hold():
            if self._owners[worker, 0] != self._number:
                return None  # a spare gave it up just now, and the answer is late
            board.arena["in_flight"]["completion"][worker] = completion
            release = completion
            if race is not None and not race.ends(completion):
                cancelled = True
            else:
                release = float(plan.rule.on_completion(self._state, self._group, start, completion))
                if len(self._threshold):
                    whole = answer is not None and not cancelled and completion <= deadline
                    cancelling.ended(self._threshold, self._group, completion - start, whole)
        while not board.can_post(worker) and not self._control[STOP]:
            time.sleep(0.001)
            self.beat()
        if answer is None or cancelled or completion > deadline:  # a late answer is not applied
            board.post(worker, row._replace(cancelled=True, freed=completion))
        else:
            server_time = getattr(self._policy, "server_time", math.nan)
            row = row._replace(completion=completion, release=release, server_time=server_time)
            board.post(worker, with_answer(row, answer))
        board.arena["busy"][worker] = 0
        return completion

    def _without_answer(self, row: InferenceRow) -> float:
        """Give up an answer whose server went away, connect to it again; return when that was done.

        As for a worker that was killed, the rule learns nothing from it.
        """
        arena = self._board.arena
        self._board.post(self._worker, row._replace(lost=True))
        arena["reconnections"][self._worker] += 1
        arena["busy"][self._worker] = 0
        self._recover()
        return self._clock.now()

    def _recover(self) -> None:
        """Connect to the policy server again, alive all the while."""

        def stopped() -> bool:
            self.beat()
            return bool(self._control[STOP])

        self._policy.recover(stopped)  # type: ignore[attr-defined]
