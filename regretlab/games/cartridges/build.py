"""Build the cartridges from their sources with SDCC, byte for byte: ``python -m regretlab.games.cartridges.build``.

Each folder with C sources is a cartridge; ``common/`` holds what they share. Pictures drawn as text (``symbols.txt``,
``monsters.txt``) become C arrays first. SDCC compiles for the sm83 processor, makebin lays out the image, and the
header (title, sizes, checksums) is filled in here; the logo area is left empty.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ...errors import InputError
from ..rom import write_header

__all__ = ["CARTRIDGES", "build_cartridge", "main"]

_FOLDER = Path(__file__).parent
CARTRIDGES = ("beacon", "duel", "stacker")
"""Names of the cartridges: folders next to this file; each ROM lies next to its folder as NAME.gb."""

_SHADES, _MONSTER = ".:+#", 48  # of pictures of monsters; pixels a side
_COMPILE = ("sdcc", "-msm83", "--std-c11", "--opt-code-speed", "-c")
_LINK = ("sdcc", "-msm83", "--no-std-crt0", "--code-loc", "0x0200", "--data-loc", "0xC100")


def build_cartridge(name: str, target: Path) -> None:
    """Build a cartridge.

    Parameters
    ----------
    name
        One of ``CARTRIDGES``.
    target
        Where to write the ROM image.

    Raises
    ------
    InputError
        If there is no such cartridge or SDCC is not installed.
    subprocess.CalledProcessError
        If a source does not compile.
    """
    if name not in CARTRIDGES:
        raise InputError(f"unknown cartridge '{name}': choose one of {', '.join(CARTRIDGES)}")
    for tool in ("sdcc", "sdasgb", "makebin"):
        if shutil.which(tool) is None:
            raise InputError(f"building a cartridge needs {tool}, which is not installed (Debian: apt install sdcc)")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sources = sorted((_FOLDER / name).glob("*.c"))
        if (_FOLDER / name / "symbols.txt").exists():
            (work / "symbols.c").write_text(_symbols_source(_FOLDER / name / "symbols.txt"))
            sources.append(work / "symbols.c")
        if (_FOLDER / name / "monsters.txt").exists():
            (work / "monsters.c").write_text(_monsters_source(_FOLDER / name / "monsters.txt"))
            sources.append(work / "monsters.c")
        _run(["sdasgb", "-o", str(work / "crt0.rel"), str(_FOLDER / "common" / "crt0.s")], work)
        objects = [work / "crt0.rel"]
        for source in sources:
            objects.append(work / f"{source.stem}.rel")
            _run([*_COMPILE, f"-I{_FOLDER / 'common'}", "-o", str(objects[-1]), str(source)], work)
        _run([*_LINK, "-o", str(work / "image.ihx"), *map(str, objects)], work)
        _run(["makebin", "-Z", str(work / "image.ihx"), str(work / "image.gb")], work)
        target.write_bytes(write_header((work / "image.gb").read_bytes(), title=name.upper()))


def _symbols_source(pictures: Path) -> str:
    """Return C source with one byte a cell (1: dark) for pictures drawn in '#' and '.'."""
    rows = [line for line in pictures.read_text().splitlines() if line[:1] in ("#", ".")]
    cells = ",\n".join("\t" + ", ".join("1" if cell == "#" else "0" for cell in row) for row in rows)
    return f"#include <stdint.h>\nconst uint8_t symbol_cells[] = {{\n{cells}\n}};\n"


def _monsters_source(pictures: Path) -> str:
    """Return C source of the tiles, column by column, of pictures drawn in '.', ':', '+' and '#' (light to dark)."""
    rows = [line for line in pictures.read_text().splitlines() if line and set(line) <= set(_SHADES)]
    tiles = []
    for top in range(0, len(rows), _MONSTER):
        for left in range(0, _MONSTER, 8):
            for row in rows[top : top + _MONSTER]:
                shades = [_SHADES.index(cell) for cell in row[left : left + 8]]
                tiles += [sum((shade >> plane & 1) << (7 - at) for at, shade in enumerate(shades)) for plane in (0, 1)]
    lines = ",\n".join(
        "\t" + ", ".join(f"0x{byte:02X}" for byte in tiles[at : at + 16]) for at in range(0, len(tiles), 16)
    )
    return f"#include <stdint.h>\nconst uint8_t monster_tiles[] = {{\n{lines}\n}};\n"


def _run(command: list[str], work: Path) -> None:
    subprocess.run(command, cwd=work, check=True, stdin=subprocess.DEVNULL)


def main() -> int:
    """Build every cartridge in place; say what changed."""
    for name in CARTRIDGES:
        target = _FOLDER / f"{name}.gb"
        before = target.read_bytes() if target.exists() else b""
        build_cartridge(name, target)
        size = target.stat().st_size
        print(f"{target}: {size} bytes, {'unchanged' if target.read_bytes() == before else 'changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
