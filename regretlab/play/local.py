"""Real clock, local processes: starts the environment and the workers, watches them, records, and leaves nothing
behind.

The supervisor is the only one that writes to disk; it reads the rows from the board a few times a second. Whatever ends
the run (its length, an error, an interrupt, a signal), all children are gone when it returns and the record holds
everything up to then.
"""

import math
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from ..errors import InputError, RunError
from ..interrupts import deferred, terminable, uninterrupted
from ..machine_load import MachineLoad
from ..progress import Progress
from ..reaper import descendants, end
from ..records import RecordWriter
from ..rules.cancelling import learned_threshold, threshold_size
from .configuration import RunConfiguration
from .environment_process import play
from .learning.group import LearnerGroup
from .loop import EnvironmentPlan
from .preparation import Prepared, hold_of
from .system.arena import Arena
from .system.board import (
    ENVIRONMENT,
    ENVIRONMENT_READY,
    EPOCH,
    FRAMES_WRITTEN,
    MISSED,
    STOP,
    WORKERS,
    Board,
    board_fields,
)
from .system.processes import fork_server_death, process_pool
from .system.synchronisation import RobustLock, SemaphoreRow
from .worker_process import WorkerPlan, serve, stand_by

__all__ = ["LONGEST_STANDSTILL", "MAXIMUM_RESTARTS", "Supervisor", "run_local", "supervise"]

MAXIMUM_RESTARTS = 10
"""How often one worker's slot is filled again before the run gives up."""
LONGEST_STANDSTILL = 30.0
"""Seconds without a frame after which a run is given up: an emulator that hangs hears no signal."""
SPARES = 2
"""Processes that stand by with a policy that cannot stop at a layer, to take the place of a worker that is cancelled.
While none is ready a late worker runs on, and its answer is not applied."""
PATIENCE = 5.0
"""Seconds for which a worker may be silent at least, however short its inferences are."""
SLOWEST = 20.0
"""Times the longest silence that ended by itself, after which a silent worker counts as hung."""
_LONGEST_LOOK = 0.5  # seconds of silence counted between two looks: the supervisor may have been held itself
_START_TIMEOUT = 300.0  # seconds for all processes to get ready: large networks load slowly
_FLUSH_EVERY = 1.0
_POLL = 0.05
_LEAD_TIME = 0.1  # seconds between "everybody is ready" and frame boundary 0


def run_local(configuration: RunConfiguration, prepared: Prepared, writer: RecordWriter, progress: Progress) -> None:
    """Play a run on the real clock and record it.

    Parameters
    ----------
    configuration
        What to run (clock "real").
    prepared
        The environment's description and the policy with its weights.
    writer
        Where to; it is closed in any case, complete only if all frames were played.
    progress
        Called with how far the run is.

    Raises
    ------
    RunError
        If the environment's process ended, a worker raised, or a worker's slot was restarted too often.
    KeyboardInterrupt
        On an interrupt or a termination signal, after everything was ended and the record closed.
    """
    supervise(Supervisor, configuration, prepared, writer, progress)


def supervise(
    kind: "type[Supervisor]",
    configuration: RunConfiguration,
    prepared: Prepared,
    writer: RecordWriter,
    progress: Progress,
) -> None:
    """Play a run under a supervisor of that kind; arguments as for ``run_local``."""
    with process_pool() as context, terminable():
        supervisor = kind(configuration, prepared, writer, progress, context)
        try:
            supervisor.start()
            supervisor.watch()
            supervisor.finish()
        except RunError as error:
            supervisor.failure = str(error)
            raise
        finally:
            with uninterrupted():
                supervisor.end()


class Supervisor:
    """The processes of one run."""

    patience = 1.0
    """Seconds that processes get to end by themselves."""
    learner_group: type[LearnerGroup] = LearnerGroup
    """What keeps the learners."""

    def __init__(
        self,
        configuration: RunConfiguration,
        prepared: Prepared,
        writer: RecordWriter,
        progress: Progress,
        context: ForkServerContext,
    ) -> None:
        self.configuration, self.writer, self._progress, self._context = configuration, writer, progress, context
        environment, workers = prepared.environment, configuration.workers
        self.learners = self.learner_group(configuration, prepared, MAXIMUM_RESTARTS) if configuration.learns else None
        learned = self.learners is not None  # then the weights lie with those who learn
        parameters, learners = 0 if learned else prepared.parameter_count, configuration.learners
        cancels = configuration.cancel_after is not None
        replaced = prepared.policy.is_own and not prepared.policy.is_served
        spares = SPARES if cancels and replaced and configuration.replicas == 1 else 0
        self.arena = Arena(
            board_fields(
                workers,
                environment.frame_shape,
                environment.frame_dtype,
                parameters,
                learners,
                spares,
                prepared.policy.horizon,
                threshold_size(configuration.groups) if configuration.learns_threshold else 0,
                environment.numbers,
                configuration.replicas,
            )
        )
        if not learned:
            prepared.load_parameters(self.arena["parameters"])
        self._board = Board(self.arena)
        self._board.prepare()
        SemaphoreRow(self.arena["semaphores"], create=True)
        RobustLock(self.arena["rule_lock"], create=True)
        self.arena["owners"][:, 0] = range(workers)
        rule = configuration.staggering_rule
        self._details = environment.details
        looked_at = learned or not prepared.policy.observes_symbol
        self._environment_plan = EnvironmentPlan.of(configuration, environment, looked_at=looked_at)
        self.worker_plan = WorkerPlan(
            policy=prepared.policy,
            rule=rule,
            aligned=rule.choose_alignment(configuration.alignment) == "frame",
            frame_time=environment.frame_time,
            actions=environment.actions,
            seed=configuration.seed,
            emulated_law=configuration.emulated_law(),
            learner=None if self.learners is None else self.learners.plan,
            cancel_after=configuration.given_threshold,
            cancels=cancels,
            replicas=configuration.replicas,
            batch=0 if configuration.batch_law is None else configuration.batch,
            batch_seconds=None if configuration.batch_law is None else configuration.batch_seconds,
        )
        self.learning = None if self.learners is None else self.learners.arena
        self._environment: BaseProcess | None = None
        self._workers: list[BaseProcess] = []
        self._attempts = [0] * workers
        self._numbers = list(range(workers))  # of the process in each slot
        self._spares: list[tuple[int, BaseProcess]] = []
        self._hung = np.zeros(workers)
        self._loading = np.zeros(workers, np.bool_)
        self._seen = np.zeros(workers, np.int64)
        self._silent = np.zeros(workers)
        self._longest_silence = 0.0
        self._looked = time.monotonic()
        self.restarts = 0
        self._complete = False
        self.failure: str | None = None
        """Why the run broke off."""
        self._used, self._load = time.process_time(), MachineLoad()

    def start(self) -> None:
        """Start all processes, wait until they are ready, prime the rule and set the clock."""
        began = time.monotonic()
        self._environment = self.spawn(play, (self.arena, self._environment_plan, self.learning))
        self._workers = self.start_workers()
        spares = self.arena["spares_ready"]
        self._spares = [self._spare(len(self._workers) + spare) for spare in range(len(spares))]
        if self.learners is not None:
            self.learners.start(self.arena, self.spawn)
        ready = self.arena["ready"]
        while not (ready.all() and spares.all() and self._board.control[ENVIRONMENT_READY] and self._learners_ready()):
            self._raise_failures(restart=False)
            if time.monotonic() - began > _START_TIMEOUT:
                raise RunError(f"only {int(ready.sum())} of {len(ready)} workers got ready in {_START_TIMEOUT:.0f} s")
            self._progress(0, self.configuration.frames, f"{int(ready.sum())} of {len(ready)} workers ready")
            time.sleep(_POLL)
        self._longest_silence = float(self.arena["warmup"].max())
        firsts = self.arena["warmup"].reshape(-1, self.configuration.replicas).min(axis=1)
        estimate = min(self.worker_plan.cancel_after, float(firsts.max()))
        self.configuration.staggering_rule.new_state(
            self.configuration.groups,
            self._environment_plan.frame_time,
            alignment=self.configuration.alignment,
            hold=hold_of(self.configuration, self._details),
            first_estimate=estimate,
            out=self.arena["rule_state"],
        )
        if self.configuration.learns_threshold:
            frame_time = self._environment_plan.frame_time
            self.configuration.threshold_state(frame_time, out=self.arena["threshold"])
        self.writer.update_meta(
            startup_seconds=round(time.monotonic() - began, 3),
            first_estimate=estimate,
            environment_priority=self._board.read_priority(ENVIRONMENT),
            worker_priority=self._board.read_priority(WORKERS),
        )
        self._board.control[EPOCH] = time.monotonic_ns() + int(_LEAD_TIME * 1e9)
        self._used, self._load = time.process_time(), MachineLoad()

    def start_workers(self) -> list[BaseProcess]:
        """Start what infers."""
        return [
            self.spawn(serve, (self.arena, self.worker_plan, worker, 0, self.learning))
            for worker in range(self.configuration.workers)
        ]

    def _learners_ready(self) -> bool:
        return self.learners is None or self.learners.is_ready

    def watch(self) -> None:
        """Record rows and replace dead workers until the environment has played all frames."""
        flushed = moved = time.monotonic()  # the clock that stands still while the machine is suspended
        played = self._played
        longest = max(LONGEST_STANDSTILL, 5 * self._environment_plan.frame_time)
        assert self._environment is not None
        while self._environment.exitcode is None:
            with deferred():
                self._raise_failures(restart=True)
                self._record()
                if self._played > played:
                    played, moved = self._played, time.monotonic()
                elif time.monotonic() - moved > longest:
                    raise RunError(f"the environment has been at frame {played} for {longest:g} s: it hangs")
                if time.monotonic() - flushed > _FLUSH_EVERY:
                    self.writer.flush()
                    flushed = time.monotonic()
                if self.learners is not None and self.learners.checkpoint_if_due(self.writer.directory, self._played):
                    self.writer.update_meta(learning=self.learners.figures())
                self._progress(int(self._board.control[FRAMES_WRITTEN]), self.configuration.frames, "playing")
            self._environment.join(_POLL)
        self._raise_failures(restart=False)

    @property
    def _played(self) -> int:
        return int(self._board.control[FRAMES_WRITTEN])

    def finish(self) -> None:
        """Mark the run as complete."""
        played, frames = self._played, self.configuration.frames
        if played < frames:
            raise RunError(f"the environment ended its process at frame {played} of {frames} without an error")
        self._complete = True
        self._progress(played, self.configuration.frames, "played")

    def end(self) -> None:
        """End every process, record what is left, close the record, free the memory."""
        others = self._load.cores_of_others()
        self._board.control[STOP] = 1
        learners = self.learners.processes if self.learners is not None else []
        spares = [process for _, process in self._spares]
        everybody = [*([self._environment] if self._environment else []), *self._workers, *spares, *learners]
        started = _started_by(everybody)
        patience = time.monotonic() + self.patience
        for process in everybody:
            process.join(max(0.0, patience - time.monotonic()))
        for process in everybody:
            if process.exitcode is None:
                process.kill()  # deep in an inference: it holds nothing that outlives it
                process.join()
        end(started, grace=0.0)
        try:
            if self.writer.is_writable:
                self._record()
                if self.learners is not None:
                    self.learners.checkpoint(self.writer.directory, self._played)
        finally:
            learned: dict[str, Any] = {} if self.learners is None else {"learning": self.learners.figures()}
            learned |= self.configuration.staggering_rule.learned(self.arena["rule_state"])
            learned |= learned_threshold(self.arena["threshold"]) if self.configuration.learns_threshold else {}
            learned |= {} if self.failure is None else {"failure": self.failure}
            if self.worker_plan.policy.is_served:
                learned["reconnections"] = int(self.arena["reconnections"].sum())
            seconds = self.arena["processor_seconds"]
            workers = self.configuration.workers
            self.writer.close(
                complete=self._complete,
                missed_frames=int(self._board.control[MISSED]),
                restarts=self.restarts,
                cores_of_others=None if others is None else round(others, 3),
                processor_seconds={
                    "environment": round(float(seconds[workers]), 4),
                    "workers": round(float(seconds[:workers].sum()), 4),
                    "learners": round(float(seconds[workers + 1 :].sum()), 4),
                    "supervisor": round(time.process_time() - self._used, 4),
                },
                **learned,
                **self.last_words(),
            )
            self.arena.close()
            if self.learning is not None:
                self.learning.close()

    def last_words(self) -> dict[str, Any]:
        """Return what else is noted in the record at the end."""
        return {}

    def spawn(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> BaseProcess:
        """Start a process of the run."""
        process = self._context.Process(target=target, args=arguments, daemon=True)
        process.start()
        return process

    def _record(self) -> None:
        if len(frames := self._board.read_frames()):
            self.writer.append_frames(frames)
        if len(inferences := self._board.read_inferences()):
            self.writer.append_inferences(inferences)
        if self.learners is not None and len(steps := self.learners.read_steps()):
            self.writer.append_learning_steps(steps)

    def _raise_failures(self, *, restart: bool) -> None:
        """Raise what a process died of; start killed workers again if allowed."""
        assert self._environment is not None
        if self._environment.exitcode not in (None, 0):
            raise self.obituary("the environment's process", self._environment, self._board.environment_slot)
        self._replace_spares(restart=restart)
        self.replace_dead_workers(self._workers, restart=restart)
        if self.learners is not None:
            self.learners.replace_dead(self.note_learner, self.obituary, restart=restart)

    def replace_dead_workers(self, processes: list[BaseProcess], *, restart: bool) -> None:
        """Raise what a worker died of; start killed ones again if allowed."""
        for worker, process in enumerate(processes):
            if process.exitcode is None or (process.exitcode == 0 and not restart):
                continue
            if self._numbers[worker] != self.arena["owners"][worker, 0]:
                continue  # a spare has its slot
            killed = process.exitcode < 0
            if not (restart and killed):
                raise self.obituary(f"worker {worker}", process, worker)
            self._restart(worker, process)
        if restart:
            self._replace_hung_worker()

    def _replace_hung_worker(self) -> None:
        """Kill and replace the worker that is furthest beyond its patience, if one is.

        One at each look: the others may be waiting for a lock that it holds, which its death frees.
        """
        beats, now = self.arena["beats"].copy(), time.monotonic()
        moved, passed = beats != self._seen, min(now - self._looked, _LONGEST_LOOK)
        self._seen, self._looked = beats, now
        ended = self._silent[moved & ~self._loading]
        self._longest_silence = max(self._longest_silence, float(ended.max(initial=0.0)))
        self._loading &= ~moved
        self._silent = np.where(moved, 0.0, self._silent + passed)
        patience = max(PATIENCE, SLOWEST * self._longest_silence) * 2.0**self._hung
        patience[self._loading] = _START_TIMEOUT
        worker = int((self._silent - patience).argmax())
        silent = float(self._silent[worker])
        if silent > patience[worker]:
            process = self._workers[worker]
            started = _started_by([process])
            process.kill()
            process.join()
            end(started, grace=0.0)
            self._hung[worker] += 1
            self._restart(worker, process, cause="hung", silent=round(silent, 3))

    def _spare(self, number: int) -> tuple[int, BaseProcess]:
        """Start a spare: process ``number`` of those that may own a slot."""
        spare = (number - len(self._workers)) % len(self.arena["spares_ready"])
        return number, self.spawn(stand_by, (self.arena, self.worker_plan, number, spare))

    def _replace_spares(self, *, restart: bool) -> None:
        """Take spares that have a slot for its worker, and start others in their place and that of killed ones."""
        for spare, (number, process) in enumerate(self._spares):
            slots = np.flatnonzero(self.arena["owners"][:, 0] == number)
            for worker in slots:
                self._workers[worker], self._numbers[worker] = process, number
            code = process.exitcode
            if not len(slots) and code is not None and not (code < 0 or (code == 0 and not restart)):
                raise self.obituary("a spare worker", process, self._board.spare_slot(spare))
            if restart and (len(slots) or code is not None):
                self._spares[spare] = self._spare(number + len(self._spares))

    def note_learner(self, **details: Any) -> None:
        """Note in the record that a learner was replaced."""
        self.writer.add_event("learner-restart", time=round(self.since_start(), 6), **details)

    def since_start(self) -> float:
        """Return the seconds since boundary 0."""
        return (time.monotonic_ns() - int(self._board.control[EPOCH])) * 1e-9

    def _restart(self, worker: int, process: BaseProcess, **cause: Any) -> None:
        if self._attempts[worker] >= MAXIMUM_RESTARTS:
            why = "its policy hangs" if self._hung[worker] else "something on this machine ends it"
            raise RunError(f"worker {worker} was killed {MAXIMUM_RESTARTS + 1} times: {why}")
        self._attempts[worker] += 1
        self._numbers[worker] = self.arena["owners"][worker, 0] = worker
        self.restarts += 1
        lost = bool(self.arena["busy"][worker])
        if lost:
            row = self.arena["in_flight"][worker : worker + 1].copy()
            row["lost"], row["completion"] = True, math.nan
            self.writer.append_inferences(row)
            self.arena["busy"][worker] = 0
        self.writer.add_event(
            "restart",
            worker=worker,
            time=round(self.since_start(), 6),
            signal=-(process.exitcode or 0),
            lost_inferences=int(lost),
            **cause,
        )
        self._loading[worker], self._silent[worker] = True, 0.0
        if self.learners is not None:
            self.learners.forget_worker(worker)
        arguments = (self.arena, self.worker_plan, worker, self._attempts[worker], self.learning)
        self._workers[worker] = self.spawn(serve, arguments)

    def obituary(self, who: str, process: BaseProcess, slot: int) -> RunError:
        """Return in a sentence how a process ended, with its traceback as a note."""
        told = self._board.read_error(slot).strip()
        code = process.exitcode or 0
        if code < 0:
            return RunError(f"{who} was ended by {signal.Signals(-code).name}")
        if not told and code == 255 and (death := fork_server_death()):
            return RunError(f"{who} ended with the fork server that had started it, which was ended by {death}")
        reason = told.splitlines()[-1].removeprefix("regretlab.errors.RunError: ") if told else "it left no message"
        refused = reason.removeprefix("regretlab.errors.InputError: ")
        if refused != reason and not self._board.control[EPOCH]:  # nothing was played: no cluster is there, for example
            raise InputError(refused)
        error = RunError(f"{who} ended with exit code {code}: {reason}")
        if told:
            error.add_note(told)
        return error


def _started_by(processes: list[BaseProcess]) -> set[tuple[int, int]]:
    """Return what policies and environments have started in those of these processes that are alive."""
    return descendants({process.pid for process in processes if process.exitcode is None and process.pid})
