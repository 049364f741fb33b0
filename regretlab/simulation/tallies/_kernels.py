"""What is counted over a block of frames, given the delay each was served with (0: the default behaviour).

Tallies are int64, one row a batch; the columns are named here. The loops over random data are written without branches
(a comparison turned into a mask), since a mispredicted branch costs more than all the rest of a frame.
"""

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel

FRAMES = 0
DEFAULT = 1  # frames served by the default behaviour
AGENT_WRONG = 2  # witness chains: agent frames whose action is not the mode
DEFAULT_RIGHT = 3  # witness chains: default frames whose repeated action is the mode
AGE = 4  # sum over frames of the age, in frames at the frame's beginning, of the newest observation acted on
PEAK_SUM = 5  # sum of the ages just before a newer observation takes effect
PEAKS = 6
OUT_OF_ORDER = 7  # agent frames whose observation is older than one acted on before
DISPATCHED = 8  # inferences started
OVERWRITTEN = 9  # outputs displaced by a fresher one of the same frame
BLOCKED = 10  # boundaries at which the pool wanted to start an inference and no worker was idle
DECLINED = 11  # witness chains: agent frames whose action is so old that the default action is chosen instead
COLUMNS = 12

PREVIOUS = 0  # carried: the last frame with an agent action, counted from the block's beginning
NEWEST = 1  # carried: the newest observation acted on, likewise
CARRIED = 2


@kernel(allocates=False)
def find_acted(served: NDArray[np.int32], count: int, acted: NDArray[np.int32]) -> int:
    """List the frames with an agent action in ``acted`` (shape (count + 1,) at least); return how many there are."""
    found = 0
    for index in range(count):
        acted[found] = index
        found += served[index] > 0
    return found


@kernel(allocates=False, nogil=True)
def tally(
    served: NDArray[np.int32],
    count: int,
    acted: NDArray[np.int32],
    carry: NDArray[np.int64],
    row: NDArray[np.int64],
    delays: NDArray[np.int64],
    intervals: NDArray[np.int64],
) -> int:
    """Count delays, ages and intervals; return the number of frames in ``acted``.

    ``intervals[g]`` counts agent actions g frames after the one before; the last entry all longer ones.
    """
    found = find_acted(served, count, acted)
    previous = carry[PREVIOUS]
    newest = carry[NEWEST]
    longest = len(intervals) - 1
    begin = 0
    level = 0
    peak_sum = 0
    peaks = 0
    older = 0
    for position in range(found):
        index = int(acted[position])
        delay = int(served[np.uint64(index)])  # an index without a sign needs no check
        delays[np.uint64(delay)] += 1
        intervals[np.uint64(min(index - previous, longest))] += 1
        level += newest * (index - begin)
        observed = index - delay
        older += observed < newest
        newer = observed > newest
        peak_sum += (index - newest) * newer
        peaks += newer
        newest = max(newest, observed)
        previous = index
        begin = index
    level += newest * (count - begin)
    delays[0] += count - found
    row[FRAMES] += count
    row[DEFAULT] += count - found
    row[AGE] += count * (count - 1) // 2 - level
    row[PEAK_SUM] += peak_sum
    row[PEAKS] += peaks
    row[OUT_OF_ORDER] += older
    carry[PREVIOUS] = previous - count
    carry[NEWEST] = newest - count
    return found
