"""The symbolic twins of the rules and the total: equal to the numeric functions, exact on rational numbers."""

import numpy as np
import pytest
import sympy as sp

from regretlab.errors import InputError
from regretlab.laws import constant, law_from_samples, parse_law
from regretlab.scenario import Scenario
from regretlab.theory.hold import regret_of_holds
from regretlab.theory.loss import FrameLoss
from regretlab.theory.realtime import bound
from regretlab.theory.symbolic import formulas as symbolic
from regretlab.theory.symbolic import rules
from regretlab.theory.symbolic.formulas import DELTA, MU, G, K, N, P, X
from tests.oracles.plain_service import palm_loss

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
        g = max(g, gap)  # below Delta the default behaviour is the better action for old observations: no closed form
        workers = int(random.integers(1, 12)) if rule in ("unstaggered", "max-time") else 1
        law = constant(seconds) if family == "constant" else parse_law(f"expon(scale={seconds})")
        report = bound(
            Scenario(
                law,
                frame_time=1.0,
                mode_probability=p,
                workers=workers,
                rule=rule,
                alignment=alignment,
                symbols=3 if ring else None,
                gap_default=g,
                gap_delay=gap,
            )
        )
        value = seconds if family == "constant" else 1 / seconds
        assert twin(p, value, workers, g, gap, 3) == pytest.approx(report.regret.total, abs=1e-12)
        assert report.symbolic


def test_no_formula_is_made_up_where_there_is_none():
    assert symbolic.total_regret("exponential", "frame-pool") is None
    report = bound(Scenario("gamma(2.5)", frame_time=1.0, mode_probability=0.9, rule="sequential"))
    assert report.symbolic is None
    mean = parse_law("lognorm(0.5)")
    assert symbolic.total_regret_latex(mean, "sequential") is None
    assert symbolic.total_regret_latex(parse_law("gamma(9)"), "sequential") is None  # too long to read
    assert symbolic.total_regret_latex(parse_law("2"), "max-time", workers=np.inf) is None
    with pytest.raises(InputError, match=r"symbolic forms exist for constant, exponential, .*, not 'weibull'"):
        symbolic.moment("weibull")
    with pytest.raises(InputError, match="alignment must be frame, uniform, continuous or poisson, not 'odd'"):
        symbolic.moment("constant", "odd")
    with pytest.raises(InputError, match="needs a whole shape of at least 1, not None"):
        symbolic.moment("gamma")


@pytest.mark.parametrize(
    ("text", "rule", "workers", "part"),
    [
        ("expon(loc=1, scale=2)", "sequential", 1, "t_{0}"),
        ("gamma(3)", "sequential-strict", 1, "s"),
        ("uniform(1, 2)", "sequential", 1, "a"),
        ("lognorm(0.5)", "max-time", 4, "x"),
        ("lognorm(0.5)", "frame-pool", np.inf, "prod"),
        ("2.5", "frame-pool", 3, "max"),
    ],
)
def test_latex_names_the_symbols(text, rule, workers, part):
    for symbols in (None, 4):
        latex = symbolic.total_regret_latex(parse_law(text), rule, workers=workers, symbols=symbols)
        assert part in latex
        assert "Delta" in latex
        assert ("K" in latex) == (symbols is not None)


def test_pools_exactly():
    """P(D = 1, 2, 3) = .2, .5, .3 in rational arithmetic: the check values without rounding."""
    table = {rules.F(1): sp.Rational(2, 10), rules.F(2): sp.Rational(5, 10), rules.F(3): sp.Rational(3, 10)}
    at = {P: sp.Rational(9, 10), **table}
    assert rules.pool_inaction(3).subs(table) == sp.Rational(28, 100)
    assert rules.pool_service_value(3).subs(at) == sp.Rational(59148, 100000)
    assert rules.pool_in_order_inaction(3).subs(table) == sp.Rational(328, 1000)
    law = law_from_samples([0.5] * 2 + [1.5] * 5 + [2.5] * 3)
    loss, empty = FrameLoss(0.9), FrameLoss(0.9, gap_delay=0.0)  # only empty frames lose: phi
    for hold in (1, 2, 3):
        value = rules.pool_service_value(3, hold=hold).subs(at)
        phi = rules.pool_inaction(3, hold=hold).subs(table)
        assert float(1 - value) == pytest.approx(regret_of_holds(law, 1.0, loss)[hold], abs=1e-12)
        assert float(phi) == pytest.approx(regret_of_holds(law, 1.0, empty)[hold], abs=1e-12)
    with pytest.raises(InputError, match="longest delay must be a whole number of at least 1 frame, not 0"):
        rules.pool_inaction(0)


def test_palm_loss_twin():
    for workers in (1, 2, 4):
        twin = symbolic.numeric(rules.palm_loss(workers), MU)
        for rate in (0.1, 0.4, 2.0):
            assert twin(rate) == pytest.approx(palm_loss(workers, rate), rel=1e-12)
    assert rules.palm_loss().has(sp.Product)


def test_rules_in_the_limit_of_many_workers_and_no_time():
    assert sp.limit(rules.inaction_fraction("constant", "free-running").subs(rules.Q, sp.Rational(1, 3)), N, sp.oo) == 0
    spaced = rules.inaction_fraction("constant", "max-time")
    assert spaced.subs({X: sp.Rational(16, 3), N: 6}) == 0
    assert spaced.subs({X: sp.Rational(53, 10), N: 3}) == sp.Rational(23, 53)
    assert sp.limit(rules.inaction_fraction("exponential", "sequential"), MU, sp.oo) == 0
    assert sp.limit(rules.inaction_fraction("exponential", "sequential"), MU, 0) == 1
    # pitfall: strict sequential leaves at least half of the frames, however fast
    assert sp.limit(rules.inaction_fraction("exponential", "sequential-strict"), MU, sp.oo) == sp.Rational(1, 2)


@pytest.mark.thorough
def test_one_worker_twins_of_the_other_families():
    random = np.random.default_rng(8)
    for family, shape, symbols, make in (
        ("shifted-exponential", None, (symbolic.T0, MU), lambda a, b: f"expon(loc={a!r}, scale={1 / b!r})"),
        ("gamma", 3, (symbolic.S,), lambda a: f"gamma(3, scale={a!r})"),
        ("uniform", None, (symbolic.A, symbolic.B), lambda a, b: f"uniform({a!r}, {b!r})"),
    ):
        for rule in ("sequential", "sequential-strict"):
            expression = symbolic.total_regret(family, rule, shape=shape)
            twin = symbolic.numeric(expression, P, G, DELTA, *symbols)
            for _ in range(5):
                p, g, gap = random.uniform((0.1, 0.0, 0.0), (0.99, 1.0, 1.0))
                g = max(g, gap)
                values = random.uniform(0.3, 4.0, len(symbols)).tolist()
                report = bound(
                    Scenario(make(*values), frame_time=1.0, mode_probability=p, rule=rule, gap_default=g, gap_delay=gap)
                )
                if family == "uniform":
                    values[1] += values[0]  # scipy's uniform takes start and width
                assert twin(p, g, gap, *values) == pytest.approx(report.regret.total, abs=1e-12)
