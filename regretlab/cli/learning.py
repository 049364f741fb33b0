"""What ``bound`` asks about learning: a theorem, the size of the problem, and how many learners work on it."""

from ..theory.learning import LearningPart
from .scenario import FieldOptions, from_class

__all__ = ["Learning"]


@from_class(LearningPart, group="Learning part")
class Learning(FieldOptions):
    """Options of the learning part."""

    def part(self) -> LearningPart:
        """Return what is to be learned."""
        return LearningPart(**self.given())
