"""The command that ranks every staggering rule: ``compare``."""

from .options import Json, Whole, app
from .output import print_result
from .scenario import PlanningWorld, with_fields

__all__ = ["compare"]


@with_fields("inference_time", "workers", required=("inference_time",))
class _World(PlanningWorld):
    """A law of inference time and workers in a world."""


@app.command
def compare(world: _World, *, frames: Whole = 100_000, json: Json = False) -> int:
    """Rank every staggering rule by its regret, with the workers and in the world given.

    Example: regretlab compare --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 6

    Parameters
    ----------
    frames
        Frames of a replication, for the rules without a closed form, which are simulated; 0 leaves them out.
    """
    from ..planning import compare as rank

    return print_result(rank(world.scenario(), frames=frames or None), json)
