"""The symbolic twins: derived from the law by summation or integration, and equal to the numeric functions."""

import numpy as np
import pytest
import sympy as sp

from regretlab.bounds import symbolic
from regretlab.bounds.realtime import realtime_regret
from regretlab.bounds.symbolic import DELTA, MU, G, K, N, P, X
from regretlab.errors import InputError
from regretlab.laws import constant, parse_law


def test_the_exponential_moment_is_the_sum_over_frames():
    n = sp.Symbol("n", positive=True, integer=True)
    z = sp.Symbol("z", positive=True)  # p e^-mu, below 1
    geometric = sp.summation(z**n, (n, 1, sp.oo)).args[0][0]
    derived = P - (1 - P) * geometric.subs(z, P * sp.exp(-MU))
    assert sp.simplify(derived - symbolic.moment("exponential")) == 0


def test_the_continuous_moment_is_the_laplace_transform():
    t, s = sp.Symbol("t", positive=True), sp.Symbol("s", positive=True)
    derived = sp.integrate(MU * sp.exp(-MU * t) * sp.exp(-s * t), (t, 0, sp.oo))
    assert sp.simplify(derived.subs(s, -sp.log(P)) - symbolic.moment("exponential", "continuous")) == 0


def test_the_uniform_phase_averages_the_survival_function():
    y, n = sp.Symbol("y", positive=True), sp.Symbol("n", positive=True, integer=True)
    cell = sp.integrate(sp.exp(-MU * y), (y, n - 1, n))
    first = sp.simplify(cell.subs(n, 1))
    derived = P - (1 - P) * P * first / (1 - P * sp.exp(-MU))
    assert sp.simplify(derived - symbolic.moment("exponential", "uniform")) == 0


def test_limits():
    for alignment in ("frame", "uniform", "continuous"):
        assert sp.simplify(sp.limit(symbolic.moment("exponential", alignment), P, 1)) == 1
    assert sp.limit(symbolic.moment("exponential", "continuous"), MU, sp.oo) == 1  # no inference time, no loss
    assert sp.simplify(sp.limit(symbolic.moment("exponential"), MU, sp.oo) - P) == 0  # but a frame is a frame
    assert sp.limit(symbolic.inaction_fraction("exponential", "sequential"), MU, 0) == 1


@pytest.mark.parametrize("alignment", ["frame", "uniform", "continuous"])
def test_moment_twins_on_random_points(alignment):
    random = np.random.default_rng(3)
    exponential = symbolic.numeric(symbolic.moment("exponential", alignment), P, MU)
    fixed = symbolic.numeric(symbolic.moment("constant", alignment), P, X)
    for _ in range(50):
        p, seconds = random.uniform(0.01, 0.999), random.uniform(0.05, 8.0)
        law = parse_law(f"expon(scale={seconds})")
        assert exponential(p, 1 / seconds) == pytest.approx(law.moment(p, 1.0, alignment=alignment).value, abs=1e-12)
        law = constant(seconds)
        assert fixed(p, seconds) == pytest.approx(law.moment(p, 1.0, alignment=alignment).value, abs=1e-12)


CASES = [
    ("constant", "sequential", None),
    ("constant", "sequential-strict", None),
    ("constant", "unstaggered", None),
    ("constant", "max-time", None),
    ("constant", "max-time", "frame"),
    ("exponential", "sequential", None),
    ("exponential", "sequential-strict", None),
]


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize(("family", "rule", "alignment"), CASES)
def test_total_regret_twins_on_random_points(family, rule, alignment, ring):
    expression = symbolic.total_regret(family, rule, alignment, ring=ring)
    variable = X if family == "constant" else MU
    twin = symbolic.numeric(expression, P, variable, N, G, DELTA, K)
    random = np.random.default_rng(4)
    for _ in range(40):
        p, seconds, g, gap = random.uniform((0.35, 0.05, 0.0, 0.0), (1.0, 9.0, 1.0, 1.0))
        workers = int(random.integers(1, 12)) if rule in ("unstaggered", "max-time") else 1
        law = constant(seconds) if family == "constant" else parse_law(f"expon(scale={seconds})")
        report = realtime_regret(
            law,
            1.0,
            p,
            workers=workers,
            rule=rule,
            alignment=alignment,
            symbols=3 if ring else None,
            gap_default=g,
            gap_delay=gap,
            with_symbolic=True,
        )
        value = seconds if family == "constant" else 1 / seconds
        assert twin(p, value, workers, g, gap, 3) == pytest.approx(report.total, abs=1e-12)
        assert report.symbolic


def test_no_formula_is_made_up_where_there_is_none():
    assert symbolic.total_regret("exponential", "frame-pool") is None
    report = realtime_regret(parse_law("gamma(2.5)"), 1.0, 0.9, rule="sequential", with_symbolic=True)
    assert report.symbolic is None
    with pytest.raises(InputError, match="symbolic forms exist for constant and exponential laws, not 'gamma'"):
        symbolic.moment("gamma")
    with pytest.raises(InputError, match="alignment must be frame, uniform or continuous, not 'odd'"):
        symbolic.moment("constant", "odd")
