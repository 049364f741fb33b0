"""Inverse questions: how many workers, how slow a network, how large a model, and whether to stagger at all.

``regime`` (staggered, sequential or not at all), ``workers`` (how many), ``inference_time`` (how slow), ``model_size``
(how large), each with closed forms where they exist; ``plan`` puts them together with scans over rules, workers and
holds, and ``compare`` ranks every rule in one world.
"""

from .choosing import Plan, plan
from .comparing import Comparison, compare

__all__ = ["Comparison", "Plan", "compare", "plan"]
