"""Game Boy ROM images: the header, its checksums, and saying plainly what is wrong with a file.

The cartridge header lies at 0x0100 to 0x014F (Pan Docs, "The Cartridge Header").
"""

from pathlib import Path

from ..errors import InputError
from ..inputs import read_file

__all__ = ["check_rom", "runs_in_colour", "title_of", "without_title", "write_header"]

_TITLE, _TITLE_END = 0x134, 0x144
_LOGO, _LOGO_END = 0x104, 0x134
_COLOUR = 0x143
_ROM_SIZE = 0x148
_CHECKSUM = 0x14D
_GLOBAL_CHECKSUM = 0x14E
_SMALLEST = 0x8000
_LARGEST = 0x800000


def _header_checksum(image: bytes) -> int:
    checksum = 0
    for byte in image[_TITLE:_CHECKSUM]:
        checksum = (checksum - byte - 1) & 0xFF
    return checksum


def check_rom(path: str | Path) -> bytes:
    """Return the bytes of a ROM image after checking that it is a whole one.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        If it is missing, no Game Boy image, truncated, or its header checksum is wrong.
    """
    image = read_file(path, "ROM", _LARGEST)
    if len(image) <= _GLOBAL_CHECKSUM + 1:
        raise InputError(f"ROM '{path}' has {len(image)} bytes: a Game Boy image has at least {_SMALLEST}")
    code = image[_ROM_SIZE]
    if image[_CHECKSUM] != _header_checksum(image):
        raise InputError(
            f"ROM '{path}' has header checksum 0x{image[_CHECKSUM]:02X} where its header gives "
            f"0x{_header_checksum(image):02X}: it is damaged or no Game Boy image"
        )
    if code > 8:
        raise InputError(f"ROM '{path}' states size code 0x{code:02X}: allowed are 0x00 to 0x08")
    stated = _SMALLEST << code
    if len(image) < stated:
        raise InputError(f"ROM '{path}' is truncated: its header states {stated} bytes and it has {len(image)}")
    return image


def write_header(image: bytes, *, title: str) -> bytes:
    """Return the image with title and checksums filled in and an empty logo area.

    Parameters
    ----------
    image
        A ROM image of a power-of-two size from 32 KiB.
    title
        At most 15 ASCII capitals.
    """
    whole = bytearray(image)
    whole[_LOGO:_LOGO_END] = bytes(_LOGO_END - _LOGO)
    whole[_TITLE:_TITLE_END] = title.encode("ascii")[:15].ljust(16, b"\0")
    whole[_ROM_SIZE] = (len(image) // _SMALLEST).bit_length() - 1
    whole[_CHECKSUM] = _header_checksum(bytes(whole))
    whole[_GLOBAL_CHECKSUM : _GLOBAL_CHECKSUM + 2] = b"\0\0"
    whole[_GLOBAL_CHECKSUM : _GLOBAL_CHECKSUM + 2] = (sum(whole) & 0xFFFF).to_bytes(2, "big")
    return bytes(whole)


def title_of(image: bytes) -> str:
    """Return the title in the header, what can be read of it."""
    title = image[_TITLE:_TITLE_END].split(b"\0")[0][:15]
    return "".join(chr(byte) for byte in title if 32 <= byte < 127).strip()


def without_title(image: bytes) -> bytes:
    """Return the image with a title that names no game, its checksum right."""
    whole = bytearray(image)
    whole[_TITLE] = 0
    whole[_CHECKSUM] = _header_checksum(bytes(whole))
    return bytes(whole)


def runs_in_colour(image: bytes) -> bool:
    """Return whether a Game Boy Color would run it in colour."""
    return bool(image[_COLOUR] & 0x80)
