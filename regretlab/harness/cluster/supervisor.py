"""The supervisor of a run whose networks are on a cluster."""

import contextlib
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ...errors import RunError
from ...records import RecordWriter
from ..configuration import RunConfiguration
from ..local import Progress, Supervisor, supervise
from ..preparation import Prepared
from .gateway import serve_cluster

__all__ = ["run_cluster"]


def run_cluster(configuration: RunConfiguration, prepared: Prepared, writer: RecordWriter, progress: Progress) -> None:
    """Play a run on the real clock with its inference workers on a Ray cluster, and record it.

    Arguments, errors and what is left behind as for ``regretlab.harness.local.run_local``.
    """
    supervise(_ClusterSupervisor, configuration, prepared, writer, progress)


class _ClusterSupervisor(Supervisor):
    patience = 10.0  # Ray takes its time to let go of a cluster
    _events: Connection
    _end: dict[str, Any] | None = None

    def start_workers(self) -> list[BaseProcess]:
        """Start the gateway."""
        from multiprocessing import Pipe

        self._events, theirs = Pipe(duplex=False)
        process = self.spawn(serve_cluster, (self.arena, self.worker_plan, self.configuration.ray_address, theirs))
        theirs.close()
        return [process]

    def replace_dead_workers(self, processes: list[BaseProcess], *, restart: bool) -> None:
        """Note what the gateway tells; it replaces workers itself."""
        self._hear()
        process = processes[0]
        if process.exitcode is None or (process.exitcode == 0 and not restart):
            return
        raise RunError(self.obituary("the gateway to the cluster", process, 0))

    def end(self) -> None:
        """End everything, with what the gateway has to say at its end."""
        try:
            super().end()
        finally:
            self._events.close()

    def last_words(self) -> dict[str, Any]:
        """Return what is noted in the record at the end."""
        self._hear()
        return {} if self._end is None else {"cluster": self._end}

    def _hear(self) -> None:
        with contextlib.suppress(EOFError, OSError):  # the gateway may be gone
            while self._events.poll():
                self._note(self._events.recv())

    def _note(self, event: dict[str, Any]) -> None:
        kind = event.pop("kind")
        if kind == "nodes":
            sitting = list(event["sitting"].values())
            nodes = {name: node | {"workers": sitting.count(name)} for name, node in event["nodes"].items()}
            self.writer.update_meta(nodes=nodes)
        elif kind == "end":
            self._end = event
        elif kind == "lost":
            row = event.pop("row")
            if row is not None:
                row["lost"] = True
                self.writer.append_inferences(row)
            self.restarts += 1
            self.writer.add_event(
                "restart", time=round(self.since_start(), 6), lost_inferences=int(row is not None), **event
            )
