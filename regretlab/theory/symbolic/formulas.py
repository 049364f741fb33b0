r"""The closed forms as SymPy expressions: the regret per frame, its LaTeX, and numeric functions made from them.

``moments`` holds E p^delay of the laws, ``rules`` phi and S of the staggering rules,
``bounds`` the delay and learning bounds, ``design`` the design answers; this module puts moments and
rules together. Symbols: p mode probability, x = T / frame time of a constant law, mu = frame time / mean of an
exponential one, N workers, g and Delta the gaps, K symbols of the ring (p -> lambda = (K p - 1)/(K - 1) inside the
moments).
"""

from collections.abc import Callable
from functools import cache

import sympy as sp

from ...laws import Law
from ...rules import MAX_TIME, get_rule
from ...rules.rule import StaggeringRule
from .bounds import DELTA, K
from .moments import MU, T0, A, B, P, S, X, mean_delay, moment
from .rules import HOLD, F, N, inaction_fraction, pool_inaction, pool_service_value, service_value

__all__ = [
    "DELTA",
    "HOLD",
    "MU",
    "T0",
    "A",
    "B",
    "F",
    "G",
    "K",
    "N",
    "P",
    "S",
    "X",
    "inaction_fraction",
    "mean_delay",
    "moment",
    "numeric",
    "service_value",
    "total_regret",
    "total_regret_latex",
]

G = sp.Symbol("g", nonnegative=True)

_LARGEST_PRINTED_SHAPE = 4


def _total(phi: sp.Expr, value: sp.Expr, ring: bool) -> sp.Expr:
    if ring:
        value = value.subs(P, (K * P - 1) / (K - 1))
        return phi * G + DELTA * (1 - 1 / K) * (1 - phi - value)
    return phi * G + DELTA * (1 - phi - value)


@cache
def total_regret(
    family: str,
    rule: str | StaggeringRule,
    alignment: str | None = None,
    *,
    ring: bool = False,
    shape: int | None = None,
) -> sp.Expr | None:
    """Return the regret per frame: phi g + Delta (1 - phi - S(p)), or the ring's; None without a closed form.

    Parameters
    ----------
    family, shape
        As for ``moment``.
    rule, alignment
        As for ``service_law``.
    ring
        Whether for the ring W2 instead of the shift register W1.

    Examples
    --------
    >>> total_regret("constant", "max-time", "frame").subs({N: 3, X: 3, P: sp.Rational(4, 5), DELTA: 1})
    61/125
    """
    phi = inaction_fraction(family, rule, alignment, shape=shape)
    value = service_value(family, rule, alignment, shape=shape)
    return None if phi is None or value is None else _total(phi, value, ring)


def numeric(expression: sp.Expr, *symbols: sp.Symbol) -> Callable[..., float]:
    """Return the expression as a Python function of the given symbols.

    Examples
    --------
    >>> round(1 - numeric(moment("exponential"), P, MU)(0.9, 0.4), 11)
    0.25207205843
    """
    function = sp.lambdify(symbols, expression, "math")
    return lambda *values: float(function(*values))


def family_of(law: Law) -> tuple[str, int | None] | None:
    """Return the symbolic family of a law and its shape, or None."""
    if law.kind == "constant":
        return "constant", None
    if law.memoryless:
        return "exponential", None
    name, start = getattr(law, "family", None), getattr(law, "loc", 0.0)
    if name == "expon":
        return "shifted-exponential", None
    if name == "uniform":
        return "uniform", None
    if name in ("gamma", "erlang") and start == 0.0:
        shape = float(law.shapes[0])  # type: ignore[attr-defined]
        if shape == int(shape) and shape <= _LARGEST_PRINTED_SHAPE:
            return "gamma", int(shape)
    return None


def total_regret_latex(
    law: Law,
    rule: str | StaggeringRule,
    *,
    workers: float = 1,
    symbols: int | None = None,
    alignment: str | None = None,
    hold: int | None = None,
) -> str | None:
    r"""Return the regret per frame of a law and rule as LaTeX in named symbols, or None without a closed form.

    Parameters
    ----------
    law
        Inference time. Under max-time only tau_max counts: it is x. Unlimited pools are written with f(j) = P(D = j).
    rule, workers, alignment, hold
        As for ``service_law``.
    symbols
        K, for the ring.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> total_regret_latex(parse_law("expon(scale=2.5)"), "sequential")
    '\\Delta \\left(...'
    >>> total_regret_latex(parse_law("lognorm(0.5)"), "frame-pool", workers=float("inf"))
    '\\Delta \\left(...\\prod_{...'
    """
    ring = symbols is not None
    rule = get_rule(rule)
    if rule.pool and workers == float("inf"):
        held = hold if rule.holds else None
        return str(sp.latex(_total(pool_inaction(hold=held), pool_service_value(hold=held), ring)))
    if workers == float("inf"):
        return None
    found = ("constant", None) if rule is MAX_TIME else family_of(law)
    if found is None:
        return None
    family, shape = found
    expression = total_regret(family, rule, alignment, ring=ring, shape=shape)
    return None if expression is None else str(sp.latex(expression))
