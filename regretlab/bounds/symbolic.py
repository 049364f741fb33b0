r"""The closed forms as SymPy expressions, their LaTeX, and their derivation from the law.

Symbols: p modal probability, x = T / frame time of a constant law, mu = frame time / mean of an exponential one, N
workers, g and Delta the gaps, K symbols of the ring (p -> lambda = (K p - 1)/(K - 1) inside the moments).
"""

from collections.abc import Callable
from functools import cache

import sympy as sp

from ..errors import InputError
from ..laws import Law

__all__ = [
    "DELTA",
    "MU",
    "G",
    "K",
    "N",
    "P",
    "X",
    "inaction_fraction",
    "moment",
    "numeric",
    "service_value",
    "total_regret",
    "total_regret_latex",
]

P = sp.Symbol("p", positive=True)
X = sp.Symbol("x", positive=True)
MU = sp.Symbol("mu", positive=True)
N = sp.Symbol("N", positive=True, integer=True)
K = sp.Symbol("K", positive=True, integer=True)
G = sp.Symbol("g", nonnegative=True)
DELTA = sp.Symbol("Delta", nonnegative=True)

_FAMILIES = ("constant", "exponential")


def _check_family(family: str) -> None:
    if family not in _FAMILIES:
        raise InputError(f"symbolic forms exist for {' and '.join(_FAMILIES)} laws, not '{family}'")


@cache
def moment(family: str, alignment: str = "frame") -> sp.Expr:
    """Return E p^delay of a law.

    Parameters
    ----------
    family
        "constant" or "exponential".
    alignment
        "frame", "uniform" or "continuous", as in ``Law.moment``.

    Examples
    --------
    >>> moment("exponential", "continuous")
    mu/(mu - log(p))
    """
    _check_family(family)
    z = P * sp.exp(-MU)
    fraction = X - sp.floor(X)
    forms = {
        ("constant", "frame"): P ** sp.ceiling(X),
        ("constant", "uniform"): P ** (sp.floor(X) + 1) * (1 - fraction + fraction * P),
        ("constant", "continuous"): P**X,
        ("exponential", "frame"): P * (1 - sp.exp(-MU)) / (1 - z),
        ("exponential", "uniform"): P - (1 - P) * (sp.exp(MU) - 1) / MU * z / (1 - z),
        ("exponential", "continuous"): MU / (MU - sp.log(P)),
    }
    if (family, alignment) not in forms:
        raise InputError(f"alignment must be frame, uniform or continuous, not '{alignment}'")
    return forms[family, alignment]


@cache
def _mean_delay(family: str) -> sp.Expr:
    return sp.ceiling(X) if family == "constant" else 1 / (1 - sp.exp(-MU))


@cache
def inaction_fraction(family: str, rule: str, alignment: str | None = None) -> sp.Expr | None:
    """Return phi of a rule, or None where there is no finite closed form.

    Examples
    --------
    >>> inaction_fraction("exponential", "sequential")
    exp(-mu)
    """
    _check_family(family)
    mean = _mean_delay(family)
    if rule == "sequential":
        return sp.simplify(1 - 1 / mean)
    if rule == "sequential-strict":
        return sp.simplify(mean / (1 + mean))
    if family == "constant":
        spacing = {"unstaggered": X, "max-time": X / N}.get(rule)
        if rule == "max-time" and alignment == "frame":
            spacing = sp.ceiling(X) / N
        if spacing is not None:
            return sp.Max(0, 1 - 1 / spacing)
    return None


@cache
def service_value(family: str, rule: str, alignment: str | None = None) -> sp.Expr | None:
    """Return S(p) = sum_j a_j p^j of a rule, or None where there is no finite closed form."""
    phi = inaction_fraction(family, rule, alignment)
    if phi is None:
        return None
    if rule == "sequential":
        return sp.simplify(moment(family) / _mean_delay(family))
    if rule == "sequential-strict":
        return sp.simplify(moment(family) / (1 + _mean_delay(family)))
    if rule == "max-time" and alignment == "frame":
        return (1 - phi) * P ** sp.ceiling(X)
    # outputs every `width` frames or less: ceil(v + x) with v uniform below the width
    width = sp.Min(1, X if rule == "unstaggered" else X / N)
    first = sp.Min(1, (1 - (X - sp.floor(X))) / width)
    return (1 - phi) * (first * P ** (sp.floor(X) + 1) + (1 - first) * P ** (sp.floor(X) + 2))


@cache
def total_regret(family: str, rule: str, alignment: str | None = None, *, ring: bool = False) -> sp.Expr | None:
    """Return the regret per frame: phi g + Delta (1 - phi - S(p)), or the ring's; None without a closed form."""
    phi, value = inaction_fraction(family, rule, alignment), service_value(family, rule, alignment)
    if phi is None or value is None:
        return None
    if ring:
        value = value.subs(P, (K * P - 1) / (K - 1))
        return phi * G + DELTA * (1 - 1 / K) * (1 - phi - value)
    return phi * G + DELTA * (1 - phi - value)


def numeric(expression: sp.Expr, *symbols: sp.Symbol) -> Callable[..., float]:
    """Return the expression as a Python function of the given symbols.

    Examples
    --------
    >>> round(1 - numeric(moment("exponential"), P, MU)(0.9, 0.4), 11)
    0.25207205843
    """
    function = sp.lambdify(symbols, expression, "math")
    return lambda *values: float(function(*values))


def total_regret_latex(
    law: Law, rule: str, *, workers: float = 1, symbols: int | None = None, alignment: str | None = None
) -> str | None:
    r"""Return the regret per frame of a law and rule as LaTeX in named symbols, or None without a closed form.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> total_regret_latex(parse_law("expon(scale=2.5)"), "sequential")
    '\\Delta \\left(...'
    """
    if law.kind == "constant":
        family = "constant"
    elif law.memoryless:
        family = "exponential"
    else:
        return None
    if workers == float("inf") and rule == "max-time":
        return None
    expression = total_regret(family, rule, alignment, ring=symbols is not None)
    return None if expression is None else sp.latex(expression)
