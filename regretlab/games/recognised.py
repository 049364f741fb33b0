"""Commercial cartridges that are known by the SHA-256 of their ROMs. None is included: their owners bring them."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["RECOGNISED", "Game", "Recognised", "digests_of"]

Game = Literal["tetris", "pokemon"]


@dataclass(frozen=True)
class Recognised:
    """A cartridge that is known by its digest.

    Attributes
    ----------
    title
        What it is called.
    game
        "tetris" or "pokemon".
    shift
        Of its addresses, against Red and Blue.
    """

    title: str
    game: Game
    shift: int = 0


RECOGNISED = {
    "0d6535aef23969c7e5af2b077acaddb4a445b3d0df7bf34c8acef07b51b015c3": Recognised("Tetris (World, Rev 1)", "tetris"),
    "5ca7ba01642a3b27b0cc0b5349b52792795b62d3ed977e98a09390659af96b7b": Recognised("Pokemon Red", "pokemon"),
    "2a951313c2640e8c2cb21f25d1db019ae6245d9c7121f754fa61afd7bee6452d": Recognised("Pokemon Blue", "pokemon"),
    "8cbaa499397e4f1a679c992ea9382a2dd7942ab398b48c19829c2d9529de47bf": Recognised("Pokemon Yellow", "pokemon", -1),
}
"""Known cartridges by the SHA-256 of their ROMs."""


def digests_of(game: str) -> str:
    """Return the titles of a game with the SHA-256 of each, as part of a sentence.

    Examples
    --------
    >>> digests_of("tetris")[:36]
    'Tetris (World, Rev 1) is 0d6535aef23'
    """
    return ", ".join(f"{known.title} is {digest}" for digest, known in RECOGNISED.items() if known.game == game)
