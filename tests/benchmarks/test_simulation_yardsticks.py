"""The programs the simulator's speed is measured against count the same things: |z| < 4.5 between them."""

import math
import shutil

import numpy as np
import pytest

from regretlab.scenario import Scenario
from regretlab.simulation import simulate
from tests.benchmarks.yardsticks import KEPT, compile_c, plain_pool, run_c
from tests.oracles.simpy_pool import PoolModel

MEAN, P, SYMBOLS = 2.5, 0.9, 16


@pytest.fixture(scope="module")
def unlimited():
    return simulate(
        Scenario(
            f"expon(scale={MEAN})",
            frame_time=1.0,
            mode_probability=P,
            workers=math.inf,
            symbols=SYMBOLS,
            rule="frame-pool",
        ),
        frames=1_000_000,
    )


def agrees(result, frames, inaction, reward, delays):
    """Another program's figures over so many frames; its errors are ours, scaled to its length."""
    scale = math.sqrt(1 + result.frames / frames)
    assert abs(inaction - result.inaction_fraction) < 4.5 * scale * result.service.standard_error
    assert abs(reward - result.reward_per_frame) < 4.5 * scale * result.standard_errors["reward_per_frame"]
    for delay in range(1, 12):
        error = result.standard_errors["delay_law"][delay]
        assert abs(delays[delay] - result.delay_law[delay]) < 4.5 * scale * error


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_the_c_program_counts_the_same(unlimited, tmp_path):
    played = run_c(compile_c(tmp_path), 2_000_000, 5, MEAN, P, SYMBOLS)
    agrees(unlimited, 2_000_000, played.inaction_fraction, played.reward_per_frame, played.delay_law)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize(("workers", "most"), [(1, None), (2, None), (4, 1), (3, 3)])
def test_the_c_program_that_keeps_outputs_counts_the_same(workers, most, tmp_path):
    asked = Scenario(f"expon(scale={MEAN})", frame_time=1, mode_probability=P, workers=workers, symbols=SYMBOLS)
    result = simulate(asked.replace(unused="keep" if most is None else f"keep:{most}"), frames=250_000)
    limit = () if most is None else (0, most)
    played = run_c(compile_c(tmp_path, KEPT), 2_000_000, 5, MEAN, P, SYMBOLS, workers, *limit)
    agrees(result, 2_000_000, played.inaction_fraction, played.reward_per_frame, played.delay_law)


def test_the_plain_numba_loop_counts_the_same(unlimited):
    frames = 2_000_000
    inaction, reward, delays = plain_pool(frames, 5, MEAN, P, SYMBOLS)
    agrees(unlimited, frames, inaction / frames, reward / frames, delays / frames)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_simpy_model_counts_the_same(workers):
    frames = 40_000
    model = PoolModel(workers, MEAN, P, SYMBOLS, seed=2).run(frames)
    result = simulate(
        Scenario(
            f"expon(scale={MEAN})",
            frame_time=1.0,
            mode_probability=P,
            workers=workers,
            symbols=SYMBOLS,
            rule="frame-pool",
        ),
        frames=1_000_000,
        seed=3,
    )
    delays = np.array([model.delays[delay] for delay in range(12)]) / frames
    agrees(result, frames, 1 - sum(model.delays.values()) / frames, model.rewards / frames, delays)
