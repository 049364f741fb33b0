"""The closed forms of the design questions against scans, root finding and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.planning.inference_time import (
    largest_constant_frames,
    largest_exponential_frames,
    largest_factor,
    largest_gamma_scale_frames,
)
from regretlab.planning.model_size import (
    PowerLaw,
    best_model_size,
    best_sequential_model_size,
    parse_power_law,
)
from regretlab.planning.regime import (
    boundary_delay,
    choose_regime,
    chunked_regret,
    delay_of_largest_lead,
    value_of_acting,
)
from regretlab.planning.workers import (
    workers_for_constant_time,
    workers_for_inaction,
    workers_free_running,
    workers_under_contention,
)
from regretlab.rules.service.service import service_law
from regretlab.theory.loss import FrameLoss

P = 0.9


def test_check_values():
    """Figures on which two independent methods agreed."""
    assert largest_exponential_frames(0.25, FrameLoss(P)) == pytest.approx(2.46630346238, abs=1e-10)
    assert boundary_delay(P, 0.01) == pytest.approx(16.8833730558, abs=1e-9)
    p, time, quality = math.exp(-0.02), PowerLaw(2.0, 0.9), PowerLaw(0.2, -0.35)
    best = best_model_size(p, time, quality)
    assert best.size == pytest.approx(1.79717549745, abs=1e-10)
    assert best.regret == pytest.approx(0.228447914372, abs=1e-11)
    assert best_sequential_model_size(p, time, quality).regret == pytest.approx(0.281678241728, abs=1e-11)


# ---- inference time


@pytest.mark.parametrize("eta", [0.05, 0.1, 0.25, 0.6, 0.999])
@pytest.mark.parametrize("p", [0.5, 0.9, 0.999])
def test_largest_constant_time_by_trying_them_all(eta, p):
    loss = FrameLoss(p, gap_delay=0.7)
    frames = largest_constant_frames(eta, loss)
    if eta >= 0.7:
        assert frames == math.inf
        return
    tried = [d for d in range(6000) if loss.of_delay(d) <= eta + 1e-12]
    assert frames == max(tried)


def test_the_largest_times_spend_the_target_exactly():
    loss = FrameLoss(P, symbols=4)
    mean = largest_exponential_frames(0.2, loss)
    law = parse_law(f"expon(scale={mean!r})")
    assert loss.stake * (1 - law.moment(loss.decay, 1.0).value) == pytest.approx(0.2, abs=1e-12)
    scale = largest_gamma_scale_frames(0.2, loss, 4)
    law = parse_law(f"gamma(4, scale={scale!r})")
    assert loss.stake * (1 - law.moment(loss.decay, 1.0, alignment="continuous").value) == pytest.approx(0.2, abs=1e-12)


def test_the_continuous_form_over_states_what_is_tolerable():
    """Pitfall: the continuous exponent under-states the delay, so its largest scale is too large on whole frames."""
    naive = largest_gamma_scale_frames(0.25, FrameLoss(P), 4)
    right = largest_factor(parse_law("gamma(4, scale=1)"), 1.0, FrameLoss(P), target_regret=0.25)
    assert naive == pytest.approx(0.707759746)
    assert right < 0.9 * naive
    law = parse_law(f"gamma(4, scale={right!r})")
    assert 1 - law.moment(P, 1.0).value == pytest.approx(0.25, abs=1e-9)


@pytest.mark.parametrize(
    "text", ["expon(scale=0.3)", "gamma(4, scale=0.8)", "lognorm(0.5, scale=2)", "uniform(0.1, 2)"]
)
def test_largest_factor_is_the_crossing(text):
    law, loss = parse_law(text), FrameLoss(0.95)
    factor = largest_factor(law, 0.5, loss, target_regret=0.3)
    values = [1 - law.scaled(f * factor).moment(0.95, 0.5).value for f in (0.99, 1.0, 1.01)]
    assert values[0] < 0.3 < values[2]
    assert values[1] == pytest.approx(0.3, abs=1e-8)


def test_largest_factor_of_an_exponential_is_the_closed_form():
    factor = largest_factor(parse_law("expon(scale=0.2)"), 1.0, FrameLoss(P), target_regret=0.25)
    assert 0.2 * factor == pytest.approx(largest_exponential_frames(0.25, FrameLoss(P)), rel=1e-10)


def test_no_limit_and_no_room():
    loss = FrameLoss(P)
    assert largest_factor(parse_law("1"), 1.0, loss, target_regret=1.0) == math.inf
    assert largest_factor(parse_law("1"), 1.0, loss, target_regret=0.05) == 0.0
    assert largest_factor(parse_law("expon()"), 1.0, loss, target_regret=0.05) == 0.0
    assert largest_exponential_frames(0.1, loss) == largest_constant_frames(0.05, loss) == 0.0
    assert largest_exponential_frames(1.0, loss) == math.inf
    assert largest_gamma_scale_frames(0.2, FrameLoss(0.0), 3) == 0.0
    assert largest_constant_frames(0.2, FrameLoss(1.0)) == math.inf
    assert largest_factor(parse_law("1"), 1.0, FrameLoss(P, gap_default=0.0)) == 0.0


def test_a_worker_cost_limits_the_inference_time():
    factor = largest_factor(parse_law("1"), 1.0, FrameLoss(P), worker_cost=0.01)
    assert factor == math.floor(boundary_delay(P, 0.01)) == 16
    law = parse_law("gamma(4, scale=0.25)")
    factor = largest_factor(law, 1.0, FrameLoss(P), worker_cost=0.01)
    slower = law.scaled(factor)
    assert slower.moment(P, 1.0).value == pytest.approx(0.01 * slower.mean_delay_frames(1.0), abs=1e-9)


# ---- regimes


def losses(p, d, cost, g, gap):
    worth = value_of_acting(p, d, gap_default=g, gap_delay=gap)
    return {"do-not-act": g, "sequential": g - worth / d + cost, "asynchronous": g - worth + cost * d}


@given(st.floats(0.5, 0.999), st.integers(1, 60), st.floats(0, 0.1), st.floats(0.1, 1), st.floats(0.1, 1))
def test_regime_is_the_least_loss(p, d, cost, g, gap):
    table = losses(p, d, cost, g, gap)
    chosen = choose_regime(p, d, worker_cost=cost, gap_default=g, gap_delay=gap)
    assert table[chosen] <= min(table.values()) + 1e-12


@pytest.mark.parametrize("p", [0.7, 0.9, 0.99])
@pytest.mark.parametrize("cost", [1e-4, 1e-3, 0.01])
def test_the_boundary_is_where_the_two_are_equal(p, cost):
    d = boundary_delay(p, cost)
    assert cost * d == pytest.approx(p**d, rel=1e-12)  # G = Delta p^d
    for step, better in ((-0.01, True), (0.01, False)):
        table = losses(p, d + step, cost, 1.0, 1.0)
        assert (table["asynchronous"] < table["sequential"]) == better


@pytest.mark.parametrize("p", [0.5, 0.9, 0.999])
def test_largest_lead_by_numeric_search(p):
    found = minimize_scalar(lambda d: -(1 - 1 / d) * p**d, bounds=(1, 2000), method="bounded", options={"xatol": 1e-9})
    assert delay_of_largest_lead(p) == pytest.approx(found.x, rel=1e-5)


def test_chunks_against_playing_them():
    """Second method: play the shift-register chain in chunks of d actions (|z| < 4)."""
    p, d, chunks = 0.8, 3, 60_000
    random = np.random.default_rng(21)
    right = np.cumprod(random.random((chunks, 2 * d - 1)) < p, axis=1)[:, d - 1 :]  # ages d .. 2d-1
    lost = 1 - right.mean(axis=1)
    assert abs(lost.mean() - chunked_regret(p, d)) < 4 * lost.std() / math.sqrt(chunks)
    # one chunking worker against d staggered ones: it pays with age
    assert chunked_regret(p, d) > 1 - p**d


# ---- workers


@given(st.floats(0.3, 12.0), st.floats(0.0, 1.0), st.floats(0.001, 0.5), st.sampled_from(["frame", "uniform"]))
def test_workers_for_constant_time_by_trying_them_all(x, value, cost, alignment):
    cycle = max(1.0, math.ceil(x - 1e-7)) if alignment == "frame" else max(1.0, x)
    tried = [cost * n - value * min(1.0, n / cycle) for n in range(40)]
    chosen = workers_for_constant_time(x, value, cost, alignment=alignment)
    assert tried[chosen] == pytest.approx(min(tried), abs=1e-12)


def test_the_last_worker_of_an_uneven_cycle_may_not_pay():
    """Pitfall: N = ceil(x) if c x < G is wrong at uniform phases: the last worker wins only G (1 - floor(x)/x)."""
    x, value, cost = 3.2, 0.7, 0.1
    assert cost * x < value
    tried = [cost * n - value * min(1.0, n / x) for n in range(6)]
    assert workers_for_constant_time(x, value, cost, alignment="uniform") == int(np.argmin(tried)) == 3 < math.ceil(x)


@given(st.floats(0.02, 1.0), st.floats(0.0, 1.0), st.floats(0.001, 0.5))
def test_free_running_by_trying_them_all(share, value, cost):
    tried = [value * (1 - share) ** n + cost * n for n in range(1500)]
    chosen = workers_free_running(share, value, cost)
    assert tried[chosen] == pytest.approx(min(tried), abs=1e-12)


@given(st.floats(0.2, 30.0), st.floats(0.0, 0.2))
def test_contention_by_trying_them_all(x, chi):
    enough = [n for n in range(1, 4000) if n >= x * (1 + chi * (n - 1)) - 1e-9]
    found = workers_under_contention(x, chi)
    if found is None:
        assert not enough
    elif found < 4000:
        assert found == enough[0]


def test_blocking_within_the_budget_is_not_inaction_within_the_budget():
    """Pitfall: a pool that almost never blocks still leaves a third of the frames without an action."""
    law, budget = parse_law("gamma(4, scale=0.8)"), 0.01
    found = workers_for_inaction(law, 1.0, budget)
    assert found.blocking <= budget / 2
    assert found.inaction_bound <= budget
    released = service_law(law, 1.0, workers=math.inf, rule="frame-pool")
    assert released.inaction_fraction > 0.3
    fewer = found.workers - 1
    from regretlab.rules.service.frame_pools import blocking_bound

    assert blocking_bound(law.frame_pmf(1.0), fewer) > budget / 2


def test_the_inaction_budget_holds_when_played():
    """Second method: play the held pool with that many workers; the share of empty frames (|z| < 4 above the bound)."""
    law, budget, frames = parse_law("gamma(4, scale=0.8)"), 0.05, 30_000
    found = workers_for_inaction(law, 1.0, budget)
    random = np.random.default_rng(3)
    free_at = np.zeros(found.workers)
    served = np.zeros(frames + 200, dtype=bool)
    for frame in range(frames):
        idle = np.flatnonzero(free_at <= frame)
        if idle.size:
            delay = math.ceil(law.sample(random, 1)[0])
            free_at[idle[0]] = frame + delay
            effect = frame + max(delay, found.hold)
            if effect < len(served):
                served[effect] = True
    empty = ~served[100:frames]
    blocks = empty[: len(empty) // 100 * 100].reshape(-1, 100).mean(axis=1)
    assert blocks.mean() - 4 * blocks.std() / math.sqrt(len(blocks)) <= budget


# ---- model size


@given(st.floats(0.9, 0.9999), st.floats(0.01, 5), st.floats(0.3, 1.5), st.floats(0.01, 0.5), st.floats(0.1, 1.0))
def test_model_size_by_a_fine_scan(p, a, beta, c, alpha):
    time, quality = PowerLaw(a, beta), PowerLaw(c, -alpha)
    low, high = 1e-3, 1e4
    sizes = np.geomspace(low, high, 40_001)
    scanned = 1 - np.exp(math.log(p) * a * sizes**beta) + c * sizes**-alpha
    found = best_model_size(p, time, quality, smallest=low, largest=high)
    assert found.regret <= scanned.min() + 1e-12
    assert found.regret == pytest.approx(scanned.min(), abs=1e-5)
    assert low <= found.size <= high


def test_model_size_at_the_ends():
    time, quality = PowerLaw(2.0, 0.9), PowerLaw(5.0, -0.05)
    none = best_model_size(0.5, time, quality)
    assert none.at == "largest"
    assert none.regret == 1.0  # nothing beats not acting
    assert best_model_size(0.98, PowerLaw(2.0, 0.9), PowerLaw(0.2, -0.35), smallest=3.0).at == "smallest"
    assert best_model_size(0.98, PowerLaw(2.0, 0.9), PowerLaw(0.2, -0.35), largest=0.5).at == "largest"


def test_sequential_model_size_by_a_fine_scan():
    p, time, quality = 0.97, PowerLaw(1.5, 0.8), PowerLaw(0.3, -0.5)
    sizes = np.geomspace(1e-6, 1e4, 400_001)
    x = 1.5 * sizes**0.8
    scanned = 1 - (p**x - 0.3 * sizes**-0.5) / np.maximum(1.0, x)
    found = best_sequential_model_size(p, time, quality)
    assert found.regret == pytest.approx(scanned.min(), abs=2e-5)  # the scan misses the corner at x = 1
    assert found.regret <= scanned.min() + 1e-12
    assert found.regret >= best_model_size(p, time, quality).regret


@pytest.mark.parametrize(
    ("text", "factor", "exponent"),
    [
        ("2*m**0.9", 2.0, 0.9),
        ("m**.5*3", 3.0, 0.5),
        ("0.2*m**-0.35", 0.2, -0.35),
        ("4/m**2", 4.0, -2.0),
        ("m", 1.0, 1.0),
        (" 1e-9 * m ", 1e-9, 1.0),
        ("m/8", 0.125, 1.0),
    ],
)
def test_power_laws_are_read(text, factor, exponent):
    assert parse_power_law(text) == PowerLaw(factor, exponent)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2", "exit()", "__import__('os').system('true')", "2*n**3", "m**m", "m+1", "2*m**0", "-2*m", "m/0"),
        *("(2*m)**2", "m*(" * 200, "nan*m", "1e999*m", "True*m", "2**m"),
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match=r"^scaling '"):
        parse_power_law(text)


# ---- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: largest_constant_frames(-1, FrameLoss(P)), "target regret must be a positive, finite number, not -1"),
        (lambda: largest_gamma_scale_frames(0.1, FrameLoss(P), 0), "shape must be a positive, finite number, not 0"),
        (lambda: largest_factor(parse_law("1"), 1.0, FrameLoss(P), worker_cost=-1), "worker cost must be a finite"),
        (lambda: boundary_delay(1.0, 0.1), r"mode probability must lie in \(0, 1\) here, not 1.0"),
        (lambda: boundary_delay(0.9, 0), "worker cost must be a positive, finite number, not 0"),
        (lambda: choose_regime(0.9, 0), "delay must be at least 1 frame, not 0"),
        (lambda: workers_for_constant_time(1, 1, 1, alignment="odd"), "alignment must be frame or uniform, not 'odd'"),
        (lambda: workers_free_running(0, 1, 1), r"the share q must lie in \(0, 1\], not 0"),
        (lambda: workers_for_inaction(parse_law("1"), 1.0, 1.0), r"inaction budget must lie in \(0, 1\), not 1.0"),
        (lambda: best_model_size(0.9, PowerLaw(1, -1), PowerLaw(1, -1)), "inference time must grow with model size"),
        (lambda: best_model_size(0.9, PowerLaw(1, 1), PowerLaw(1, 1)), "the quality gap must fall with model size"),
        (
            lambda: best_model_size(0.9, PowerLaw(1, 1), PowerLaw(1, -1), smallest=2, largest=1),
            "0 <= smallest < largest, not 2 and 1",
        ),
        (lambda: best_model_size(1.0, PowerLaw(1, 1), PowerLaw(1, -1)), "to choose a model size, not 1.0"),
        (lambda: PowerLaw(0, 1), "factor of the power law must be a positive, finite number, not 0"),
        (lambda: PowerLaw(1, math.inf), "exponent of the power law must be finite and not 0, not inf"),
    ],
)
def test_unusable_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_samples_are_a_law_like_any_other():
    law = law_from_samples([0.5, 1.5, 1.7, 2.5])
    factor = largest_factor(law, 1.0, FrameLoss(P), target_regret=0.25)
    assert 1 - law.scaled(factor * 0.999).moment(P, 1.0).value <= 0.25
    assert 1 - law.scaled(factor * 1.001).moment(P, 1.0).value > 0.25
