"""The rules that exist: those of the package, by file, and those that users register."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from ..errors import InputError

if TYPE_CHECKING:
    from .rule import StaggeringRule

__all__ = [
    "DEFAULT_RULE",
    "RULE_NAMES",
    "get_rule",
    "known_rules",
    "module_of",
    "name_of_rule",
    "names_rules",
    "register_rule",
    "unregister_rule",
]

RULE_NAMES = (
    "sequential",
    "sequential-strict",
    "unstaggered",
    "max-time",
    "quantile-time",
    "expected-time",
    "frame-pool",
    "frame-hold",
    "free-running",
)
"""The package's rules, in the order in which they are listed. The rule "max-time" is ``RULE`` of ``max_time.py``."""

_HORIZON = "execution-horizon-"
"""Begins the names of rules that are made for a number of entries (``execution_horizon.py``)."""
_Documented = TypeVar("_Documented")

DEFAULT_RULE = "free-running"
"""The rule of a run or a scenario that names none, chosen by measurement (docs/decisions.md)."""

_registered: "dict[str, StaggeringRule]" = {}


def module_of(name: str) -> str:
    """Return the module, relative to this package, of one of the package's rules."""
    return name.replace("-", "_")


@cache
def _built_in(name: str) -> "StaggeringRule":
    rule: StaggeringRule = import_module(f".{module_of(name)}", __package__).RULE
    return rule


def known_rules() -> "tuple[StaggeringRule, ...]":
    """Return every rule: the package's, then the registered ones.

    Examples
    --------
    >>> [rule.name for rule in known_rules() if rule.pool]
    ['frame-pool', 'frame-hold']
    """
    return (*(_built_in(name) for name in RULE_NAMES), *_registered.values())


def get_rule(rule: "str | StaggeringRule") -> "StaggeringRule":
    """Return the rule of that name; a rule object is returned as it is.

    Raises
    ------
    InputError
        If the name is unknown.

    Examples
    --------
    >>> get_rule("max-time").summary
    'starts tau_max/N apart, outputs held to tau_max'
    """
    if not isinstance(rule, str):
        return rule
    if rule in RULE_NAMES:
        return _built_in(rule)
    if rule in _registered:
        return _registered[rule]
    if (entries := rule.removeprefix(_HORIZON)) != rule and entries.isdecimal():  # of a scenario's execution horizon
        made: StaggeringRule = import_module(".execution_horizon", __package__).execution_horizon(int(entries))
        return made
    raise InputError(f"unknown staggering rule '{rule}': choose one of {', '.join([*RULE_NAMES, *_registered])}")


def names_rules(documented: _Documented) -> _Documented:
    """Write the names of the package's rules in place of ``{rules}`` in a docstring, from which help texts are made."""
    assert documented.__doc__ is not None
    documented.__doc__ = documented.__doc__.replace("{rules}", f"{', '.join(RULE_NAMES[:-1])} or {RULE_NAMES[-1]}")
    return documented


def name_of_rule(rule: object) -> object:
    """Return the name of a rule object, and anything else as it is (for models whose fields are text)."""
    from .rule import StaggeringRule

    return rule.name if isinstance(rule, StaggeringRule) else rule


def register_rule(rule: "StaggeringRule") -> "StaggeringRule":
    """Make a rule of your own known by its name in this process: to simulations, plans and the virtual clock.

    Parameters
    ----------
    rule
        The rule.

    Returns
    -------
    StaggeringRule
        The same rule.

    Raises
    ------
    InputError
        If its name belongs to another rule, or its transitions do not compile.
    """
    if rule.name in RULE_NAMES or _registered.get(rule.name, rule) is not rule:
        raise InputError(f"there is already a staggering rule '{rule.name}': choose another name")
    rule.compile()
    _registered[rule.name] = rule
    return rule


def unregister_rule(name: str) -> None:
    """Forget a rule that was registered; unknown names are ignored."""
    _registered.pop(name, None)
