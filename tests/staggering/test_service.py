"""Closed forms of the rules: check values, and a second method for each (the plain event loop, with z-bounds)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.records import batch_means
from regretlab.staggering.finite_pools import (
    blocking_bound,
    erlang_b,
    exponential_pool,
    finite_pool,
    palm_loss,
    residual_pool,
)
from regretlab.staggering.service import NoClosedForm, service_law, workers_for_zero_inaction
from tests.oracles.event_loop import run_rule

EXPONENTIAL, GAMMA = parse_law("expon(scale=2.5)"), parse_law("gamma(4, scale=0.8)")
THREE_FRAMES = law_from_samples([0.5] * 2 + [1.5] * 5 + [2.5] * 3)  # P(D = 1, 2, 3) = .2, .5, .3


def test_check_values():
    """Figures on which two independent methods agreed."""
    sequential = service_law(EXPONENTIAL, 1.0, rule="sequential")
    assert sequential.inaction_fraction == pytest.approx(0.670320046036, abs=1e-11)
    padded = service_law(parse_law("5.3"), 1.0, rule="max-time", workers=3)
    assert padded.inaction_fraction == pytest.approx(0.433962264151, abs=1e-11)
    pool = service_law(EXPONENTIAL, 1.0, workers=math.inf)
    assert pool.inaction_fraction == pytest.approx(0.326049337638, abs=1e-11)
    pool = service_law(THREE_FRAMES, 1.0, workers=math.inf)
    assert pool.inaction_fraction == pytest.approx(0.28, abs=1e-12)
    assert pool.service_value(0.9) == pytest.approx(0.59148, abs=1e-12)
    assert palm_loss(4, 0.4) == pytest.approx(0.0564788196268, abs=1e-12)
    finite = service_law(EXPONENTIAL, 1.0, workers=4)
    assert finite.inaction_fraction == pytest.approx(0.340402175182, abs=1e-11)
    assert finite.method == "exact"
    finite = finite_pool(THREE_FRAMES, 1.0, 2)
    assert finite.inaction_fraction == pytest.approx(0.337662337662, abs=1e-12)
    assert finite.blocking == pytest.approx(0.155844155844, abs=1e-12)
    assert blocking_bound(GAMMA.frame_pmf(1.0), 6) == pytest.approx(0.00159776838666, abs=1e-12)
    assert erlang_b(5, 2.5) == pytest.approx(0.0697311168136, abs=1e-12)


def test_palms_formula_is_the_blocking_of_the_chain():
    for workers in (1, 2, 4, 7):
        for rate in (0.1, 0.4, 2.0):
            assert exponential_pool(workers, rate).blocking == pytest.approx(palm_loss(workers, rate), abs=1e-12)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_two_chains_agree_on_geometric_delays(workers):
    rate = 1.2
    pmf = EXPONENTIAL.scaled(1 / 2.5 / rate).frame_pmf(1.0, tail=1e-9).copy()
    pmf[-1] += 1 - pmf.sum()
    general, memoryless = residual_pool(pmf, workers), exponential_pool(workers, rate)
    assert general.inaction_fraction == pytest.approx(memoryless.inaction_fraction, abs=1e-7)
    assert general.delay_law[:8] == pytest.approx(memoryless.delay_law[:8], abs=1e-7)


SIMULATED = [
    ("sequential", EXPONENTIAL, 1, None),
    ("sequential", GAMMA, 1, None),
    ("sequential-strict", EXPONENTIAL, 1, None),
    ("frame-pool", EXPONENTIAL, 40, None),
    ("frame-pool", GAMMA, 15, None),
    ("frame-pool", EXPONENTIAL, 4, None),
    ("frame-pool", THREE_FRAMES, 2, None),
    ("frame-pool", GAMMA, 3, None),
    ("max-time", parse_law("5.2915026"), 3, None),
    ("max-time", parse_law("5.2915026"), 6, None),
    ("max-time", parse_law("3.2347"), 4, None),
    ("max-time", parse_law("0.3711"), 1, None),
    ("max-time", parse_law("5.3"), 3, "frame"),
    ("max-time", parse_law("5.3"), 9, "frame"),
    ("max-time", parse_law("5.3"), 40, None),
    ("unstaggered", parse_law("3.2347"), 4, None),
    ("unstaggered", parse_law("0.7071"), 2, None),
]


@pytest.mark.parametrize(("rule", "law", "workers", "alignment"), SIMULATED)
def test_each_rule_against_the_event_loop(rule, law, workers, alignment):
    frames, warm_up = 12_000, 200
    random = np.random.default_rng(5)
    draws = iter(law.sample(random, frames * max(4, workers)).tolist())
    log = run_rule(rule, workers, draws.__next__, frames, alignment=alignment)
    counted = np.arange(warm_up, frames - 60)
    delays = np.array([frame - log.served[frame] if frame in log.served else 0 for frame in counted])
    service = service_law(law, 1.0, workers=workers, rule=rule, alignment=alignment)
    assert service.delay_law.sum() == pytest.approx(1 - service.inaction_fraction, abs=1e-9)
    mean, error = batch_means(delays == 0)
    assert abs(mean - service.inaction_fraction) < 4.5 * error + 2e-3
    for delay in range(1, 8):
        mean, error = batch_means(delays == delay)
        expected = service.delay_law[delay] if delay < len(service.delay_law) else 0.0
        assert abs(mean - expected) < 4.5 * error + 2e-3


def test_outputs_that_share_a_frame_are_fresher_than_a_phase_uniform_one():
    """With more outputs than frames the freshest of each frame wins; ceil(u + x) would over-state the delay."""
    law = parse_law("3.2")
    service = service_law(law, 1.0, rule="max-time", workers=4)
    naive = law.moment(0.9, 1.0, alignment="uniform").value
    assert service.delay_law[4] == pytest.approx(1.0)
    assert service.service_value(0.9) == pytest.approx(0.9**4)
    assert naive < 0.9**4 - 0.01


def test_a_cycle_on_frames_is_a_whole_number_of_frames():
    """A worker busy for 5.3 frames that starts on boundaries starts again after 6, not 5.3."""
    aligned = service_law(parse_law("5.3"), 1.0, rule="max-time", workers=3, alignment="frame")
    assert aligned.inaction_fraction == 0.5
    assert aligned.delay_law[6] == 0.5


@given(st.floats(0.2, 6.0), st.integers(1, 5))
def test_more_workers_never_leave_more_frames(scale, workers):
    law = parse_law(f"expon(scale={scale})")
    fewer, more = (service_law(law, 1.0, workers=n).inaction_fraction for n in (workers, workers + 1))
    assert 0 <= more <= fewer + 1e-12 <= 1 + 1e-12
    assert more >= service_law(law, 1.0, workers=math.inf).inaction_fraction - 1e-12


def test_the_bound_on_blocking_holds():
    for workers in (1, 2, 3, 5):
        assert finite_pool(GAMMA, 1.0, workers).blocking <= blocking_bound(GAMMA.frame_pmf(1.0), workers) + 1e-9


def test_workers_for_zero_inaction():
    assert workers_for_zero_inaction(parse_law("5.3"), 1.0) == 6
    assert workers_for_zero_inaction(parse_law("5"), 1.0) == 5
    assert workers_for_zero_inaction(GAMMA, 1.0) == 11  # the 99.9 % quantile
    assert service_law(parse_law("5.3"), 1.0, rule="max-time", workers=6).inaction_fraction == 0.0
    assert service_law(parse_law("5.3"), 1.0, rule="max-time", workers=5).inaction_fraction > 0.0


def test_unbounded_laws_name_their_stand_in_for_the_maximum():
    service = service_law(GAMMA, 1.0, rule="max-time", workers=3)
    assert any("99.9 % quantile" in assumption for assumption in service.assumptions)
    given_time = service_law(GAMMA, 1.0, rule="max-time", workers=3, maximum_time=6.0)
    assert given_time.inaction_fraction == pytest.approx(0.5)


def test_refusals():
    with pytest.raises(NoClosedForm, match="no closed form for the varying inference time"):
        service_law(EXPONENTIAL, 1.0, rule="unstaggered", workers=2)
    with pytest.raises(NoClosedForm, match="too many states"):
        service_law(parse_law("gamma(4, scale=20)"), 1.0, workers=30)
    with pytest.raises(InputError, match="maximum time must be a positive"):
        service_law(GAMMA, 1.0, rule="max-time", maximum_time=0.0)
