"""Compiled kernels: one decorator over Numba's ``njit`` whose cache notices every edit.

Numba's own cache looks only at the file of the function it caches; a kernel that inlines a rule from another file would
stay stale after that rule is edited. So the cache directory is named after a hash of all files that hold compiled code:
``_kernels.py`` (any folder) and ``rules/*.py``. Compiled code lives in those files only.

Numba is imported when the first kernel is called, so modules that hold kernels import quickly.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from functools import cache, cached_property, update_wrapper
from operator import attrgetter
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, overload

import platformdirs

from .errors import InputError

__all__ = ["Kernel", "cache_directory", "check_cache", "kernel", "kernel_cache_directory", "kernel_with"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_one_at_a_time = threading.Lock()


_ADVICE = "set REGRETLAB_CACHE to a folder that you alone can write"


def cache_directory() -> Path:
    """Return where regretlab keeps what it can make again (``REGRETLAB_CACHE``, else the user's cache folder)."""
    chosen = os.environ.get("REGRETLAB_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("regretlab"))


def check_cache(folder: Path) -> None:
    """Make a cache folder, or raise ``InputError`` if it cannot be written or another user can write it.

    Numba's cached kernels are pickled: a user who can write them can run code in every process that loads them.

    Parameters
    ----------
    folder
        The cache, or a folder inside it.

    Raises
    ------
    InputError
        The message names ``REGRETLAB_CACHE``.
    """
    try:
        made = not folder.exists()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise InputError(f"kernel cache '{folder}' cannot be made ({error.strerror}): {_ADVICE}") from None
    if made or not hasattr(os, "geteuid"):
        return
    if found.st_uid not in (0, os.geteuid()):
        raise InputError(f"kernel cache '{folder}' belongs to another user: {_ADVICE}")
    others = found.st_mode & 0o002 or (found.st_mode & 0o020 and found.st_gid != os.getegid())
    if others:
        raise InputError(f"kernel cache '{folder}' can be written by other users: run chmod go-w on it, or {_ADVICE}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"kernel cache '{folder}' cannot be written: {_ADVICE}")


@cache
def kernel_cache_directory() -> Path:
    """Return the kernel cache of exactly these sources and this Numba, checked by ``check_cache``."""
    import numba

    package = Path(__file__).parent
    sources = sorted([*package.rglob("_kernels.py"), *(package / "rules").glob("*.py")])
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sources:
        digest.update(source.relative_to(package).as_posix().encode())
        digest.update(source.read_bytes())
    kernels = cache_directory() / "kernels" / digest.hexdigest()[:16]
    for folder in (kernels.parents[1], kernels.parent, kernels):
        check_cache(folder)
    return kernels


class Kernel:
    """A function that Numba compiles when it is first called, from Python or inside another kernel.

    Parameters
    ----------
    function
        The Python function.
    cached
        Whether machine code is kept on disk.
    options
        For ``numba.njit``.
    """

    def __init__(self, function: Callable[..., Any], cached: bool, options: dict[str, Any]) -> None:
        self.function, self.cached, self.options = function, cached, options
        update_wrapper(self, function)

    @cached_property
    def dispatcher(self) -> Any:
        """What Numba makes of the function."""
        import numba

        _teach_numba()
        if not self.cached:
            return numba.njit(**self.options)(self.function)
        with _one_at_a_time:
            before = numba.config.CACHE_DIR
            # Numba picks the cache folder when the function is decorated: set it for just that moment, so that other
            # packages' kernels keep their own caches.
            numba.config.CACHE_DIR = str(kernel_cache_directory())
            try:
                return numba.njit(cache=True, **self.options)(self.function)
            finally:
                numba.config.CACHE_DIR = before

    __call__ = property(attrgetter("dispatcher"))  # a call costs less than through a method


@cache
def _teach_numba() -> None:
    """Let Numba see a ``Kernel`` that another kernel calls as the compiled function it stands for."""
    from numba.core import types
    from numba.extending import typeof_impl

    def typeof_kernel(value: Kernel, context: Any) -> Any:
        return types.Dispatcher(value.dispatcher)

    typeof_impl.register(Kernel, typeof_kernel)


@overload
def kernel(function: _Function, *, allocates: bool = True, cached: bool = True, **options: Any) -> Kernel: ...
@overload
def kernel(
    function: None = None, *, allocates: bool = True, cached: bool = True, **options: Any
) -> Callable[[_Function], Kernel]: ...
def kernel(
    function: _Function | None = None, *, allocates: bool = True, cached: bool = True, **options: Any
) -> Kernel | Callable[[_Function], Kernel]:
    """Compile ``function`` in nopython mode with a cache keyed on all kernel sources.

    Parameters
    ----------
    function
        The function to compile; without it a decorator is returned.
    allocates
        Whether it makes arrays. If not, arrays passed to it are not reference-counted: a small function called in a
        loop would otherwise spend most of its time on that (event simulation: 4/5 of it).
    cached
        Whether machine code is kept on disk, in the cache of the package's own sources.
    **options
        Passed on to ``numba.njit`` (for example ``fastmath=True``, ``parallel=True``).
    """
    if function is None:
        return lambda wrapped: Kernel(wrapped, cached, _options(allocates, options))
    return Kernel(function, cached, _options(allocates, options))


def _options(allocates: bool, options: dict[str, Any]) -> dict[str, Any]:
    return options if allocates else options | {"_nrt": False}  # Numba's name for its run time of counted memory


def kernel_with(original: Kernel, **functions: Any) -> Kernel:
    """Return a kernel, uncached, that calls other functions in place of those of its module.

    Parameters
    ----------
    original
        The kernel.
    **functions
        Kernels, by the names under which ``original`` calls those they replace.
    """
    function = original.function
    assert isinstance(function, FunctionType)
    copy = FunctionType(function.__code__, function.__globals__ | functions, function.__name__)
    return Kernel(copy, False, original.options)
