"""Staggering rules: which worker starts an inference when, and when its output is released.

Each rule is one file: compiled, pure transitions, traits and the closed form of its service law (``rule.py`` describes
all three). ``registry.py`` lists the rules; ``service/`` holds the closed forms that rules share, and ``service_law``.
The simulator, the virtual clock and the realtime processes run the same transitions; each brings its own clock.

Every rule is an attribute here, ``MAX_TIME`` for "max-time"; nothing is imported before it is used.
"""

from typing import TYPE_CHECKING

from .registry import DEFAULT_RULE, RULE_NAMES, get_rule, known_rules, name_of_rule, register_rule, unregister_rule

if TYPE_CHECKING:
    from .rule import HoldObjective, StaggeringRule

__all__ = [
    "DEFAULT_RULE",
    "RULE_NAMES",
    "HoldObjective",
    "StaggeringRule",
    "get_rule",
    "known_rules",
    "name_of_rule",
    "register_rule",
    "unregister_rule",
]


def __getattr__(name: str) -> "StaggeringRule":
    rule = name.lower().replace("_", "-")
    if name == name.upper() and rule in RULE_NAMES:
        return get_rule(rule)
    if name in ("HoldObjective", "StaggeringRule"):
        from . import rule as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
