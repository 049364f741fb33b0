"""The file of a memory map, checked when it is read: unknown keys and wrong values are named with their place.

::

    game = "Stacker"                # what to call it
    sha256 = "..."                  # the ROM it is of (optional)
    actions = ["", "a", "b", "left", "up", "right", "down"]   # buttons of each action; "a+b" for two (optional)
    ready = { value = "alive", equals = 1 }                   # when the cartridge has booted (optional)

    [values]
    score = { address = 0xC008, size = 3, bcd = true }        # little-endian unless endianness = "big"
    over = { address = 0xC007 }
    seed = { address = 0xC000, size = 4 }

    [reward]
    of = "score"                    # sums and differences of values
    count = "increase"              # of a frame over the one before; or "value"

    [end]                           # of an episode
    value = "over"
    equals = 1                      # or differs = 0, or at_least = 3

    [[start]]                       # what brings the booted cartridge to the start of an episode, in order
    write = "seed"
    random = true                   # or to = 7
    [[start]]
    press = "start"                 # held for frames = 2
    [[start]]
    until = { value = "phase", equals = 1 }                   # at most at_most = 1200 frames; with press it is tapped

Further steps are ``wait = 60`` frames and ``wait_random = 60`` (so many at most, by the episode's seed). A value called
``symbol`` is reported as the environment's true state.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from ...errors import InputError, first_fault
from ...inputs import read_toml
from ..emulator import Emulator
from .expression import Sum, parse_sum

__all__ = ["BUTTONS", "GAME_BOY_ACTIONS", "Condition", "MemoryMap", "Reward", "Step", "Value", "read_memory_map"]

BUTTONS = ("a", "b", "select", "start", "up", "down", "left", "right")
GAME_BOY_ACTIONS: tuple[str, ...] = ("", "a", "b", "left", "up", "right", "down")
"""No-op and the six buttons that the paper's agents press."""

_LOWEST, _HIGHEST = 0x8000, 0xFFFF  # what lies below is the ROM
_LARGEST_MAP = 1 << 20


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Value(_Part):
    """A number in memory.

    Attributes
    ----------
    address
        Of its first byte, 0x8000 to 0xFFFF.
    size
        Bytes, 1 to 8.
    endianness
        "little" (the byte of least weight first) or "big".
    bcd
        Whether each half byte is a decimal digit.
    """

    address: int
    size: int = 1
    endianness: Literal["little", "big"] = "little"
    bcd: bool = False

    @model_validator(mode="after")
    def _in_range(self) -> "Value":
        if not 1 <= self.size <= 8:
            raise ValueError(f"size is 1 to 8 bytes, not {self.size}")
        if not (self.address >= _LOWEST and self.address + self.size - 1 <= _HIGHEST):
            raise ValueError(
                f"address {self.address:#06x} with {self.size} byte(s) is out of range: memory that changes lies at "
                f"{_LOWEST:#06x} to {_HIGHEST:#06x}"
            )
        return self

    @property
    def largest(self) -> int:
        """The largest number that fits."""
        return int((10 if self.bcd else 16) ** (2 * self.size) - 1)

    def read(self, machine: Emulator) -> int:
        """Return the number.

        Raises
        ------
        InputError
            If it should be decimal digits and is not.
        """
        if self.size == 1 and not self.bcd:
            return machine.read(self.address)
        number = int.from_bytes(machine.read_bytes(self.address, self.size), self.endianness)
        if not self.bcd:
            return number
        try:
            return int(f"{number:x}")
        except ValueError:
            raise InputError(
                f"address {self.address:#06x} holds {number:#x}, which is not a decimal number (bcd)"
            ) from None

    def write(self, machine: Emulator, number: int) -> None:
        """Store a number."""
        coded = int(str(number), 16) if self.bcd else number
        for offset, byte in enumerate(coded.to_bytes(self.size, self.endianness)):
            machine.write(self.address + offset, byte)


class Condition(_Part):
    """A comparison of one value with one number."""

    value: str
    equals: int | None = None
    differs: int | None = None
    at_least: int | None = None

    @model_validator(mode="after")
    def _one(self) -> "Condition":
        if sum(number is not None for number in (self.equals, self.differs, self.at_least)) != 1:
            raise ValueError("give one of equals, differs and at_least")
        return self

    def holds(self, number: int) -> bool:
        """Return whether it holds for the value's number."""
        if self.equals is not None:
            return number == self.equals
        if self.differs is not None:
            return number != self.differs
        return number >= (self.at_least or 0)

    def __str__(self) -> str:
        kinds = {"equals": self.equals, "differs from": self.differs, "at least": self.at_least}
        return next(f"{self.value} {kind} {number}" for kind, number in kinds.items() if number is not None)


class Reward(_Part):
    """What a frame earns: a sum or difference of values, or by how much it grew in the frame."""

    of: str
    count: Literal["increase", "value"] = "increase"

    @field_validator("of")
    @classmethod
    def _readable(cls, text: str) -> str:
        parse_sum(text)
        return text

    @property
    def sum(self) -> Sum:
        """The sum."""
        return parse_sum(self.of)


class Step(_Part):
    """One step on the way to the start of an episode; see the module's text."""

    write: str | None = None
    to: int | None = None
    random: bool = False
    press: str | None = None
    frames: int = 2
    wait: int | None = None
    wait_random: int | None = None
    until: Condition | None = None
    at_most: int = 1200

    @model_validator(mode="after")
    def _one(self) -> "Step":
        kinds = [self.write is not None, self.wait is not None, self.wait_random is not None, self.until is not None]
        if sum(kinds) + (self.press is not None and self.until is None) != 1:
            raise ValueError("give one of write, press, wait, wait_random and until")
        if self.write is not None and (self.to is None) != self.random:
            raise ValueError("write needs either to = a number or random = true")
        if min(self.frames, self.at_most, 1 if self.wait is None else self.wait, self.wait_random or 1) < 1:
            raise ValueError("a number of frames is from 1 to 36000")
        if max(self.frames, self.at_most, self.wait or 0, self.wait_random or 0) > 36_000:
            raise ValueError("a number of frames is from 1 to 36000")
        if self.press is not None:
            held(self.press)
        return self

    @property
    def is_random(self) -> bool:
        """Whether the seed of the episode decides what it does."""
        return self.random or self.wait_random is not None


def held(buttons: str) -> tuple[str, ...]:
    """Return the buttons of an action such as "a+b"; "" is none."""
    names = tuple(buttons.split("+")) if buttons else ()
    for name in names:
        if name not in BUTTONS:
            raise ValueError(f"'{name}' is not a button: choose from {', '.join(BUTTONS)}")
    return names


class MemoryMap(_Part):
    """A memory map; the module's text shows a file."""

    game: str = "the game"
    sha256: str | None = None
    actions: list[str] = list(GAME_BOY_ACTIONS)
    ready: Condition | None = None
    values: dict[str, Value] = {}
    reward: Reward | None = None
    end: Condition | None = None
    start: list[Step] = []

    @model_validator(mode="after")
    def _consistent(self) -> "MemoryMap":
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 is 64 hexadecimal digits in small letters, not '{self.sha256}'")
        if not self.actions:
            raise ValueError("actions needs at least one")
        for buttons in self.actions:
            held(buttons)
        for name in self.values:
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise ValueError(f"values are named by letters, digits and underscores, not '{name}'")
        for place, name in self._references():
            if name not in self.values:
                known = ", ".join(self.values) or "none"
                raise ValueError(f"{place} names '{name}', which is not one of the values ({known})")
        for step in self.start:
            if step.write is not None and step.to is not None:
                largest = self.values[step.write].largest
                if not 0 <= step.to <= largest:
                    raise ValueError(f"start writes {step.to} to '{step.write}', which takes 0 to {largest}")
        return self

    def _references(self) -> list[tuple[str, str]]:
        found = [("reward", name) for name in (self.reward.sum.names if self.reward else ())]
        found += [
            (place, condition.value)
            for place, condition in (("ready", self.ready), ("end", self.end))
            if condition is not None
        ]
        for step in self.start:
            found += [("start", name) for name in (step.write, step.until.value if step.until else None) if name]
        return found


def read_memory_map(path: str | Path) -> MemoryMap:
    """Read a memory map from a TOML file.

    Raises
    ------
    InputError
        If it cannot be read or is not as it should be; the message names the place in the file.

    Examples
    --------
    >>> read_memory_map(Path(__file__).parent / "maps" / "tetris.toml").values["score"]
    Value(address=49312, size=3, endianness='little', bcd=True)
    """
    table = read_toml(path, "memory map", _LARGEST_MAP)
    try:
        return MemoryMap.model_validate(table)
    except ValidationError as error:
        where, said = first_fault(error)
        raise InputError(f"memory map '{path}': {where + ': ' if where else ''}{said}") from None
