"""A run does not grow: half a minute of sixteen workers; half an hour in ``make test-long``."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
from tests.benchmarks.soak import soak

if __name__ == "__main__":
    growth = soak(sys.argv[1], seconds=float(sys.argv[2]), workers=16)
    last = growth.samples[-1]
    told = ("private", "resident", "descriptors", "segments", "nothing_grew")
    print(json.dumps({name: getattr(growth, name) for name in told} | {
        "samples": len(growth.samples), "processes": len(last.private),
    }))
"""


@pytest.mark.realtime
@pytest.mark.parametrize("seconds", [30, pytest.param(1800, marks=pytest.mark.long)])
def test_a_run_does_not_grow(seconds, tmp_path):
    """In a process of its own: what other tests left in this one is not the run's."""
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "record"), str(seconds)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240 + seconds, check=False)
    assert done.returncode == 0, done.stderr
    growth = json.loads(done.stdout)
    assert growth["samples"] > 20
    assert growth["processes"] == 18  # supervisor, environment, workers
    assert growth["segments"] == 0
    assert growth["descriptors"][0] == 0, growth
    assert growth["nothing_grew"], growth
