r"""The design answers as SymPy expressions, each the solution of the equation next to it.

Symbols: lam = -ln p, d delay in frames, c cost per worker and frame, G worth of a served frame, b = 1 - eta/Delta, q
and N of free-running workers, x and chi of contention; a, beta, kappa (quality) and alpha of the model-size trade-off.
Numeric twins: ``regretlab.planning``.
"""

from functools import cache

import sympy as sp

__all__ = [
    "ALPHA",
    "BETA",
    "CHI",
    "COST",
    "FACTOR",
    "LAM",
    "QUALITY",
    "SHAPE",
    "SIZE",
    "THRESHOLD",
    "VALUE",
    "Q",
    "X",
    "best_model_size",
    "boundary_delay",
    "delay_of_largest_lead",
    "largest_constant_frames",
    "largest_exponential_frames",
    "largest_gamma_scale",
    "model_loss",
    "model_size_condition",
    "workers_free_running",
    "workers_under_contention",
]

LAM, COST, VALUE, THRESHOLD = sp.symbols("lambda c G b", positive=True)
Q, X, CHI, SHAPE = sp.symbols("q x chi k", positive=True)
FACTOR, BETA, QUALITY, ALPHA, SIZE = sp.symbols("a beta kappa alpha m", positive=True)
_D, _N, _Y = sp.symbols("d N y", positive=True)


@cache
def largest_constant_frames() -> sp.Expr:
    """Return floor(-ln b / lam), the longest constant time with p^d >= b.

    Examples
    --------
    >>> largest_constant_frames()
    floor(-log(b)/lambda)
    """
    return sp.floor(-sp.log(THRESHOLD) / LAM)


@cache
def largest_exponential_frames() -> sp.Expr:
    """Return the largest exponential mean with E p^D >= b, 1/ln(p (1-b)/(p-b)).

    Examples
    --------
    >>> largest_exponential_frames()
    1/log((1 - b)*exp(-lambda)/(-b + exp(-lambda)))
    """
    p = sp.exp(-LAM)
    return 1 / sp.log(p * (1 - THRESHOLD) / (p - THRESHOLD))


@cache
def largest_gamma_scale() -> sp.Expr:
    """Return the largest gamma scale with E p^x >= b in continuous time, by solving for it.

    Examples
    --------
    >>> sp.simplify(largest_gamma_scale() - (THRESHOLD ** (-1 / SHAPE) - 1) / LAM)
    0
    """
    scale = sp.Symbol("s", positive=True)
    return sp.simplify(sp.solve(sp.Eq(1 + scale * LAM, THRESHOLD ** (-1 / SHAPE)), scale)[0])


@cache
def boundary_delay() -> sp.Expr:
    """Return the delay up to which staggering beats one worker with both gaps 1: c d = e^{-lam d}, solved.

    Examples
    --------
    >>> boundary_delay()
    LambertW(lambda/c)/lambda
    """
    return sp.solve(sp.Eq(COST * _D, sp.exp(-LAM * _D)), _D)[0]


@cache
def delay_of_largest_lead() -> sp.Expr:
    """Return the delay at which (1 - 1/d) e^{-lam d} is largest: its derivative is zero.

    Examples
    --------
    >>> delay_of_largest_lead()
    1/2 + sqrt(lambda + 4)/(2*sqrt(lambda))
    """
    roots = sp.solve(sp.Eq(1, LAM * _D * (_D - 1)), _D)
    positive = next(root for root in roots if root.subs(LAM, 1) > 0)
    return sp.expand(positive)


@cache
def workers_free_running() -> sp.Expr:
    """Return the real number of workers at which G (1-q)^N + c N is least.

    Examples
    --------
    >>> workers_free_running()
    log(-c/(G*log(1 - q)))/log(1 - q)
    """
    rest = sp.log(1 - Q)
    return sp.log(COST / (VALUE * -rest)) / rest


@cache
def workers_under_contention() -> sp.Expr:
    """Return the N at which N workers just serve every frame: N = x (1 + chi (N-1)), solved (round up).

    Examples
    --------
    >>> sp.simplify(workers_under_contention() - X * (1 - CHI) / (1 - CHI * X))
    0
    """
    return sp.simplify(sp.solve(sp.Eq(_N, X * (1 + CHI * (_N - 1))), _N)[0])


@cache
def model_loss() -> sp.Expr:
    """Return 1 - e^{-lam a m^beta} + kappa m^-alpha, the loss of a model of size m.

    Examples
    --------
    >>> model_loss().subs({QUALITY: 0, SIZE: 1})
    1 - exp(-a*lambda)
    """
    return 1 - sp.exp(-LAM * FACTOR * SIZE**BETA) + QUALITY * SIZE**-ALPHA


def _reduced() -> tuple[sp.Expr, sp.Expr]:
    """Return 1 + alpha/beta, and R^(1/(1 + alpha/beta))."""
    power = 1 + ALPHA / BETA
    level = ALPHA * QUALITY / BETA * (LAM * FACTOR) ** (ALPHA / BETA)
    return power, level ** (1 / power)


@cache
def model_size_condition() -> sp.Expr:
    """Return R^{1/kap}/kap, which must be at most 1/e for the loss to have a local minimum."""
    power, root = _reduced()
    return root / power


@cache
def best_model_size() -> sp.Expr:
    """Return m* = (y/(lam a))^{1/beta} with y e^{-y/kap} = R^{1/kap} solved by Lambert's W (its principal branch)."""
    power, root = _reduced()
    kap, level = sp.symbols("kap r", positive=True)
    solved = sp.solve(sp.Eq(_Y * sp.exp(-_Y / kap), level), _Y)[0]
    y = solved.subs({kap: power, level: root})
    return (y / (LAM * FACTOR)) ** (1 / BETA)
