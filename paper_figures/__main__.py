"""``python -m paper_figures [NAME ...] [--out DIR]``: make the named figures, or all of them."""

import argparse
import sys
from pathlib import Path

from . import regret

FIGURES = {module.NAME: module for module in (regret,)}


def main() -> int:
    """Make the figures and say where they are."""
    parser = argparse.ArgumentParser(prog="paper_figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(FIGURES)}; all if none is given")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder for the figures")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in FIGURES:
            parser.error(f"unknown figure '{name}': choose from {', '.join(FIGURES)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or FIGURES:
        for path in FIGURES[name].draw(arguments.out):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
