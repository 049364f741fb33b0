"""Policies that fail, for worker processes: a specification that brings its policy along when it is unpickled there."""

import time
from dataclasses import dataclass

import numpy as np

from regretlab.play import worker_process
from regretlab.policies import PolicySpec

_build_policy = worker_process.build_policy


@dataclass(frozen=True)
class BrokenSpec(PolicySpec):
    """Answers well ``good`` times (the warm-up included), then fails in the way of its ``fault``."""

    fault: str = "raises"
    good: int = 20


class BrokenPolicy:
    """What a worker runs for a ``BrokenSpec``."""

    def __init__(self, spec):
        self.spec, self._calls = spec, 0

    def act(self, observation):
        self._calls += 1
        if self._calls <= self.spec.good:
            return 1
        if self.spec.fault == "raises":
            raise ArithmeticError("the network fell over")
        if self.spec.fault == "hangs":
            time.sleep(3600)
        return {"range": 5, "negative": -1, "shape": np.array([1, 2]), "nan": float("nan")}[self.spec.fault]


def _build(spec, **arguments):
    return BrokenPolicy(spec) if isinstance(spec, BrokenSpec) else _build_policy(spec, **arguments)


worker_process.build_policy = _build
