"""A scripted player of duel that reads work RAM, for actions in time and for late ones.

``wanted_button`` says what to press if the game stands as it was seen. ``DuelPlayer`` presses it once and then waits
until what it sees changes: while the game waits for a button nothing moves, so that this costs time and nothing else,
however late the press comes.
"""

from typing import NamedTuple

from .duel import DuelState

__all__ = ["MOVES", "DuelPlayer", "Move", "catch_chance", "effect", "full_damage", "wanted_button"]

_NOOP, _A, _UP, _DOWN = 0, 1, 4, 6
_TYPES = 5
_PATIENCE = 120  # frames until a press that nothing came of counts as lost
_LOW, _GOOD_CHANCE = 22, 0.5  # hit points of one's own, and chance of a net, from which on a net is thrown


class Move(NamedTuple):
    """A move: its type (5: plain), its power, and its accuracy in per cent."""

    type: int
    power: int
    accuracy: int


MOVES = (
    Move(5, 12, 100),
    Move(5, 30, 60),
    *(Move(kind, *facts) for kind in range(_TYPES) for facts in ((28, 90), (44, 60))),
)
"""The moves by number, as in ``cartridges/duel/tables.c``."""


def effect(of: int, on: int) -> float:
    """Return what a blow of one type on another is multiplied by: each beats the next.

    Examples
    --------
    >>> effect(0, 1), effect(1, 0), effect(0, 0), effect(0, 2), effect(5, 1)
    (2.0, 0.5, 0.5, 1.0, 1.0)
    """
    if of == _TYPES:
        return 1.0
    if on == (of + 1) % _TYPES:
        return 2.0
    return 0.5 if on in (of, (of - 1) % _TYPES) else 1.0


def full_damage(move: Move, strength: int, on: int) -> int:
    """Return the most hit points that a hit takes; the roll takes off up to 7/32 of it.

    Examples
    --------
    >>> full_damage(MOVES[2], 32, 1)
    28
    """
    return int((move.power * strength >> 6) * effect(move.type, on))


def catch_chance(hp: int, most: int, encounter: int) -> float:
    """Return the chance that a net holds: it rises with the square of what the opponent has lost.

    Examples
    --------
    >>> catch_chance(54, 54, 1), catch_chance(1, 54, 1)
    (0.015625, 0.84765625)
    """
    missing = (most - hp) * 16 // most
    return (4 + missing * missing * (40 - 2 * encounter) // 40) / 256


def _best_move(state: DuelState, spare: bool) -> int | None:
    """Return the place of the move of most expected damage; with ``spare`` of those that leave the foe standing."""
    best, choice = 0.0, None
    for place, number in enumerate(state.own.moves):
        move = MOVES[number]
        damage = full_damage(move, state.own.strength, state.foe.type)
        value = move.accuracy * min(damage, state.foe.hp)
        if value > best and not (spare and damage >= state.foe.hp):
            best, choice = value, place
    return choice


def wanted_button(state: DuelState) -> int:
    """Return the action to take in this state of the game; 0 where it ignores buttons.

    Examples
    --------
    >>> from .duel import Duel
    >>> game = Duel(pixels=False)
    >>> _ = game.reset(seed=0)
    >>> wanted_button(game.state()), wanted_button(game.state()._replace(phase="reading"))
    (0, 1)
    >>> game.close()
    """
    if state.phase == "reading":
        return _A
    if state.phase not in ("menu", "moves"):
        return _NOOP
    weakening = state.catching and state.nets > 0
    place = _best_move(state, weakening)
    chance = catch_chance(state.foe.hp, state.foe.most, state.encounter)
    if weakening and (place is None or state.own.hp < _LOW or chance > _GOOD_CHANCE):
        if state.phase == "moves":
            return 2  # B: back to the menu
        target = 1
    else:
        target = 0 if state.phase == "menu" or place is None else place
    if state.cursor != target:
        return _DOWN if state.cursor < target else _UP
    return _A


class DuelPlayer:
    """Presses what is wanted, once, and waits until what it sees changes.

    Parameters
    ----------
    patience
        Frames after which a press that changed nothing is taken for lost; more than the delay.

    Examples
    --------
    >>> from .duel import Duel
    >>> game, player, late = Duel(pixels=False), DuelPlayer(), [0] * 8  # eight frames late
    >>> _ = game.reset(seed=1)
    >>> reward, over = 0.0, False
    >>> while not over:
    ...     late.append(player.action(game.state()))
    ...     _, paid, over, _, _ = game.step(late.pop(0))
    ...     reward += paid
    >>> reward
    1.0
    >>> game.close()
    """

    def __init__(self, patience: int = _PATIENCE) -> None:
        self._patience = patience
        self._pressed_at: tuple[str, int, int] | None = None
        self._waited, self._held = 0, False

    def action(self, state: DuelState) -> int:
        """Return the action for what it sees now."""
        seen = (state.phase, state.cursor, state.texts)
        if self._held or (seen == self._pressed_at and self._waited < self._patience):
            self._held, self._waited = False, self._waited + 1  # a button counts when it goes down: let go first
            return _NOOP
        wanted = wanted_button(state)
        self._held, self._waited = wanted != _NOOP, 0
        self._pressed_at = seen if self._held else None
        return wanted
