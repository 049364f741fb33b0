"""The command that ranks every staggering rule: ``compare``."""

from ..errors import InputError
from .options import Json, Whole, app
from .output import print_result
from .scenario import PlanningWorld, with_fields

__all__ = ["compare"]


@with_fields("inference_time", "workers")
class _World(PlanningWorld):
    """A law of inference time, or of batches, and workers in a world."""


@app.command
def compare(world: _World | None = None, *, frames: Whole = 100_000, json: Json = False) -> int:
    """Rank every staggering rule by its regret, with the workers and in the world given.

    Example: regretlab compare --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 6

    Parameters
    ----------
    frames
        Frames of a replication, for the rules without a closed form, which are simulated; 0 leaves them out.
    """
    from ..planning import compare as rank

    asked = (world or _World()).scenario()
    if asked.inference_time is None and asked.batch_law is None:
        raise InputError("--inference-time is missing")
    return print_result(rank(asked, frames=frames or None), json)
