"""Compiled sweep of the lower bound over worker counts and mode probabilities; ``any_rule`` checks and converts."""

import numpy as np

from ..compilation import kernel


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
        total, power, known = 0.0, 1.0, 0
        for j in range(end + 1):
            sums[j] = total
            powers[j] = power
            known = j
            if power < 1e-18:  # nothing that follows counts
                break
            total += power * below[j]
            power *= p[i]
        weight = stake * (1.0 - p[i])
        for n in range(rates.shape[0]):
            age = min(full[n], end)
            term = min(age, known)
            worth = max(0.0, gap_default - stake + stake * powers[term])
            reach = total_below if age == last and useful[i] > last else below[age]
            served = weight * rates[n] * sums[term] + worth * min(1.0, rates[n] * reach)
            out[i, n] = max(0.0, gap_default - served)
