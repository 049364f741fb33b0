r"""The lower bound over all path-blind rules (Theorem A) as a SymPy expression.

With r = N / E x inferences per frame and v_j = max(0, g - Delta + Delta p^j),

.. math:: g - \Delta\,r\,(1-p)\sum_{j<L} p^j G_j - v_L \min(1, r\,G_L)

where L is the first age with r G_L >= 1, or the last useful age or the chunk if that is less, but at least the shortest
delay. The sum is closed for constant, exponential and gamma laws (whole shape), since it needs only
Phi(y) = sum_{m<L} F_m y^m at y = p and at y = 1. Numeric twin: ``theory.any_rule.lower_bound``.
"""

from functools import cache

import sympy as sp

from ...errors import InputError
from ...laws import Law
from .bounds import DELTA, K
from .formulas import family_of
from .moments import MU, P, S, X
from .rules import N

__all__ = ["LAST", "G", "lower_bound", "lower_bound_latex", "served"]

G = sp.Symbol("g", nonnegative=True)
LAST = sp.Symbol("L", integer=True, positive=True)
_CLOSED = ("constant", "exponential", "gamma")


def _powers(order: int, y: sp.Expr, end: sp.Expr) -> sp.Expr:
    """Return sum of m^order y^m over m = 1..end-1: (y d/dy)^order of (y - y^end)/(1 - y); whole numbers for y = 1."""
    if y == 1:
        m = sp.Dummy("m", integer=True, positive=True)
        return sp.summation(m**order, (m, 1, end - 1))
    z = sp.Dummy("z", positive=True)
    total = (z - z**end) / (1 - z)
    for _ in range(order):
        total = z * sp.diff(total, z)
    return total.subs(z, y)


def _completed(family: str, shape: int | None, y: sp.Expr, end: sp.Expr, summed: bool = False) -> sp.Expr:
    """Return Phi(y) = sum of F_m y^m over m = 1..end-1; ``summed``: as that sum."""
    if summed:
        m = sp.Symbol("m", integer=True, positive=True)
        return sp.Sum(y**m * _completed_by(family, shape, m), (m, 1, end - 1))
    if family == "constant":
        first = sp.ceiling(X)
        return end - first if y == 1 else (y**first - y**end) / (1 - y)
    if family == "exponential":
        return _powers(0, y, end) - _powers(0, y * sp.exp(-MU), end)
    tail = [_powers(i, y * sp.exp(-1 / S), end) / (sp.factorial(i) * S**i) for i in range(shape or 1)]
    return _powers(0, y, end) - sp.Add(*tail)


def _completed_by(family: str, shape: int | None, age: sp.Expr) -> sp.Expr:
    """Return F_j at an age that is at least the shortest delay."""
    if family == "constant":
        return sp.Integer(1)
    if family == "exponential":
        return 1 - sp.exp(-MU * age)
    return 1 - sp.exp(-age / S) * sp.Add(*((age / S) ** i / sp.factorial(i) for i in range(shape or 1)))


def _check(family: str, service_model: str, shape: int | None) -> None:
    if family not in _CLOSED:
        raise InputError(f"the lower bound has a closed form for constant, exponential and gamma laws, not '{family}'")
    if family == "gamma" and (shape is None or shape != int(shape) or shape < 1):
        raise InputError(f"the lower bound of gamma needs a whole shape of at least 1, not {shape!r}")
    if service_model not in ("once", "repeat", "chunk"):
        raise InputError(f"service model must be once, repeat or chunk, not {service_model!r}")


@cache
def served(family: str, service_model: str = "once", *, shape: int | None = None, summed: bool = False) -> sp.Expr:
    """Return S of Theorem A, with ages summed up to L (at least the shortest delay; at most H for a chunk of H).

    Parameters
    ----------
    family, shape
        "constant" (x), "exponential" (mu) or "gamma" (k = ``shape``, s).
    service_model
        "once", or "repeat" or "chunk" (an unlimited one, or one of at least L ages).
    summed
        Leave the sums over F_m as they are, which is shorter for gamma.

    Raises
    ------
    InputError
        For a family, shape or model without a form.

    Examples
    --------
    >>> bound = 1 - served("constant").subs({G: 1, DELTA: 1, N: 1, LAST: 4})
    >>> round(float(bound.subs({X: sp.Rational(16, 5), P: sp.Rational(9, 10)})), 12)
    0.79496875
    """
    _check(family, service_model, shape)
    mean = {"constant": X, "exponential": 1 / MU, "gamma": (shape or 1) * S}[family]
    rate = N / mean
    at_p = _completed(family, shape, P, LAST, summed)
    if service_model == "once":
        early, reach = (1 - P) * at_p, _completed_by(family, shape, LAST)
    else:
        at_one = _completed(family, shape, sp.Integer(1), LAST, summed)
        early, reach = at_p - P**LAST * at_one, at_one + _completed_by(family, shape, LAST)
    return DELTA * rate * early + sp.Max(0, G - DELTA + DELTA * P**LAST) * sp.Min(1, rate * reach)


@cache
def lower_bound(
    family: str, service_model: str = "once", *, ring: bool = False, shape: int | None = None, summed: bool = False
) -> sp.Expr:
    """Return the bound g - S; on the ring with lambda = (K p - 1)/(K - 1) for p and Delta (1 - 1/K) for Delta.

    Parameters
    ----------
    family, service_model, shape, summed
        As for ``served``.
    ring
        Whether for the ring W2 instead of the shift register W1.
    """
    value = served(family, service_model, shape=shape, summed=summed)
    if ring:
        value = value.subs({P: (K * P - 1) / (K - 1), DELTA: DELTA * (1 - 1 / K)}, simultaneous=True)
    return G - value


def lower_bound_latex(law: Law, service_model: str, *, chunk: float = float("inf"), ring: bool = False) -> str:
    r"""Return the bound as LaTeX: closed for constant and exponential times, a finite sum for gamma of whole shape.

    The ages are summed up to L (module), at most H for a chunk. Other laws: in F_j and v_j (Theorem A).

    Parameters
    ----------
    law
        Inference time.
    service_model, chunk
        As for ``lower_bound`` of the theory; ``chunk`` is H.
    ring
        Whether the loss is that of the ring.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> lower_bound_latex(parse_law("expon(scale=2.5)"), "once")
    '- \\Delta N \\mu...'
    >>> "\\sum_{m=1}^{L - 1} p^{m}" in lower_bound_latex(parse_law("gamma(4, scale=0.8)"), "once")
    True
    >>> lower_bound_latex(parse_law("lognorm(1)"), "chunk", chunk=8)
    'g - \\sum_{j \\ge 1} (v_j - v_{j+1}) \\min\\Bigl(1, r \\sum_{m=1}^{\\min(j, 8)} F_m\\Bigr)'
    """
    family, shape = family_of(law) or (None, None)
    if family == "constant" and service_model == "chunk" and chunk < law.quantile(0.0):
        return str(sp.latex(G))  # every output is too old
    if family in _CLOSED:
        value = lower_bound(family, service_model, ring=ring, shape=shape, summed=family == "gamma")
        return str(sp.latex(value))
    if service_model == "once":
        below = "F_j"
    else:
        last = "j" if chunk == float("inf") else rf"\min(j, {chunk:g})"
        below = rf"\sum_{{m=1}}^{{{last}}} F_m"
    return rf"g - \sum_{{j \ge 1}} (v_j - v_{{j+1}}) \min\Bigl(1, r {below}\Bigr)"
