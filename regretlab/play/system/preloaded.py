"""What the fork server loads before it forks: everything a worker or the environment needs, compiled and warm.

Nothing here may start threads: a fork copies only the calling one.
"""

import atexit
import os
import sys
import warnings
from importlib import import_module

from ...reaper import adopt_orphans, end_descendants

__all__ = ["load"]


def load() -> None:
    """Import the heavy packages with one thread each and compile (or load) every transition."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    for module in ("environment_process", "worker_process", "learning.learner_process"):
        import_module(f"regretlab.play.{module}")
    import torch

    from .processes import compile_transitions

    torch.set_num_threads(1)
    compile_transitions()


def _end_all(server: int) -> None:
    """End what the children of the fork server and theirs have left, when it ends because the supervisor is gone."""
    if os.getpid() == server:
        end_descendants(server)


if any("multiprocessing.forkserver" in word for word in sys.orig_argv):  # not where a tool imports every module
    load()
    adopt_orphans()
    atexit.register(_end_all, os.getpid())
    warnings.filterwarnings("ignore", "forkserver: waitpid returned unexpected pid")  # of an orphan
