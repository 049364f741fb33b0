"""Random bits and draws from discrete laws, in blocks that the compiler turns into vector instructions.

Random bits come from ``LANES`` independent xoshiro256++ generators (Blackman & Vigna 2021), state of shape (4, LANES).
A discrete law is an alias table (Walker 1977; Vose 1991) with a power of two of columns: the low bits of one random
number choose the column, its high bits decide between the column's own outcome and its alias.
"""

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel

LANES = 16


@kernel(allocates=False)
def fill_bits(state: NDArray[np.uint64], out: NDArray[np.uint64], count: int) -> None:
    """Fill at least ``count`` numbers of ``out`` (its length a multiple of ``LANES``) with random bits."""
    first = state[0]
    second = state[1]
    third = state[2]
    fourth = state[3]
    for begin in range(0, count, LANES):
        block = out[begin : begin + LANES]
        for lane in range(LANES):
            a = first[lane]
            b = second[lane]
            c = third[lane]
            d = fourth[lane]
            total = a + d
            block[lane] = ((total << np.uint64(23)) | (total >> np.uint64(41))) + a
            shifted = b << np.uint64(17)
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= shifted
            d = (d << np.uint64(45)) | (d >> np.uint64(19))
            first[lane] = a
            second[lane] = b
            third[lane] = c
            fourth[lane] = d


@kernel(allocates=False)
def draw_delays(
    bits: NDArray[np.uint64],
    thresholds: NDArray[np.uint64],
    aliases: NDArray[np.int32],
    out: NDArray[np.int32],
    count: int,
) -> None:
    """Turn random bits into delays in frames by an alias table of a power of two of columns."""
    columns = len(thresholds)
    mask = np.uint64(columns - 1)
    shift = np.uint64(0)
    while columns > 1:
        columns >>= 1
        shift += np.uint64(1)
    for index in range(count):
        random = bits[index]
        column = np.int64(random & mask)
        out[index] = column if (random >> shift) < thresholds[column] else aliases[column]
