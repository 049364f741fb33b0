"""Memory maps: where a game keeps its score and its end, in a small TOML file, for ROMs that this package does not
know.

``model`` is the file (checked when it is read), ``expression`` the sums and differences that rewards may be. The maps
in ``maps/`` ship with the package.
"""

from .model import MemoryMap, read_memory_map

__all__ = ["MemoryMap", "read_memory_map"]
