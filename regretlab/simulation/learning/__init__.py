"""Tabular learners that act through the asynchronous protocol, and their regret curves."""

from .curves import LearningCurves, simulate_learning
from .learners import LEARNERS, Learner, learner_named

__all__ = ["LEARNERS", "Learner", "LearningCurves", "learner_named", "simulate_learning"]
