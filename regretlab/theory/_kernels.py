"""Compiled sweeps over (inference time, p) grids: out[i, j] = offset[i] + weight[i] * (1 - E p_j^D of time i).

Columns go through small blocks that stay in the first-level cache, so nothing the size of the grid is made but the
result. Called by ``grid``, which checks and converts.
"""

import math

import numpy as np

from ..compilation import kernel

_BLOCK = 512
_POW_FROM = 1024  # beyond this many frames repeated squaring loses digits that pow keeps


@kernel
def constant_sweep(delays, p, offset, weight, out):  # type: ignore[no-untyped-def]
    """Sweep p^d; rows of equal delay, offset and weight are copied."""
    base = np.empty(_BLOCK)
    power = np.empty(_BLOCK)
    for i in range(delays.shape[0]):
        if i > 0 and delays[i] == delays[i - 1] and offset[i] == offset[i - 1] and weight[i] == weight[i - 1]:
            out[i, :] = out[i - 1, :]
            continue
        level, scale = offset[i] + weight[i], weight[i]
        if delays[i] > _POW_FROM:
            exponent = float(delays[i])
            for j in range(p.shape[0]):
                out[i, j] = level - scale * p[j] ** exponent
            continue
        for start in range(0, p.shape[0], _BLOCK):
            size = min(_BLOCK, p.shape[0] - start)
            for j in range(size):
                base[j] = p[start + j]
                power[j] = scale
            left = delays[i]
            while left > 0:
                if left & 1:
                    for j in range(size):
                        power[j] *= base[j]
                left >>= 1
                if left > 0:
                    for j in range(size):
                        base[j] *= base[j]
            for j in range(size):
                out[i, start + j] = level - power[j]


@kernel
def exponential_sweep(ends, p, offset, weight, out):  # type: ignore[no-untyped-def]
    """Sweep 1 - E p^D = (1-p)/((1-p) + p w), w = 1 - e^-mu the chance that an inference ends within a frame."""
    for i in range(ends.shape[0]):
        level, scale, w = offset[i], weight[i], ends[i]
        for j in range(p.shape[0]):
            change = 1.0 - p[j]
            below = change + p[j] * w
            out[i, j] = level + scale * change / below if below > 0.0 else level


@kernel
def gamma_sweep(scales, eulerian, p, offset, weight, out):  # type: ignore[no-untyped-def]
    """Sweep 1 - E p^D = (1-p)(1 + sum_{i<k} s^-i/i! Li_{-i}(p e^{-1/s})), the polylogarithms by Eulerian numbers."""
    shape = eulerian.shape[0]
    z = np.empty(_BLOCK)
    inverse = np.empty(_BLOCK)
    total = np.empty(_BLOCK)
    numerator = np.empty(_BLOCK)
    factor = np.empty(shape)
    for i in range(scales.shape[0]):
        level, scale = offset[i], weight[i]
        stay, end = math.exp(-1.0 / scales[i]), -math.expm1(-1.0 / scales[i])
        factor[0] = 1.0 if stay > 0.0 else 0.0  # nothing outlasts a frame: no 0 times infinity below
        for order in range(1, shape):
            factor[order] = factor[order - 1] / (order * scales[i])
        for start in range(0, p.shape[0], _BLOCK):
            size = min(_BLOCK, p.shape[0] - start)
            for j in range(size):
                z[j] = p[start + j] * stay
                inverse[j] = 1.0 / ((1.0 - p[start + j]) + p[start + j] * end)
                total[j] = 0.0
            for order in range(shape - 1, -1, -1):
                terms = max(order, 1)
                for j in range(size):
                    numerator[j] = eulerian[order, terms - 1]
                for m in range(terms - 2, -1, -1):
                    coefficient = eulerian[order, m]
                    for j in range(size):
                        numerator[j] = numerator[j] * z[j] + coefficient
                amount = factor[order]
                for j in range(size):
                    total[j] = (total[j] + amount * z[j] * numerator[j]) * inverse[j]
            for j in range(size):
                out[i, start + j] = level + scale * (1.0 - p[start + j]) * (1.0 + total[j])


@kernel
def lower_bound_sweep(below, total_below, rates, p, useful, gap_default, stake, out):  # type: ignore[no-untyped-def]
    """Sweep g - S of Theorem A: below[j] = G_j, total_below = G_inf, rates = r, useful[i] = j* of p[i].

    With L the first age at which r G_L reaches 1, or the last useful age, or the end of the table (G_inf there),
    S = stake r (1-p) sum_{j<L} p^j G_j + v_L min(1, r G_L).
    """
    last = below.shape[0] - 1
    sums = np.empty(last + 1)
    powers = np.empty(last + 1)
    full = np.empty(rates.shape[0], dtype=np.int64)
    for n in range(rates.shape[0]):
        age = np.searchsorted(below, 1.0 / rates[n])
        full[n] = min(max(age, 1), last)
    for i in range(p.shape[0]):
        end = last if useful[i] >= last else max(int(useful[i]), 0)
        total, power = 0.0, 1.0
        for j in range(end + 1):
            sums[j] = total
            powers[j] = power
            total += power * below[j]
            power *= p[i]
        weight = stake * (1.0 - p[i])
        for n in range(rates.shape[0]):
            age = min(full[n], end)
            worth = max(0.0, gap_default - stake + stake * powers[age])
            reach = total_below if age == last and useful[i] > last else below[age]
            served = weight * rates[n] * sums[age] + worth * min(1.0, rates[n] * reach)
            out[i, n] = max(0.0, gap_default - served)
