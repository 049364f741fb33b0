"""How a cartridge's frames are scored: by a memory map, by PyBoy's reader of the game, as Pokemon, or not at all."""

from .unscored import Scoring, Unscored

__all__ = ["Scoring", "Unscored"]
