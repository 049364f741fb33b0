"""The table of check values: figures on which two independent methods agreed to 4e-13, each to 1e-9 or to its digits.

Frame time 1, p = 0.9 where nothing is said. Gm = Gamma(4, scale 0.8), Ex = Exponential(mean 2.5), Q: P(D = 1, 2, 3) =
0.2, 0.5, 0.3.
"""

import math

import pytest

from regretlab.laws import law_from_samples, parse_law
from regretlab.mdp import parse_mdp, solve_delayed, solve_sequential
from regretlab.planning.inference_time import largest_exponential_frames
from regretlab.planning.model_size import PowerLaw, best_model_size, best_sequential_model_size
from regretlab.planning.regime import boundary_delay
from regretlab.rules.rule import HoldObjective
from regretlab.rules.service.frame_pools import blocking_bound
from regretlab.rules.service.pool_chains import exponential_pool
from regretlab.rules.service.service import best_hold, service_law
from regretlab.theory.loss import FrameLoss

GM, EX = parse_law("gamma(4, scale=0.8)"), parse_law("expon(scale=2.5)")
Q = law_from_samples([0.5] * 2 + [1.5] * 5 + [2.5] * 3)
LAM = math.exp(-0.02)


def lost(text, alignment="frame", p=0.9):
    return 1 - parse_law(text).moment(p, 1.0, alignment=alignment).value


def phi(law, rule, workers, **more):
    return service_law(law, 1.0, rule=rule, workers=workers, **more).inaction_fraction


def model(sequential=False):
    choose = best_sequential_model_size if sequential else best_model_size
    return choose(LAM, PowerLaw(2.0, 0.9), PowerLaw(0.2, -0.35))


def held():
    return service_law(GM, 1.0, rule="frame-hold", workers=math.inf, hold=5)


def pool(law):
    return service_law(law, 1.0, rule="frame-pool", workers=math.inf)


def finite():
    return service_law(Q, 1.0, rule="frame-pool", workers=2)


VALUES = {
    "Ex aligned": (lambda: lost("expon(scale=2.5)"), 0.25207205843),
    "Ex continuous": (lambda: lost("expon(scale=2.5)", "continuous"), 0.20848584801),
    "Ex unaligned": (lambda: lost("expon(scale=2.5)", "uniform"), 0.286981985393),
    "1.3 + Exp(1.25)": (lambda: lost("expon(loc=1.3, scale=1.25)"), 0.267682385329),
    "Gm": (lambda: lost("gamma(4, scale=0.8)"), 0.313302853935),
    "Gm continuous": (lambda: lost("gamma(4, scale=0.8)", "continuous"), 0.276529655997),
    "lognormal": (lambda: lost(f"lognorm(0.5, scale={math.exp(0.9)!r})"), 0.28451726223),
    "constant 3.2 unaligned": (lambda: lost("3.2", "uniform"), 0.357022),
    "ring K=4, Ex": (
        lambda: FrameLoss(0.9, 4).stake * (1 - EX.moment(FrameLoss(0.9, 4).decay, 1.0).value),
        0.238631613724,
    ),
    "W1 p=.8 d=3": (lambda: solve_delayed(parse_mdp("shift-register(p=0.8, n=3)"), 3).regret_per_frame, 0.488),
    "ring p=.7 K=3 d=2": (lambda: solve_delayed(parse_mdp("ring(p=0.7, symbols=3)"), 2).regret_per_frame, 0.465),
    "sequential overlapped": (
        lambda: solve_sequential(parse_mdp("shift-register(p=0.7, n=3, noop_gap=0.9)"), 3).regret_per_frame,
        0.819,
    ),
    "sequential strict": (
        lambda: (
            solve_sequential(parse_mdp("shift-register(p=0.7, n=3, noop_gap=0.9)"), 3, strict=True).regret_per_frame
        ),
        0.83925,
    ),
    "phi sequential Ex": (lambda: phi(EX, "sequential", 1), 0.670320046036),
    "phi free-running N=3 Gm": (lambda: phi(GM, "free-running", 3), 0.328987427259),
    "phi max-time x=5.3 N=3": (lambda: phi(parse_law("5.3"), "max-time", 3), 0.433962264151),
    "phi unlimited pool Ex": (lambda: pool(EX).inaction_fraction, 0.326049337638),
    "phi unlimited pool Q": (lambda: pool(Q).inaction_fraction, 0.28),
    "S unlimited pool Q": (lambda: pool(Q).service_value(0.9), 0.59148),
    "phi with drops Q": (
        lambda: phi(Q, "frame-pool", math.inf, drop_out_of_order=True),
        0.328,
    ),
    "phi hold 5 Gm": (lambda: held().inaction_fraction, 0.113958120263),
    "S hold 5 Gm": (lambda: held().service_value(0.9), 0.521644380983),
    "best hold Gm": (lambda: best_hold(GM, 1.0, HoldObjective(0.9)), 5),
    "Palm N=4 Ex": (lambda: exponential_pool(4, 0.4).blocking, 0.0564788196268),
    "phi finite pool N=4 Ex": (lambda: phi(EX, "frame-pool", 4), 0.340402175182),
    "phi finite pool N=2 Q": (lambda: finite().inaction_fraction, 0.337662337662),
    "Poisson-binomial Gm N=6": (lambda: blocking_bound(GM.frame_pmf(1.0), 6), 0.00159776838666),
    "largest exponential mean": (lambda: largest_exponential_frames(0.25, FrameLoss(0.9)), 2.46630346238),
    "boundary d": (lambda: boundary_delay(0.9, 0.01), 16.8833730558),
    "m*": (lambda: model().size, 1.79717549745),
    "regret at m*": (lambda: model().regret, 0.228447914372),
    "best sequential": (lambda: model(sequential=True).regret, 0.281678241728),
}


@pytest.mark.parametrize("name", VALUES)
def test_check_value(name):
    compute, value = VALUES[name]
    assert compute() == pytest.approx(value, abs=1e-9)
