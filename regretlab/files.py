"""Files that appear whole or not at all: one file, a folder, and the resumable parts of a long computation."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import InputError

__all__ = ["PartStore", "make_folder", "new_folder", "replacing", "scratch_folder", "write_atomically"]

_DIGEST_BYTES = hashlib.sha256().digest_size
_SCRATCH = "REGRETLAB_SCRATCH"  # names the folder for intermediate files to the processes of a computation
_SCRATCH_NAME = "regretlab-scratch-"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; what the body wrote there takes the place of ``path`` in one step.

    If the body fails, the temporary file (or folder) is removed and ``path`` is as it was. A killed process leaves a
    file ``NAME.PID.tmp`` at most.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> [(path.name, path.read_text()) for path in folder.iterdir()]
    [('a.txt', 'whole')]
    """
    target = Path(path)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            if temporary.is_dir():
                shutil.rmtree(temporary)
            else:
                temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Replace a file in one step; text is written as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless it is there; raise ``InputError`` where there can be none."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"'{path}' is a file or lies below one: give a folder") from None
    except OSError as error:
        raise InputError(f"folder '{path}' cannot be made: {error.strerror}") from None


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder, made if missing as by ``make_folder``; if the body fails, those made and still empty are removed.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "a" / "b"
    >>> with suppress(KeyError), new_folder(place):
    ...     raise KeyError
    >>> place.parent.exists()
    False
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    make_folder(path)
    try:
        yield path
    except BaseException:
        with suppress(OSError):  # not empty
            for folder in made:
                folder.rmdir()
        raise


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder that is removed afterwards: among the parts of the computation under way, where there is one.

    What a killed process leaves there is removed when the computation is called again, and with its parts at the end.
    """
    parts = os.environ.get(_SCRATCH)
    place = parts if parts is not None and Path(parts).is_dir() else None
    with tempfile.TemporaryDirectory(prefix=_SCRATCH_NAME, dir=place) as folder:
        yield Path(folder)


class PartStore:
    """The finished parts of a long computation, in a folder next to its result, for one process at a time.

    A part is a file of its content's SHA-256 and the content; one that is empty, truncated or damaged counts as
    missing and is computed again. The lock is the operating system's, on an open file: it ends with the process.

    Parameters
    ----------
    folder
        Where the parts lie; made if missing.
    label
        What distinguishes this computation from every other, JSON values.
    parts
        How many parts there are.

    Raises
    ------
    InputError
        If the folder holds parts of another computation or other files, or another process computes them.

    Examples
    --------
    >>> import tempfile
    >>> store = PartStore(Path(tempfile.mkdtemp()) / "out.parts", {"digest": "0"}, 3)
    >>> store.put(1, b"second")
    >>> store.missing(), store.get(1)
    ([0, 2], b'second')
    >>> store.close()
    """

    def __init__(self, folder: Path, label: dict[str, Any], parts: int) -> None:
        import fcntl  # of Unix only: the theory side needs none of this

        self.folder, self._parts = folder, parts
        make_folder(folder)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise InputError(
                f"'{folder}' is being computed by another process: wait for it or choose another --out"
            ) from None
        try:
            self._check(label)
            for left in folder.glob(f"{_SCRATCH_NAME}*"):
                shutil.rmtree(left)
        except BaseException:
            self.close()
            raise
        os.environ[_SCRATCH] = str(folder.resolve())

    def _check(self, label: dict[str, Any]) -> None:
        place = self.folder / "label.json"
        try:
            if json.loads(place.read_text(encoding="utf-8")) == label:
                return
        except FileNotFoundError:
            if all(path.name == "lock" or path.suffix == ".tmp" for path in self.folder.iterdir()):
                write_atomically(place, json.dumps(label))
                return
        except (OSError, ValueError):
            pass
        raise InputError(
            f"'{self.folder}' holds parts of another computation or version: choose another --out or delete it"
        )

    def missing(self) -> list[int]:
        """Return the numbers of the parts that are not there, or not whole."""
        return [number for number in range(self._parts) if self.find(number) is None]

    def put(self, number: int, content: bytes) -> None:
        """Keep a part."""
        write_atomically(self._path(number), hashlib.sha256(content).digest() + content)

    def get(self, number: int) -> bytes:
        """Return a part that is there."""
        content = self.find(number)
        if content is None:
            raise InputError(f"'{self._path(number)}' is missing or damaged: call again to compute it")
        return content

    def find(self, number: int) -> bytes | None:
        """Return a part, or None where it is missing or not whole."""
        try:
            held = self._path(number).read_bytes()
        except OSError:
            return None
        content = held[_DIGEST_BYTES:]
        return content if hashlib.sha256(content).digest() == held[:_DIGEST_BYTES] else None

    def all(self) -> Iterator[bytes]:
        """Yield all parts in their order."""
        yield from map(self.get, range(self._parts))

    def close(self) -> None:
        """Let other processes continue."""
        os.environ.pop(_SCRATCH, None)
        os.close(self._lock)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder)

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:08d}"
