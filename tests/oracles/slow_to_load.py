"""A module that takes two minutes to import, as PyTorch may on a machine that swaps."""

import time

time.sleep(120.0)
