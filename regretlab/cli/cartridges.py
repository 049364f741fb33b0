"""What ``run`` asks about a cartridge of one's own: its ROM, what is scored in it, and where episodes begin."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from .environments import environment_options

__all__ = ["OwnCartridge"]


@Parameter(name="*", group="A cartridge of your own")
@dataclass(frozen=True, kw_only=True)
class OwnCartridge:
    """Options of a cartridge of one's own.

    Parameters
    ----------
    rom
        A Game Boy ROM to play; with --env beacon, stacker or duel another build of these.
    memory_map
        TOML file that says where the game keeps its score and its end.
    state
        A state saved by PyBoy to start episodes from; may be given several times.
    setting
        What Pokemon and duel pay for: battle or catch.
    """

    rom: Path | None = None
    memory_map: Path | None = None
    state: Annotated[list[Path] | None, Parameter(negative="")] = None
    setting: Literal["battle", "catch"] | None = None

    def options(self) -> dict[str, Any]:
        """Return the environment's options."""
        return environment_options(
            rom=None if self.rom is None else str(self.rom),
            memory_map=None if self.memory_map is None else str(self.memory_map),
            state=None if self.state is None else [str(file) for file in self.state],
            setting=self.setting,
        )

    def environment(self, beacon: dict[str, Any]) -> str:
        """Return the environment where none is named: beacon if options of it are given, or none of a cartridge."""
        return "beacon" if beacon or not self.options() else "cartridge"
