"""Bounds and design answers: derived, differentiated, substituted back, and equal to their numeric twins."""

import math

import numpy as np
import pytest
import sympy as sp

from regretlab.errors import InputError
from regretlab.planning import inference_time, model_size, regime, workers
from regretlab.theory.delay import regret_of_delay, saturated_regret_of_delay
from regretlab.theory.learning import LEARNING_BOUNDS, learning_bound, linear_parts_dominate_after, processed_share
from regretlab.theory.loss import FrameLoss
from regretlab.theory.sticky import sticky_regret
from regretlab.theory.symbolic import bounds, design
from regretlab.theory.symbolic.formulas import numeric
from regretlab.theory.symbolic.moments import P

NAMES = bounds.LEARNING_SYMBOLS


def points(seed, low, high, count=30):
    return np.random.default_rng(seed).uniform(low, high, (count, len(low))).tolist()


def test_delay_regret_grows_with_the_delay_and_shrinks_with_p():
    q = sp.Symbol("q", positive=True)  # p = 1/(1+q): every p in (0, 1)
    regret = bounds.delay_regret().subs(bounds.DELTA, 1).subs(P, 1 / (1 + q))
    assert sp.simplify(sp.diff(regret, bounds.D)).is_positive  # for all p and d at once
    assert sp.simplify(sp.diff(regret, q)).is_positive  # q grows as p falls
    for p, d in points(1, (0.05, 0.5), (0.99, 20)):
        assert float(sp.diff(bounds.delay_regret(), bounds.D).subs({bounds.DELTA: 1, P: p, bounds.D: d})) > 0
        assert float(sp.diff(bounds.delay_regret(), P).subs({bounds.DELTA: 1, P: p, bounds.D: d})) < 0
    assert sp.limit(bounds.delay_regret(), P, 1) == 0
    assert sp.limit(bounds.delay_regret().subs(P, sp.Rational(1, 2)), bounds.D, sp.oo) == bounds.DELTA


def test_the_ring_is_the_eigenvalue_of_its_matrix():
    for symbols in (2, 3, 4):
        other = (1 - P) / (symbols - 1)
        matrix = sp.Matrix(symbols, symbols, lambda i, j, off=other: P if i == j else off)
        eigenvalues = {sp.simplify(value) for value in matrix.eigenvals()}
        assert sp.simplify(bounds.ring_eigenvalue().subs(bounds.K, symbols)) in eigenvalues
        for power in (1, 2, 3):
            stays = sp.expand((matrix**power)[0, 0])
            form = bounds.mode_probability(ring=True).subs({bounds.K: symbols, bounds.D: power})
            assert sp.simplify(stays - form) == 0
    assert sp.limit(bounds.ring_eigenvalue(), bounds.K, sp.oo) == P  # many symbols: the shift register's p


def test_sticky_is_the_mean_over_the_held_frames():
    for held in (1, 2, 5):
        direct = 1 - sum(P ** (bounds.D + i) for i in range(held)) / held
        assert sp.simplify(bounds.sticky_regret().subs({bounds.HELD: held, bounds.DELTA: 1}) - direct) == 0


def test_bound_twins_on_random_points():
    plain = numeric(bounds.delay_regret(), P, bounds.D, bounds.DELTA)
    ring = numeric(bounds.delay_regret(ring=True), P, bounds.D, bounds.DELTA, bounds.K)
    few = numeric(bounds.saturated_delay_regret(), P, bounds.D, bounds.DELTA, NAMES["actions"])
    held = numeric(bounds.sticky_regret(), P, bounds.D, bounds.DELTA, bounds.HELD)
    held_ring = numeric(bounds.sticky_regret(ring=True), P, bounds.D, bounds.DELTA, bounds.HELD, bounds.K)
    for p, d, gap, count in points(2, (0.51, 1, 0, 2), (0.99, 30, 1, 12)):
        delay, k = int(d), int(count)
        assert plain(p, delay, gap) == pytest.approx(regret_of_delay(p, delay, gap_delay=gap), abs=1e-12)
        assert ring(p, delay, gap, k) == pytest.approx(regret_of_delay(p, delay, symbols=k, gap_delay=gap), abs=1e-12)
        assert few(p, delay, gap, k) == pytest.approx(saturated_regret_of_delay(p, delay, k, gap_delay=gap), abs=1e-12)
        assert held(p, delay, gap, k) == pytest.approx(sticky_regret(p, delay, k, gap_delay=gap), abs=1e-12)
        assert held_ring(p, delay, gap, k, k) == pytest.approx(
            sticky_regret(p, delay, k, symbols=k, gap_delay=gap), abs=1e-12
        )


ARGUMENTS = {
    "gaussian-bandit": ({"actions": 7, "share": 0.3}, {"arms": 7, "share": 0.3}),
    "bernoulli-bandit": ({"actions": 7, "share": 0.3}, {"arms": 7, "share": 0.3}),
    "bernoulli-bandit-published": ({"actions": 7}, {"arms": 7}),
    "finite-mdp": (
        {"states": 12, "actions": 14, "diameter": 33.0, "constant": 0.015},
        {"states": 12, "actions": 14, "diameter": 33.0, "constant": 0.015},
    ),
    "episodic": (
        {"states": 6, "actions": 2, "episode_length": 9.0},
        {"states": 6, "actions": 2, "episode_length": 9.0},
    ),
    "feedback-latency": ({"actions": 7, "latency": 400.0}, {"arms": 7, "latency": 400.0}),
}


@pytest.mark.parametrize("name", LEARNING_BOUNDS)
def test_learning_twins(name):
    n = 54321.0
    arguments, symbols = ARGUMENTS[name]
    values = {NAMES[key]: value for key, value in symbols.items()}
    values |= {NAMES["interactions"]: n, NAMES["episodes"]: n / 9.0}
    found = float(bounds.learning_bound(name).subs(values))
    assert found == pytest.approx(learning_bound(name, interactions=n, **arguments).value, rel=1e-12)


def test_learning_forms_are_known_by_name_only():
    with pytest.raises(InputError, match="unknown learning bound 'guess'"):
        bounds.learning_bound("guess")


def test_where_linear_parts_dominate_and_the_share():
    arguments, symbols = ARGUMENTS["finite-mdp"]
    bound = learning_bound("finite-mdp", interactions=54321.0, **arguments)
    values = {NAMES[key]: value for key, value in symbols.items()} | {
        NAMES["rate"]: 0.2,
        NAMES["interaction_time"]: 0.5,
    }
    assert float(bounds.dominated_after().subs(values)) == pytest.approx(linear_parts_dominate_after(bound, 0.5, 0.2))
    share = numeric(
        bounds.processed_share(),
        *(NAMES[key] for key in ("learners", "batch_time", "interaction_time", "batch_size", "replay_ratio")),
    )
    for learners, batch_time, interaction_time, ratio in points(3, (1, 0.1, 0.01, 0.5), (9, 2, 0.5, 4)):
        expected = processed_share(int(learners), batch_time, interaction_time, batch_size=2, replay_ratio=ratio)
        assert share(int(learners), batch_time, interaction_time, 2, ratio) == pytest.approx(expected, rel=1e-12)


# ---- design answers


def test_the_boundary_solves_its_equation():
    w = sp.LambertW(design.LAM / design.COST)
    d = design.boundary_delay()
    assert sp.simplify(d - w / design.LAM) == 0
    # W e^W = lam/c: substituted back, c d e^{lam d} = 1
    back = design.COST * d * sp.exp(design.LAM * d)
    assert sp.simplify(back.subs(sp.exp(w), (design.LAM / design.COST) / w)) == 1
    for lam, cost in ((sp.Rational(1, 10), sp.Rational(1, 100)), (2, sp.Rational(1, 7))):
        root = d.subs({design.LAM: lam, design.COST: cost})
        assert abs(sp.N(cost * root - sp.exp(-lam * root), 40)) < sp.Float("1e-35")


def test_the_largest_lead_is_a_stationary_point():
    d = sp.Symbol("d", positive=True)
    lead = (1 - 1 / d) * sp.exp(-design.LAM * d)
    slope = sp.simplify(sp.diff(lead, d) * sp.exp(design.LAM * d))
    root = design.delay_of_largest_lead()
    assert sp.simplify(slope.subs(d, root)) == 0
    assert sp.simplify(root - (1 + sp.sqrt(1 + 4 / design.LAM)) / 2) == 0
    assert float(sp.diff(lead, d, 2).subs(design.LAM, 0.1).subs(d, root.subs(design.LAM, 0.1))) < 0


def test_the_largest_exponential_mean_solves_its_equation():
    mean = design.largest_exponential_frames()
    stay = sp.exp(-1 / mean)
    p = sp.exp(-design.LAM)
    value = p * (1 - stay) / (1 - p * stay)
    assert sp.simplify(value - design.THRESHOLD) == 0


def test_the_free_running_number_is_a_stationary_point():
    count = sp.Symbol("N", positive=True)
    slope = sp.diff(design.VALUE * (1 - design.Q) ** count + design.COST * count, count)
    rest = sp.Symbol("l", negative=True)  # ln(1-q)
    at = slope.subs((1 - design.Q) ** count, sp.exp(count * rest)).subs(sp.log(1 - design.Q), rest)
    root = design.workers_free_running().subs(sp.log(1 - design.Q), rest)
    assert sp.simplify(at.subs(count, root)) == 0


def test_the_model_size_is_a_stationary_point():
    """Substituted back in 40 digits, and a minimum; the branch condition separates where there is one."""
    size = design.best_model_size()
    slope = sp.diff(design.model_loss(), design.SIZE)
    for lam, a, beta, c, alpha in (("0.02", "2", "0.9", "0.2", "0.35"), ("0.1", "0.5", "1.2", "0.1", "0.6")):
        at = dict(
            zip(
                (design.LAM, design.FACTOR, design.BETA, design.QUALITY, design.ALPHA),
                map(sp.Rational, (lam, a, beta, c, alpha)),
                strict=True,
            )
        )
        assert sp.N(design.model_size_condition().subs(at) * sp.E, 20) < 1
        root = sp.N(size.subs(at), 45)
        assert abs(sp.N(slope.subs(at).subs(design.SIZE, root), 40)) < sp.Float("1e-38")
        assert sp.N(sp.diff(slope, design.SIZE).subs(at).subs(design.SIZE, root), 20) > 0
    check = {design.LAM: 0.02, design.FACTOR: 2, design.BETA: 0.9, design.QUALITY: 0.2, design.ALPHA: 0.35}
    assert float(size.subs(check)) == pytest.approx(1.79717549745, abs=1e-10)
    assert float(design.model_loss().subs(check).subs(design.SIZE, size.subs(check))) == pytest.approx(
        0.228447914372, abs=1e-11
    )


def test_design_twins_on_random_points():
    constant = numeric(design.largest_constant_frames(), design.THRESHOLD, design.LAM)
    mean = numeric(design.largest_exponential_frames(), design.THRESHOLD, design.LAM)
    scale = numeric(design.largest_gamma_scale(), design.THRESHOLD, design.LAM, design.SHAPE)
    boundary = sp.lambdify((design.LAM, design.COST), design.boundary_delay(), "scipy")
    lead = numeric(design.delay_of_largest_lead(), design.LAM)
    contention = numeric(design.workers_under_contention(), design.X, design.CHI)
    free = numeric(design.workers_free_running(), design.COST, design.VALUE, design.Q)
    size = sp.lambdify(
        (design.LAM, design.FACTOR, design.BETA, design.QUALITY, design.ALPHA), design.best_model_size(), "scipy"
    )
    for p, part, cost, shape in points(5, (0.6, 0.05, 1e-4, 0.5), (0.99, 0.95, 0.02, 6)):
        lam, b = -math.log(p), p * (1 - part)
        loss, eta = FrameLoss(p), 1 - b
        assert constant(b, lam) == inference_time.largest_constant_frames(eta, loss)
        assert mean(b, lam) == pytest.approx(inference_time.largest_exponential_frames(eta, loss), rel=1e-11)
        assert scale(b, lam, shape) == pytest.approx(
            inference_time.largest_gamma_scale_frames(eta, loss, shape), rel=1e-11
        )
        assert complex(boundary(lam, cost)).real == pytest.approx(regime.boundary_delay(p, cost), rel=1e-12)
        assert lead(lam) == pytest.approx(regime.delay_of_largest_lead(p), rel=1e-12)
        best = free(cost, 0.7, part)
        assert workers.workers_free_running(part, 0.7, cost) in (max(0, math.floor(best)), max(0, math.ceil(best)))
        time, quality = model_size.PowerLaw(shape, 0.9), model_size.PowerLaw(0.02 * part, -0.4)
        found = model_size.best_model_size(p, time, quality)
        if found.at == "interior":
            twin = complex(size(lam, shape, 0.9, 0.02 * part, 0.4)).real
            assert twin == pytest.approx(found.size, rel=1e-10)
    for x, chi in points(6, (1.1, 0.0), (9, 0.1)):
        expected = workers.workers_under_contention(x, chi)
        assert math.ceil(contention(x, chi) - 1e-9) == expected
