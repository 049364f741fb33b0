"""Named MDPs, built from text such as ``ring(p=0.9, symbols=4)``, with their closed-form regret where there is one."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .family_member import Member
from .family_text import split_call
from .model import AsynchronousMDP, FiniteMDP
from .persistence import load_mdp
from .textbook import random_controlled, riverswim, single_state
from .witnesses import additive_register, lazy_walk, product, ring, shift_register, trap

__all__ = ["FAMILIES", "Family", "closed_form_regret", "parse_mdp"]


@dataclass(frozen=True)
class Family:
    """A named family.

    Attributes
    ----------
    name
        Its name in the API and on the command line.
    build
        Function of the parameters.
    summary
        One line: states, what moves, what is rewarded.
    """

    name: str
    build: Callable[..., Member]
    summary: str

    @property
    def signature(self) -> str:
        """Parameters with their defaults, as they are written."""
        parameters = inspect.signature(self.build).parameters.values()
        return f"{self.name}({', '.join(f'{p.name}={p.default}' for p in parameters)})"


def parse_mdp(text: str, *, base_directory: str | Path | None = None) -> AsynchronousMDP:
    """Return the process that a text names.

    Parameters
    ----------
    text
        ``family(key=value, ...)`` or the path of an ``.npz`` file (see ``persistence``).
    base_directory
        Where a relative path starts; default the working directory.

    Raises
    ------
    InputError
        If the family is unknown (the message lists the known ones), or a parameter does not fit.

    Examples
    --------
    >>> parse_mdp("ring(p=0.9)")
    AsynchronousMDP(FiniteMDP('ring(p=0.9)', states=4, actions=4, transitions=64), beta=repeat, frame_time=1.0)
    """
    if text.strip().endswith(".npz"):
        loaded = load_mdp(Path(base_directory or ".") / text.strip())
        return loaded if isinstance(loaded, AsynchronousMDP) else AsynchronousMDP(loaded)
    return _member(text).process


def closed_form_regret(text: str, delay: int, *, every: int = 1) -> float | None:
    """Return the regret per frame of the best policy of a family, in closed form; ``None`` where there is none.

    Parameters
    ----------
    text
        ``family(key=value, ...)``.
    delay
        Frames from observation to effect.
    every
        Frames between agent actions, the others served by the family's default behaviour.

    References
    ----------
    Derived in docs/theory, "witness families"; each is checked against the exact solver in the tests.

    Examples
    --------
    >>> print(round(closed_form_regret("ring(p=0.7, symbols=3)", 2), 9))
    0.465
    >>> print(round(closed_form_regret("trap(p=0.9, length=3)", 2), 6))
    0.307692
    """
    if delay < 0 or every < 1:
        raise InputError(f"delay must be at least 0 and every at least 1 frame, not {delay} and {every}")
    return _member(text).regret(delay, every)


def _member(text: str) -> Member:
    name, positional, named = split_call(text)
    family = FAMILIES.get(name)
    if family is None:
        raise InputError(f"unknown MDP {name!r}: choose one of {', '.join(FAMILIES)}, or give an .npz file")
    try:
        bound = inspect.signature(family.build).bind(*positional, **named)
    except TypeError as error:
        raise InputError(f"MDP {text!r} does not fit {family.signature}: {error}") from None
    kinds = inspect.signature(family.build).parameters
    for key, value in bound.arguments.items():
        kind = kinds[key].annotation
        allowed = (int,) if kind is int else (str,) if kind is str else (int, float)
        if not isinstance(value, allowed):
            expected = "a whole number" if kind is int else "a word" if kind is str else "a number"
            raise InputError(f"{key} of MDP {text!r} must be {expected}, not {value!r}: {family.signature}")
    member = family.build(*bound.args, **bound.kwargs)
    # The text is the name under which messages know the process.
    mdp = member.process.mdp
    named_mdp = FiniteMDP(mdp.transitions, mdp.rewards, mdp.labels, text.strip())
    return Member(AsynchronousMDP(named_mdp, member.process.beta, member.process.frame_time), member.regret)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("shift-register", shift_register, "W1: guess the last n symbols; regret gap (1 - p^d)"),
        Family("additive-register", additive_register, "W1 for held actions: slots raised in turn by fresh symbols"),
        Family("ring", ring, "W2: K symbols that stay or rotate, else jump uniformly"),
        Family("lazy-walk", lazy_walk, "walk on a cycle that stays half the time: chains re-merge"),
        Family("product", product, "shift register and bandit side by side"),
        Family("trap", trap, "a wrong guess costs several frames: gaps above 1"),
        Family("riverswim", riverswim, "swim against the current (Osband, Russo & Van Roy 2013)"),
        Family("single-state", single_state, "a bandit with known arms"),
        Family("random", random_controlled, "random controlled transitions and rewards"),
    )
}
"""The families by name."""
