"""What a run cost: seconds of processor cores, measured or emulated."""

import numpy as np

from .reader import Record

__all__ = ["core_seconds"]


def core_seconds(record: Record) -> dict[str, float | None]:
    """Return the core-seconds of a run.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    dict
        ``measured``: each process reads its own processor time (the kernel's CLOCK_PROCESS_CPUTIME_ID, user and system)
        from frame 0 on, and the record holds the sums; None on the virtual clock. ``emulated``: where inference times
        were emulated, a core for as long as each inference and each learning step lasts; None where they were measured.
    """
    measured = record.meta.get("processor_seconds")
    emulated = None
    if record.meta.get("latency") == "emulated":
        rows = record.inferences[~record.inferences["lost"]]
        ended = rows["completion"].fillna(rows["freed"])  # a cancelled one took its worker too
        emulated = float(np.nansum(np.maximum(ended - rows["scheduled"], 0.0)))
        emulated += float((record.meta.get("learning") or {}).get("busy_seconds", 0.0))
    return {"measured": float(sum(measured.values())) if measured else None, "emulated": emulated}
