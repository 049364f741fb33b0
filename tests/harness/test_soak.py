"""Thirty seconds of sixteen workers: no memory, descriptor or segment is gained (``make soak`` runs ten minutes)."""

import pytest

from tests.benchmarks.soak import soak


@pytest.mark.realtime
@pytest.mark.xdist_group("realtime")
def test_a_run_does_not_grow(tmp_path):
    growth = soak(tmp_path, seconds=30.0, workers=16)
    assert len(growth.samples) > 20
    assert len(growth.samples[-1].private) == 18  # supervisor, environment, workers
    assert growth.segments == 0
    assert growth.descriptors[0] == 0, growth.descriptors
    assert growth.nothing_grew, (growth.private, growth.resident)
    assert growth.summary.restarts == 0
