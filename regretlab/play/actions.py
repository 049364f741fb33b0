"""What a policy answers, checked before it can reach the game: one action, in the environment's range."""

import operator
from typing import Any

__all__ = ["checked_action"]


def checked_action(answer: Any, actions: int) -> int:
    """Return a policy's answer as an action.

    Parameters
    ----------
    answer
        What the policy returned: a whole number (also NumPy's or torch's).
    actions
        Number of actions of the environment.

    Raises
    ------
    ValueError
        If it is anything else, or not below ``actions``.

    Examples
    --------
    >>> checked_action(2, 5)
    2
    >>> checked_action(5, 5)
    Traceback (most recent call last):
    ValueError: the policy chose action 5; the environment has actions 0 to 4
    """
    try:
        action = operator.index(answer)
    except TypeError:
        text = " ".join(repr(answer).split())[:80]
        raise ValueError(f"the policy chose {text}; an action is a whole number, 0 to {actions - 1}") from None
    if not 0 <= action < actions:
        raise ValueError(f"the policy chose action {action}; the environment has actions 0 to {actions - 1}")
    return action
