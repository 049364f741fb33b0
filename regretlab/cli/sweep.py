"""The command on grids: ``sweep``."""

from pathlib import Path
from typing import Literal

from .options import Flag, Json, Whole, app
from .output import print_facts, print_json, show_progress

__all__ = ["sweep"]


@app.command
def sweep(
    configuration: Path,
    *,
    out: Path,
    engine: Literal["local", "ray"] = "local",
    cores: Whole | None = None,
    address: str | None = None,
    trust: Flag = False,
    json: Json = False,
) -> int:
    """Compute a grid of bounds, simulations, solutions or virtual runs into one labelled dataset; resumes where it was.

    Example: regretlab sweep sweep.toml --out sweep.nc

    Parameters
    ----------
    configuration
        TOML file with the sections sweep, fixed and grid.
    out
        File to write: .nc (NetCDF) or .zarr. Finished chunks are kept next to it until all are there.
    engine
        local (this machine's cores) or ray (a cluster); the results are the same.
    cores
        Processes of the local engine; all cores if not given.
    address
        Ray cluster to use, or auto; a cluster on this machine if not given.
    trust
        Run the Python files and modules, and join the Ray clusters, that the file names. Only for a file you have read.
    """
    import json as plain
    import time

    from ..sweeps import read_configuration, run_sweep

    checked = read_configuration(configuration, trust=trust)
    began = time.perf_counter()
    first: list[int] = []
    with show_progress() as tell:

        def progress(done: int, total: int, what: str) -> None:
            first[1:] = [done]
            if len(first) == 1:
                first.insert(0, done)
            rate = (done - first[0]) / max(1e-9, time.perf_counter() - began)
            tell(done, total, what, f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.2g} a second")

        result = run_sweep(checked, out, engine=engine, cores=cores, address=address, progress=progress)
    seconds = time.perf_counter() - began
    reasons = plain.loads(result.dataset.attrs["reasons"])
    if json:
        print_json(
            {
                "out": str(result.path),
                "command": checked.settings.command,
                "points": result.points,
                "unanswered": result.unanswered,
                "reasons": reasons,
                "chunks": result.chunks,
                "computed_chunks": result.computed,
                "seconds": seconds,
                "variables": list(result.dataset.data_vars),
                "dimensions": {str(name): int(size) for name, size in result.dataset.sizes.items()},
            }
        )
        return 0
    shape = " x ".join(f"{name} {size}" for name, size in result.dataset.sizes.items())
    facts = [
        ("grid", shape),
        ("points", f"{result.points:,}, {result.unanswered:,} without an answer"),
        *[("", reason) for reason in reasons[:5]],
        ("computed", f"{result.computed} of {result.chunks} chunks in {seconds:.3g} s"),
        ("variables", ", ".join(map(str, result.dataset.data_vars))),
        ("dataset", str(result.path)),
    ]
    print_facts(f"{configuration}: {checked.settings.command}", facts)
    return 0
