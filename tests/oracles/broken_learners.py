"""Learners that fail: a specification that brings the failure along when it is unpickled in a learner's process."""

from dataclasses import dataclass

from regretlab.play.learning import steps
from regretlab.policies import PolicySpec

_Computer = steps.GradientComputer


@dataclass(frozen=True)
class BrokenLearnerSpec(PolicySpec):
    """A network that plays well and whose gradient fails after ``good`` computations (the warm-up's included)."""

    good: int = 20


class BrokenComputer(_Computer):
    """What a learner runs for a ``BrokenLearnerSpec``."""

    def __init__(self, spec, gradient_clip, **options):
        super().__init__(spec, gradient_clip, **options)
        self._good, self._calls = spec.good, 0

    def compute(self, batch):
        self._calls += 1
        if self._calls > self._good:
            raise ArithmeticError("the gradient fell over")
        return super().compute(batch)


def _computer(spec, gradient_clip, **options):
    made = BrokenComputer if isinstance(spec, BrokenLearnerSpec) else _Computer
    return made(spec, gradient_clip, **options)


steps.GradientComputer = _computer
