"""What a worker plays while others learn: the newest whole weights, with exploration; and the step of one that learns
itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...policies.learning.exploration import HeldExploration
from ...policies.learning.settings import LearningSettings
from ...policies.policy import Policy, build_policy
from ...policies.spec import PolicySpec
from ..system.arena import Arena
from ..system.clock import RealClock
from .learner_process import LearnerPlan
from .state import LearnedState, WeightSnapshots
from .steps import LONGEST_WAIT

__all__ = ["BlockingLearner", "ExploringPolicy", "SnapshotPolicy", "explore", "exploring_policy", "held_exploration"]


class ExploringPolicy:
    """A policy that now and then plays a random action.

    The network runs for a random action too, so that exploring takes as long as not exploring and the delay law stays
    the policy's own.

    Parameters
    ----------
    policy
        What is played otherwise.
    epsilon
        Returns the present probability of a random action.
    stream
        Seed of the random actions, a few whole numbers.
    held
        Returns the random action that all workers hold now for this epsilon and number of actions, or None; without
        it each decision is random or not by itself.
    """

    def __init__(
        self,
        policy: Policy,
        epsilon: Callable[[], float],
        stream: tuple[int, ...],
        held: Callable[[float, int], int | None] | None = None,
    ) -> None:
        self.spec: PolicySpec = policy.spec
        self._policy, self._epsilon, self._held = policy, epsilon, held
        self._generator = np.random.default_rng([*stream, 0xE95])

    def act(self, observation: Any) -> int:
        """Return the action for an observation."""
        chosen = self._policy.act(observation)
        if self._held is not None:
            random = self._held(self._epsilon(), self.spec.actions)
            return chosen if random is None else random
        if self._generator.random() < self._epsilon():
            return int(self._generator.integers(self.spec.actions))
        return chosen


def held_exploration(
    settings: LearningSettings, seed: int, frame: Callable[[], int]
) -> Callable[[float, int], int | None] | None:
    """Return what `ExploringPolicy` takes as ``held``: pieces of time in frames, the same for all workers of a run."""
    if settings.exploration_hold == 1:
        return None
    exploration = HeldExploration(seed, settings.exploration_hold)
    return lambda epsilon, actions: exploration.action(max(0, frame()), epsilon, actions)


class SnapshotPolicy:
    """A network with whichever of the two copies of its weights is the newest whole one.

    Parameters
    ----------
    spec
        A policy with a network.
    snapshots
        The two copies.
    reader
        Number of this worker.
    """

    def __init__(self, spec: PolicySpec, snapshots: WeightSnapshots, reader: int) -> None:
        self.spec = spec
        self._snapshots, self._reader = snapshots, reader
        self._policies = [build_policy(spec, parameters=copy) for copy in snapshots.copies]

    def act(self, observation: Any) -> int:
        """Return the action for an observation."""
        copy = self._snapshots.begin(self._reader)
        try:
            return self._policies[copy].act(observation)
        finally:
            self._snapshots.end(self._reader)


def exploring_policy(
    learning: Arena, plan: LearnerPlan, worker: int, attempt: int, frame: Callable[[], int]
) -> ExploringPolicy:
    """Return the policy of a worker; ``frame`` returns the frame that exploration has come to in this run."""
    snapshots = LearnedState(learning, plan.settings).snapshots
    return explore(SnapshotPolicy(plan.policy, snapshots, worker), learning, plan, worker, attempt, frame)


def explore(
    policy: Policy, learning: Arena, plan: LearnerPlan, worker: int, attempt: int, frame: Callable[[], int]
) -> ExploringPolicy:
    """Return a worker's policy with the exploration of a run that learns; arguments as for `exploring_policy`."""
    state = LearnedState(learning, plan.settings)

    def epsilon() -> float:
        return plan.settings.exploration(state.past_frames + max(0, frame()))

    stream = (plan.seed, worker, attempt) if attempt else (plan.seed, worker)
    return ExploringPolicy(policy, epsilon, stream, held_exploration(plan.settings, plan.seed, frame))


class BlockingLearner:
    """The learning of a worker that neither infers nor acts meanwhile.

    Parameters
    ----------
    learning
        Memory of the run's learning.
    plan
        How to learn.
    attempt
        Counts the restarts of the worker.
    """

    def __init__(self, learning: Arena, plan: LearnerPlan, attempt: int) -> None:
        self._steps, self._latencies = plan.steps(learning, 0, attempt), plan.latencies(0, attempt)
        self._busy = learning["learning_seconds"]
        self._steps.warm_up()

    def step(self, clock: RealClock, completion: float, beat: Callable[[], None]) -> float:
        """Take a step after an inference completed, if one is due; return when the worker is free again.

        ``beat`` is called between any two waits.
        """
        if not self._steps.begin():
            return completion
        self._steps.compute()
        beat()
        while not self._steps.apply():
            beat()
        free = clock.now()
        if self._latencies is not None:
            free = max(free, completion + self._latencies.next())
            while clock.now() < free:
                clock.sleep_until(min(free, clock.now() + LONGEST_WAIT), spin=0.0)
                beat()
        self._busy[0] += free - completion
        self._steps.note(completion, free, free, free)
        return free
