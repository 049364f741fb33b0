"""Which nodes of a cluster actors run on, waiting for their answers, and filling the slot of one that is lost."""

import threading
import time
from collections.abc import Callable
from typing import Any

from ...errors import RunError
from ..loop import PolicyLost

__all__ = ["MOST_LOSSES", "PATIENCE", "START_PATIENCE", "ActorLost", "Caller", "Placement", "keep_filled", "meaning"]

START_PATIENCE = 120.0
"""Seconds an actor may take to start and for its first answer: it imports PyTorch, and the first is the slowest."""
PATIENCE = 5.0
"""Seconds at least after which a call that is not answered is taken for lost."""
SLOWEST = 20.0
"""... and so many times the slowest answer so far."""
MOST_LOSSES = 10
"""How often one slot may be lost before the run gives up."""
_BRIEF = 1.0
"""Seconds: a slot that is lost sooner was not served, and waits before its next actor."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0
"""Seconds of the first such wait, which doubles up to the longest: a cluster that lost a node takes time to notice."""


class ActorLost(PolicyLost):
    """The actor, or its node, is gone."""


def meaning(error: Any) -> Exception:
    """Return what an error of Ray means: the actor is lost, or it cannot be built because its class raised."""
    reason = str(error).strip().rpartition("\n")[2].strip()
    if getattr(error, "actor_init_failed", False) and not reason.startswith("ray.exceptions."):
        return RuntimeError(f"it cannot be started there: {reason}")
    return ActorLost(type(error).__name__)


class Caller:
    """Waits for the answers of one actor.

    Parameters
    ----------
    ray
        The connected module.
    """

    def __init__(self, ray: Any) -> None:
        self._ray, self._slowest = ray, 0.0

    def answer(self, reply: Any) -> Any:
        """Return what a call returned.

        Raises
        ------
        ActorLost
            If no answer comes.
        RuntimeError
            With what the actor raised.
        """
        began = time.monotonic()
        patience = max(PATIENCE, SLOWEST * self._slowest) if self._slowest else START_PATIENCE
        try:
            found = self._ray.get(reply, timeout=patience)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, self._ray.exceptions.RayError):
                raise ActorLost(type(error.cause).__name__) from None
            raise RuntimeError(str(error.cause)) from None
        except self._ray.exceptions.RayError as error:  # the actor, its node, or what it had answered is gone
            raise meaning(error) from None
        self._slowest = max(self._slowest, time.monotonic() - began)
        return found


class Placement:
    """Places actors on the nodes of a cluster, the least loaded first.

    Parameters
    ----------
    ray
        The connected module.
    backwards
        Fill equally loaded nodes from the last one on: then learners need not begin where workers do.
    """

    def __init__(self, ray: Any, *, backwards: bool = False) -> None:
        self._ray, self._backwards = ray, backwards
        self._lock = threading.Lock()
        self.sitting: dict[int, str] = {}

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Return the nodes that are alive: address and cores by identifier."""
        return {
            node["NodeID"]: {"address": node["NodeManagerAddress"], "cores": node["Resources"].get("CPU", 0.0)}
            for node in self._ray.nodes()
            if node["Alive"]
        }

    def choose(self, slot: int, avoid: str | None = None) -> str:
        """Seat a slot: on another node than ``avoid`` if there is one, and on one without cores only if all are.

        Raises
        ------
        ActorLost
            If no node is left.
        """
        with self._lock:
            nodes = self.nodes()
            nodes = {name: node for name, node in nodes.items() if node["cores"] > 0} or nodes
            others = {name: node for name, node in nodes.items() if name != avoid} or nodes
            if not others:
                raise ActorLost("no node is left")

            def load(name: str) -> float:
                sitting = sum(place == name for other, place in self.sitting.items() if other != slot)
                return (sitting + 1) / max(1.0, others[name]["cores"])

            self.sitting[slot] = min(sorted(others, reverse=self._backwards), key=load)
            return self.sitting[slot]

    def actor(self, node: str, kind: type) -> Any:
        """Return the remote class of ``kind`` on a node."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # Cores are not reserved: who sits where is decided here, and a full machine must still take its actors back.
        return self._ray.remote(num_cpus=0, max_restarts=0)(kind).options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False)
        )


def keep_filled(
    who: str,
    stopped: Callable[[], bool],
    fill: Callable[[int, str | None], None],
    lost: Callable[[ActorLost], str | None],
) -> None:
    """Fill a slot until the run ends, again whenever its actor is lost.

    Parameters
    ----------
    who
        The slot in words.
    stopped
        Whether the run has ended.
    fill
        Takes an actor and serves with it; called with how often the slot was lost and which node to avoid.
    lost
        Called after each loss; returns the node that it happened on.

    Raises
    ------
    RunError
        If the slot is lost too often, or ``fill`` raises.
    """
    attempt, avoid, pause = 0, None, _FIRST_PAUSE
    while not stopped():
        began = time.monotonic()
        try:
            fill(attempt, avoid)
        except ActorLost as loss:
            if stopped():
                return
            attempt += 1
            avoid = lost(loss)
            if attempt > MOST_LOSSES:
                raise RunError(
                    f"{who} was lost {attempt} times, the last time because of {loss}: the cluster is not fit to run"
                ) from None
            if time.monotonic() - began >= _BRIEF:
                pause = _FIRST_PAUSE
                continue
            until = time.monotonic() + pause
            while time.monotonic() < until and not stopped():
                time.sleep(0.02)
            pause = min(2 * pause, _LONGEST_PAUSE)
        except Exception as error:
            raise RunError(f"{who}: {error}") from error
