"""E p^delay derived from each law by summation or integration; limits; numeric twins to 1e-12."""

import itertools

import numpy as np
import pytest
import sympy as sp

from regretlab.laws import parse_law
from regretlab.theory.symbolic.formulas import numeric
from regretlab.theory.symbolic.moments import (
    ALIGNMENTS,
    FAMILIES,
    MU,
    SHAPE,
    T0,
    A,
    B,
    P,
    S,
    X,
    mean_delay,
    moment,
    polylogarithm,
)

n = sp.Symbol("n", positive=True, integer=True)
t = sp.Symbol("t", positive=True)
z = sp.Symbol("z", positive=True)
LAM = sp.Symbol("lambda", positive=True)


def geometric_sum(first, ratio):
    """Return sum of ratio^n from n = first on, for a ratio below 1."""
    return ratio**first / (1 - ratio)


def test_the_geometric_sum_itself():
    for first in (0, 1, 4):
        summed = sp.summation(z**n, (n, first, sp.oo)).args[0][0]  # the branch of a ratio below 1
        assert sp.simplify(summed - geometric_sum(first, z)) == 0


def test_the_exponential_moment_is_the_sum_over_frames():
    """E p^D = (1-p) sum_n p^n F(n), F(n) = 1 - e^{-mu n}."""
    derived = (1 - P) * (geometric_sum(1, P) - geometric_sum(1, P * sp.exp(-MU)))
    assert sp.simplify(derived - moment("exponential")) == 0
    assert sp.simplify(geometric_sum(0, sp.exp(-MU)) - mean_delay("exponential")) == 0  # E D = sum of P(D > n)


def test_the_shifted_exponential_moment_is_the_sum_over_frames():
    first = sp.Symbol("c", positive=True, integer=True)
    derived = (1 - P) * (geometric_sum(first, P) - sp.exp(MU * T0) * geometric_sum(first, P * sp.exp(-MU)))
    form = moment("shifted-exponential").subs(sp.ceiling(T0), first)
    assert sp.simplify(sp.expand(derived - form)) == 0
    mean = first + sp.exp(MU * T0) * geometric_sum(first, sp.exp(-MU))
    assert sp.simplify(sp.expand(mean - mean_delay("shifted-exponential").subs(sp.ceiling(T0), first))) == 0


def test_the_uniform_phase_averages_over_the_phase():
    """E p^ceil(u + x) = p - (1-p) sum_n p^n times the mean of P(x > y) over frame n."""
    y = sp.Symbol("y", positive=True)
    first = sp.integrate(sp.exp(-MU * y), (y, 0, 1))
    derived = P - (1 - P) * P * first / (1 - P * sp.exp(-MU))
    assert sp.simplify(derived - moment("exponential", "uniform")) == 0
    # the shifted one at a start of 4/3 frames: frame 1 is survived for 1/3 for certain
    start, rest = sp.Rational(4, 3), sp.Rational(2, 3)
    second = sp.Rational(1, 3) + sp.integrate(sp.exp(-MU * y), (y, 0, rest))
    third = sp.integrate(sp.exp(-MU * y), (y, rest, rest + 1))
    survived = P * 1 + P**2 * second + P**3 * third / (1 - P * sp.exp(-MU))
    derived = P - (1 - P) * survived
    assert sp.simplify(derived - moment("shifted-exponential", "uniform").subs(T0, start)) == 0


def test_a_constant_time_at_a_uniform_phase():
    fraction = sp.Symbol("f", positive=True)
    whole = sp.Symbol("w", positive=True, integer=True)
    u = sp.Symbol("u", positive=True)
    derived = sp.integrate(P ** (whole + 1), (u, 0, 1 - fraction)) + sp.integrate(
        P ** (whole + 2), (u, 1 - fraction, 1)
    )
    form = moment("constant", "uniform").subs(sp.floor(X), whole).subs(X, whole + fraction)
    assert sp.simplify(derived - form) == 0


@pytest.mark.parametrize("order", [0, 1, 2, 3, 6])
def test_polylogarithms_by_differentiation(order):
    form = z / (1 - z)
    for _ in range(order):
        form = z * sp.diff(form, z)
    assert sp.simplify(form - polylogarithm(order, z)) == 0


@pytest.mark.parametrize("shape", [1, 2, 4])
def test_the_gamma_moment_is_the_sum_over_frames(shape):
    """The distribution function by integration of the density; the sum over n of p^n n^i e^{-n/s} is Li_{-i}."""
    density = t ** (shape - 1) * sp.exp(-t / S) / (sp.gamma(shape) * S**shape)
    y = sp.Symbol("y", positive=True)
    survival = sp.simplify(1 - sp.integrate(density, (t, 0, y)))
    erlang = sum((y / S) ** i / sp.factorial(i) for i in range(shape)) * sp.exp(-y / S)
    assert sp.simplify(survival - erlang) == 0
    ratio = P * sp.exp(-1 / S)
    derived = P - (1 - P) * sum(polylogarithm(i, ratio) / (sp.factorial(i) * S**i) for i in range(shape))
    assert sp.simplify(derived - moment("gamma", shape=shape)) == 0
    check = {P: sp.Rational(3, 4), S: sp.Rational(5, 4)}
    summed = sum(
        (1 - check[P]) * check[P] ** k * (1 - erlang.subs(y, k).subs(check)) for k in range(1, 90)
    )  # a second way, as far as p^90
    assert float(summed) == pytest.approx(float(derived.subs(check)), abs=1e-10)


def test_continuous_moments_are_laplace_transforms():
    decay = sp.exp(-LAM * t)
    exponential = sp.integrate(MU * sp.exp(-MU * t) * decay, (t, 0, sp.oo))
    assert sp.simplify(exponential - moment("exponential", "continuous").subs(P, sp.exp(-LAM))) == 0
    gamma = sp.integrate(t ** (SHAPE - 1) * sp.exp(-t / S) / (sp.gamma(SHAPE) * S**SHAPE) * decay, (t, 0, sp.oo))
    form = moment("gamma", "continuous").subs(P, sp.exp(-LAM))
    assert sp.simplify(sp.powsimp(gamma / form, force=True)) == 1
    uniform = sp.integrate(decay, (t, A, B)) / (B - A)
    assert sp.simplify(uniform - moment("uniform", "continuous").subs(P, sp.exp(-LAM))) == 0
    shifted = sp.integrate(MU * sp.exp(-MU * t) * decay, (t, 0, sp.oo)) * sp.exp(-LAM * T0)
    assert sp.simplify(shifted - moment("shifted-exponential", "continuous").subs(P, sp.exp(-LAM))) == 0


def test_poisson_boundaries_are_transforms_too():
    """The frame in progress, then e^{-(1-p) x} on average over a Poisson number of boundaries."""
    boundaries = sp.Symbol("m", nonnegative=True, integer=True)
    inside = sp.summation(P**boundaries * X**boundaries * sp.exp(-X) / sp.factorial(boundaries), (boundaries, 0, sp.oo))
    assert sp.simplify(P * inside - moment("constant", "poisson")) == 0
    theta = sp.Symbol("theta", positive=True)  # 1 - p
    transform = sp.integrate(MU * sp.exp(-MU * t) * sp.exp(-theta * t), (t, 0, sp.oo))
    assert sp.simplify((P * transform).subs(theta, 1 - P) - moment("exponential", "poisson")) == 0


@pytest.mark.parametrize("alignment", ["frame", "uniform"])
def test_the_uniform_law_by_integrating_steps(alignment):
    low, high, p = sp.Rational(1, 3), sp.Rational(17, 5), sp.Rational(7, 10)
    pieces = [low, 1, 2, 3, high]
    total = 0
    for start, end in itertools.pairwise(pieces):
        whole = sp.floor(start)
        inside = p ** (whole + 1) * (1 - (1 - p) * (t - whole)) if alignment == "uniform" else p ** (whole + 1)
        total += sp.integrate(inside, (t, start, end))
    assert sp.simplify(moment("uniform", alignment).subs({A: low, B: high, P: p}) - total / (high - low)) == 0
    steps = sum((sp.floor(s) + 1) * (e - s) for s, e in itertools.pairwise(pieces))
    assert mean_delay("uniform").subs({A: low, B: high}) == steps / (high - low)


def test_limits_of_p_and_of_the_time():
    for family in ("constant", "exponential"):
        for alignment in ALIGNMENTS:
            assert sp.simplify(sp.limit(moment(family, alignment), P, 1)) == 1
    assert sp.limit(moment("gamma", shape=2), P, 1) == 1
    assert sp.limit(moment("exponential", "continuous"), MU, sp.oo) == 1  # no inference time, no loss
    assert sp.simplify(sp.limit(moment("exponential"), MU, sp.oo) - P) == 0  # but a frame is a frame
    assert sp.simplify(sp.limit(moment("exponential"), MU, 0)) == 0
    assert sp.limit(moment("gamma", "continuous").subs(SHAPE, 3), S, 0) == 1


def test_the_mean_delay_is_the_slope_at_one():
    """d/dp E p^D at p = 1 is E D: moment and mean belong together."""
    for family, shape in (("exponential", None), ("gamma", 2)):
        slope = sp.diff(moment(family, shape=shape), P).subs(P, 1)
        assert sp.simplify(slope - mean_delay(family, shape=shape)) == 0
    slope = sp.diff(moment("exponential", "uniform"), P).subs(P, 1)
    assert sp.simplify(slope - (1 / MU + 1)) == 0  # E x + 1


def test_rounding_up_to_frames_only_adds_delay():
    """Pitfall: p E p^x <= E p^D <= E p^x, strictly for the exponential: the continuous form under-states the regret."""
    q, w = sp.symbols("q w", positive=True)  # p = 1/(1+q), mu = w
    at = {P: 1 / (1 + q), MU: w}
    ratio = sp.simplify((moment("exponential") / moment("exponential", "continuous")).subs(at))
    for values in ((0.01, 0.1), (0.5, 2.0), (3.0, 0.01), (0.001, 40.0)):
        number = float(ratio.subs(dict(zip((q, w), values, strict=True))))
        assert 1 / (1 + values[0]) <= number < 1


CASES = [
    ("constant", None, (X,), lambda x: f"{x!r}"),
    ("exponential", None, (MU,), lambda mu: f"expon(scale={1 / mu!r})"),
    ("shifted-exponential", None, (T0, MU), lambda start, mu: f"expon(loc={start!r}, scale={1 / mu!r})"),
    ("gamma", 1, (S,), lambda s: f"gamma(1, scale={s!r})"),
    ("gamma", 4, (S,), lambda s: f"gamma(4, scale={s!r})"),
    ("uniform", None, (A, B), lambda a, b: f"uniform({a!r}, {b - a!r})"),
]


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize(("family", "shape", "symbols", "text"), CASES)
def test_moment_twins_on_random_points(family, shape, symbols, text, alignment):
    assert family in FAMILIES
    expression = moment(family, alignment, shape=shape)
    if shape is not None:
        expression = expression.subs(SHAPE, shape)
    twin = numeric(expression, P, *symbols)
    random = np.random.default_rng(3)
    for _ in range(25):
        p = random.uniform(0.01, 0.99)
        values = np.sort(random.uniform(0.2, 6.0, len(symbols))).tolist()
        expected = parse_law(text(*values)).moment(p, 1.0, alignment=alignment).value
        assert twin(p, *values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("family", "shape", "symbols", "text"), CASES)
def test_mean_delay_twins_on_random_points(family, shape, symbols, text):
    twin = numeric(mean_delay(family, shape=shape), *symbols)
    random = np.random.default_rng(4)
    for _ in range(10):
        values = np.sort(random.uniform(0.2, 6.0, len(symbols))).tolist()
        assert twin(*values) == pytest.approx(parse_law(text(*values)).mean_delay_frames(1.0), rel=1e-12)
