"""Defaults of commands that Python, the command line and sweeps share, each written once; imports nothing."""

__all__ = [
    "CURVE_DELAYS",
    "CURVE_EPISODES",
    "CURVE_FRAMES",
    "CURVE_REPLICATIONS",
    "PLAYED_FRAMES",
    "POLICY",
    "PROFILED_ACTIONS",
    "REFEREED_FRAMES",
    "REFEREED_REPLICATIONS",
    "REPLICATIONS",
    "SIMULATED_FRAMES",
]

POLICY = "impala-k1"
"""What ``run`` plays."""
PLAYED_FRAMES = 3600
"""Frames of a ``run``."""
SIMULATED_FRAMES = 1_000_000
"""Frames of a replication of ``simulate``, after its warm-up."""
REPLICATIONS = 8
"""Replications of ``simulate``."""
PROFILED_ACTIONS = 7
"""Actions that the policy of ``profile`` chooses from."""
CURVE_DELAYS = (0, 1, 2, 5, 10)
"""Action delays of a ``delay_curve``, in frames."""
CURVE_FRAMES = 4000
"""Frames of each of its plays at most."""
CURVE_EPISODES = 4
"""Episodes of each of its plays."""
CURVE_REPLICATIONS = 32
"""Its replications, at least."""
REFEREED_FRAMES = 1200
"""Frames of each play of a ``referee``."""
REFEREED_REPLICATIONS = 16
"""Its replications."""
