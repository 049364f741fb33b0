"""Compiled screen arithmetic."""

import numpy as np
from numpy.typing import NDArray

from ..compilation import kernel


@kernel
def area_average(screen: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Average a grayscale screen over areas, exactly in integers, rounded half up.

    A target cell covers rows / height by columns / width pixels; weights are counted in units of 1/height and
    1/width of a pixel, so all sums are whole numbers.
    """
    rows, columns = screen.shape
    across = np.zeros((rows, width), np.int64)
    for target in range(width):
        low, high = target * columns, (target + 1) * columns  # in units of 1/width pixel
        for pixel in range(low // width, (high + width - 1) // width):
            weight = min(high, (pixel + 1) * width) - max(low, pixel * width)
            for row in range(rows):
                across[row, target] += weight * screen[row, pixel]
    result = np.empty((height, width), np.uint8)
    total = rows * columns
    line = np.empty(width, np.int64)
    for target in range(height):
        line[:] = 0
        low, high = target * rows, (target + 1) * rows
        for pixel in range(low // height, (high + height - 1) // height):
            weight = min(high, (pixel + 1) * height) - max(low, pixel * height)
            for column in range(width):
                line[column] += weight * across[pixel, column]
        for column in range(width):
            result[target, column] = (2 * line[column] + total) // (2 * total)
    return result
