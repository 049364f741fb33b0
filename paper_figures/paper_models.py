"""The paper's networks and how many frames its machine took for an inference of each (arXiv 2412.14355)."""

__all__ = ["ATARI_DELAYS", "GAME_BOY_DELAYS", "PARAMETERS"]

PARAMETERS = {"55K": 55e3, "1M": 1e6, "10M": 1e7, "100M": 1e8, "1B": 1e9}
"""Sizes as the paper rounds them."""

GAME_BOY_DELAYS = {"55K": 1, "1M": 5, "10M": 8, "100M": 70, "1B": 596}
"""Frames at 59.7275 a second."""

ATARI_DELAYS = {
    "once as deep": {"55K": 1, "1M": 5, "10M": 8, "100M": 70, "1B": 599},
    "twice as deep": {"55K": 3, "1M": 29, "10M": 47, "100M": 80, "1B": 750},
}
"""Frames at 60 a second, for networks of three and of six stages."""
