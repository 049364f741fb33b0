"""Random bits against a plain xoshiro256++, alias tables against the law they were made from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.simulation.draws import LANES, alias_table, random_state
from regretlab.simulation.draws._kernels import draw_delays, fill_bits

MASK = 2**64 - 1


def rotated(value, by):
    return ((value << by) | (value >> (64 - by))) & MASK


def plain_xoshiro(state, count):
    a, b, c, d = (int(word) for word in state)
    out = []
    for _ in range(count):
        out.append((rotated((a + d) & MASK, 23) + a) & MASK)
        shifted = (b << 17) & MASK
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        d = rotated(d, 45)
    return out


def test_random_bits_are_xoshiro256_in_lanes():
    state = random_state(np.random.SeedSequence(8))
    expected = [plain_xoshiro(state[:, lane], 40) for lane in range(LANES)]
    out = np.empty(40 * LANES, np.uint64)
    fill_bits(state, out[: 24 * LANES], 24 * LANES)
    fill_bits(state, out[24 * LANES :], 16 * LANES - 3)  # a count that ends within a block fills the block
    assert np.array_equal(out.reshape(40, LANES).T, np.array(expected, np.uint64))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=70).filter(lambda weights: sum(weights) > 1e-3))
def test_an_alias_table_draws_from_its_law(weights):
    law = np.array(weights) / sum(weights)
    table = alias_table(weights)
    assert table.longest == len(weights) - 1
    assert table.probabilities[: len(law)] == pytest.approx(law, abs=1e-12)
    assert table.probabilities[len(law) :] == pytest.approx(0, abs=1e-12)
    assert table.aliases.max() < max(2, len(weights))


def test_draws_follow_the_law():
    """Each frequency of 2^20 draws within |z| < 4.5 of the law (12 outcomes)."""
    law = np.array([0.0, *np.random.default_rng(1).dirichlet(np.ones(12))])
    table = alias_table(law)
    count = 1 << 20
    bits = np.empty(count, np.uint64)
    fill_bits(random_state(np.random.SeedSequence(2)), bits, count)
    delays = np.empty(count, np.int32)
    draw_delays(bits, table.thresholds, table.aliases, delays, count)
    frequency = np.bincount(delays, minlength=13) / count
    assert frequency[0] == 0
    z = (frequency - law)[1:] / np.sqrt(law * (1 - law) / count)[1:]
    assert np.abs(z).max() < 4.5
    lagged = np.corrcoef(delays[:-1], delays[1:])[0, 1]
    assert abs(lagged) * np.sqrt(count) < 4


def test_a_certain_delay_is_always_drawn():
    table = alias_table([0, 0, 0, 1.0])
    bits = np.array([0, 1, 2, 3, MASK, MASK - 1, MASK - 2, MASK - 3], np.uint64)
    delays = np.empty(8, np.int32)
    draw_delays(bits, table.thresholds, table.aliases, delays, 8)
    assert np.all(delays == 3)


@pytest.mark.parametrize("bad", [[0.0, 0.0], [0.5, -0.1], [np.nan], [[0.5, 0.5]]])
def test_what_is_no_law_is_refused(bad):
    with pytest.raises(InputError, match="non-negative"):
        alias_table(bad)
