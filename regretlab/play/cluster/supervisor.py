"""The supervisor of a run whose networks are on a cluster."""

from collections import Counter
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ...progress import Progress
from ...records import RecordWriter
from ..configuration import RunConfiguration
from ..local import Supervisor, supervise
from ..preparation import Prepared
from .gateway import serve_cluster
from .learners import RemoteLearners, heard

__all__ = ["run_cluster"]


def run_cluster(configuration: RunConfiguration, prepared: Prepared, writer: RecordWriter, progress: Progress) -> None:
    """Play a run on the real clock with its inference workers and learners on a Ray cluster, and record it.

    Arguments, errors and what is left behind as for ``regretlab.play.local.run_local``.
    """
    supervise(_ClusterSupervisor, configuration, prepared, writer, progress)


class _ClusterSupervisor(Supervisor):
    patience = 10.0  # Ray takes its time to let go of a cluster
    learner_group = RemoteLearners

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._nodes: dict[str, dict[str, Any]] = {}
        self._end: dict[str, Any] = {}
        self._events: Connection | None = None

    def start_workers(self) -> list[BaseProcess]:
        """Start the gateway."""
        self._events, theirs = Pipe(duplex=False)
        address = self.configuration.ray_address
        process = self.spawn(serve_cluster, (self.arena, self.worker_plan, address, theirs, self.learning))
        theirs.close()
        return [process]

    def replace_dead_workers(self, processes: list[BaseProcess], *, restart: bool) -> None:
        """Record what the gateways report; they replace workers and learners themselves."""
        self._hear()
        process = processes[0]
        if process.exitcode is None or (process.exitcode == 0 and not restart):
            return
        raise self.obituary("the gateway to the cluster", process, 0)

    def end(self) -> None:
        """End everything, with what the gateways have to say at their end."""
        try:
            super().end()
        finally:
            if self._events is not None:
                self._events.close()
            if isinstance(self.learners, RemoteLearners):
                self.learners.close()

    def last_words(self) -> dict[str, Any]:
        """Return what is noted in the record at the end."""
        self._hear()
        return {"cluster": self._end} if self._end else {}

    def _hear(self) -> None:
        for event in heard(self._events):
            self._note(event)
        if isinstance(self.learners, RemoteLearners):
            for event in self.learners.hear():
                self._note(event)

    def _note(self, event: dict[str, Any]) -> None:
        kind = event.pop("kind")
        if kind == "connected":
            if isinstance(self.learners, RemoteLearners):
                self.learners.connect(**event)
        elif kind == "nodes":
            self._note_nodes(**event)
        elif kind == "end":
            self._end |= event
        elif kind == "lost" and "learner" in event:
            self.note_learner(**event)
        elif kind == "lost":
            row = event.pop("row")
            if row is not None:
                row["lost"] = True
                self.writer.append_inferences(row)
            self.restarts += 1
            self.writer.add_event(
                "restart", time=round(self.since_start(), 6), lost_inferences=int(row is not None), **event
            )

    def _note_nodes(self, nodes: dict[str, dict[str, Any]], **sitting: list[str]) -> None:
        for kind, places in sitting.items():
            counts = Counter(places)
            for name, node in nodes.items():
                self._nodes.setdefault(name, node)[kind] = counts[name]
        self.writer.update_meta(nodes=self._nodes)
