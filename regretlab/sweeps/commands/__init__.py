"""What can be swept: the commands of the command line, by their names."""

from .bound import BOUND
from .command import Command, Output
from .run import RUN
from .simulate import SIMULATE
from .solve import SOLVE

__all__ = ["COMMANDS", "Command", "Output"]

COMMANDS: dict[str, Command] = {command.name: command for command in (BOUND, SIMULATE, SOLVE, RUN)}
"""The commands by name."""
