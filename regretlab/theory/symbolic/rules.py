r"""The staggering rules as SymPy expressions: phi and S(p) = sum_j a_j p^j.

Symbols: those of ``moments``, N workers, q the share of frames in which a free-running worker has an output,
f(j) = P(D = j), h the hold. Numeric twins: ``staggering.service``.
"""

from functools import cache

import sympy as sp

from ...errors import InputError
from ...rules import FRAME_POOL, FREE_RUNNING, MAX_TIME, UNSTAGGERED, get_rule
from ...rules.rule import StaggeringRule
from .moments import MU, P, X, check_family, mean_delay, moment

__all__ = [
    "HOLD",
    "F",
    "N",
    "Q",
    "inaction_fraction",
    "palm_loss",
    "pool_in_order_inaction",
    "pool_inaction",
    "pool_service_value",
    "service_value",
]

N = sp.Symbol("N", positive=True, integer=True)
Q = sp.Symbol("q", positive=True)
HOLD = sp.Symbol("h", positive=True, integer=True)
F = sp.Function("f", nonnegative=True)
_I, _J = sp.symbols("i j", positive=True, integer=True)


@cache
def inaction_fraction(
    family: str, rule: str | StaggeringRule, alignment: str | None = None, *, shape: int | None = None
) -> sp.Expr | None:
    """Return phi of a rule, or None where there is no finite closed form.

    Parameters
    ----------
    family, shape
        As for ``moments.moment``.
    rule, alignment
        As for ``service_law``. Under max-time x stands for tau_max in frames, whatever the law.

    Examples
    --------
    >>> inaction_fraction("exponential", "sequential")
    exp(-mu)
    """
    check_family(family)
    rule = get_rule(rule)
    if rule.cycle_rest is not None:
        mean = mean_delay(family, shape=shape) + rule.cycle_rest
        return sp.simplify(1 - 1 / mean)
    if rule is FREE_RUNNING:
        return (1 - Q) ** N
    if rule is FRAME_POOL and family == "constant":
        return sp.Max(0, 1 - N / sp.ceiling(X))
    if rule is MAX_TIME:
        cycle = sp.ceiling(X) if alignment == "frame" else X
        return sp.Max(0, 1 - N / cycle)
    return sp.Max(0, 1 - 1 / X) if rule is UNSTAGGERED and family == "constant" else None


@cache
def service_value(
    family: str, rule: str | StaggeringRule, alignment: str | None = None, *, shape: int | None = None
) -> sp.Expr | None:
    """Return S(p) = sum_j a_j p^j of a rule, or None where there is no finite closed form.

    Parameters
    ----------
    family, rule, alignment, shape
        As for ``inaction_fraction``.
    """
    rule = get_rule(rule)
    phi = inaction_fraction(family, rule, alignment, shape=shape)
    if phi is None or rule is FREE_RUNNING:
        return None
    if rule.cycle_rest is not None:
        mean = mean_delay(family, shape=shape) + rule.cycle_rest
        return sp.simplify(moment(family, shape=shape) / mean)
    if rule is FRAME_POOL or alignment == "frame":
        return (1 - phi) * P ** sp.ceiling(X)
    # outputs every `width` frames or less: ceil(v + x) with v uniform below the width
    width = sp.Min(1, X if rule is UNSTAGGERED else X / N)
    first = sp.Min(1, (1 - (X - sp.floor(X))) / width)
    return (1 - phi) * (first * P ** (sp.floor(X) + 1) + (1 - first) * P ** (sp.floor(X) + 2))


def _longest(longest: int | None) -> sp.Expr:
    if longest is not None and (longest != int(longest) or longest < 1):
        raise InputError(f"the longest delay must be a whole number of at least 1 frame, not {longest!r}")
    return sp.oo if longest is None else sp.Integer(longest)


@cache
def pool_inaction(longest: int | None = None, *, hold: int | None = None) -> sp.Expr:
    """Return phi of the unlimited frame pool, (1 - F_h) prod_{j>h} (1 - f_j).

    Parameters
    ----------
    longest
        J, the longest delay: the product is written out. None: an infinite product, for print.
    hold
        h in frames; None for no hold.

    Examples
    --------
    >>> pool_inaction(2)
    (1 - f(1))*(1 - f(2))
    """
    last = _longest(longest)
    if hold is None:
        product = sp.Product(1 - F(_J), (_J, 1, last))
        return product if longest is None else product.doit()
    below = sp.Sum(F(_I), (_I, 1, hold)).doit()
    product = sp.Product(1 - F(_J), (_J, hold + 1, last))
    return (1 - below) * (product if longest is None else product.doit())


@cache
def pool_service_value(longest: int | None = None, *, hold: int | None = None) -> sp.Expr:
    """Return S(p) of the unlimited frame pool, F_h p^h + (1 - F_h) sum_{j>h} f_j p^j prod_{h<i<j} (1 - f_i).

    Parameters
    ----------
    longest, hold
        As for ``pool_inaction``.

    Examples
    --------
    >>> pool_service_value(2)
    p**2*(1 - f(1))*f(2) + p*f(1)
    """
    last = _longest(longest)
    first = 0 if hold is None else hold
    fresher = sp.Product(1 - F(_I), (_I, first + 1, _J - 1))
    later = sp.Sum(F(_J) * P**_J * fresher, (_J, first + 1, last))
    if longest is not None:
        later = sp.Add(
            *(F(j) * P**j * sp.Mul(*(1 - F(i) for i in range(first + 1, j))) for j in range(first + 1, longest + 1))
        )
    if hold is None:
        return later
    below = sp.Sum(F(_I), (_I, 1, hold)).doit()
    return below * P**hold + (1 - below) * later


@cache
def pool_in_order_inaction(longest: int) -> sp.Expr:
    """Return phi of the unlimited pool that drops outputs out of order, 1 - sum_j f_j prod_{i<j} P(D > i).

    Parameters
    ----------
    longest
        J, the longest delay in frames.
    """
    last = int(_longest(longest))

    def above(i: int) -> sp.Expr:
        return 1 - sp.Add(*(F(k) for k in range(1, i + 1)))

    return 1 - sp.Add(*(F(j) * sp.Mul(*(above(i) for i in range(1, j))) for j in range(1, last + 1)))


@cache
def palm_loss(workers: int | None = None) -> sp.Expr:
    """Return the blocking of N exponential workers with one start a frame, 1/sum_j C(N, j) prod_{i<=j} (e^{i mu} - 1).

    Parameters
    ----------
    workers
        N, written out; None leaves N a symbol.

    Examples
    --------
    >>> palm_loss(1)
    exp(-mu)
    """
    count = N if workers is None else sp.Integer(workers)
    inner = sp.Product(sp.exp(_I * MU) - 1, (_I, 1, _J))
    total = sp.Sum(sp.binomial(count, _J) * inner, (_J, 0, count))
    if workers is not None:
        total = sp.Add(
            *(
                sp.binomial(workers, j) * sp.Mul(*(sp.exp(i * MU) - 1 for i in range(1, j + 1)))
                for j in range(workers + 1)
            )
        )
    return sp.simplify(1 / total) if workers is not None else 1 / total
