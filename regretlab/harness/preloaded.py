"""What the fork server loads before it forks: everything a worker or the environment needs, compiled and warm.

Nothing here may start threads: a fork copies only the calling one.
"""

import os
from importlib import import_module

__all__ = ["load"]


def load() -> None:
    """Import the heavy packages with one thread each and compile (or load) every transition."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    for module in ("environment_process", "worker_process"):
        import_module(f"regretlab.harness.{module}")
    import torch

    from ..staggering.rule import RULES
    from ..staggering.rules.dispatch import next_start, on_completion, on_dispatch

    torch.set_num_threads(1)
    for rule in RULES:
        state = rule.new_state(1, 1.0, first_estimate=0.5)
        start = float(next_start(rule.identifier, state, 0, 0.0))
        on_dispatch(rule.identifier, state, 0, start)
        on_completion(rule.identifier, state, 0, start, start + 0.5)


load()
