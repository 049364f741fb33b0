r"""E p^delay of the laws, as SymPy expressions.

Symbols: p mode probability; lam = -ln p; all times in frames: x constant time, mu = 1/mean of an exponential part, t_0
its start, k and s shape and scale of gamma, a and b the ends of uniform. "frame": starts on boundaries. "uniform": at
a uniform phase. "continuous": no boundaries. "poisson": boundaries of a Poisson process. Each form is derived from its
law in the tests, and its numeric twin is ``Law.moment``.
"""

from functools import cache

import sympy as sp

from ...errors import InputError

__all__ = ["ALIGNMENTS", "FAMILIES", "MU", "T0", "A", "B", "P", "S", "X", "mean_delay", "moment", "polylogarithm"]

P = sp.Symbol("p", positive=True)
X = sp.Symbol("x", positive=True)
MU = sp.Symbol("mu", positive=True)
T0 = sp.Symbol("t_0", positive=True)
S = sp.Symbol("s", positive=True)
A = sp.Symbol("a", positive=True)
B = sp.Symbol("b", positive=True)
SHAPE = sp.Symbol("k", positive=True)

FAMILIES = ("constant", "exponential", "shifted-exponential", "gamma", "uniform")
ALIGNMENTS = ("frame", "uniform", "continuous", "poisson")


def check_family(family: str) -> None:
    """Raise ``InputError`` unless the family has symbolic forms."""
    if family not in FAMILIES:
        raise InputError(f"symbolic forms exist for {', '.join(FAMILIES)} laws, not '{family}'")


@cache
def polylogarithm(order: int, z: sp.Expr) -> sp.Expr:
    """Return Li_{-order}(z) = (z d/dz)^order z/(1-z), a rational function.

    Examples
    --------
    >>> polylogarithm(1, sp.Symbol("z"))
    z/(1 - z)**2
    """
    variable = sp.Dummy("z")
    row = [1]
    for n in range(2, order + 1):  # Eulerian numbers
        row = [(m + 1) * (row[m] if m < n - 1 else 0) + (n - m) * (row[m - 1] if m > 0 else 0) for m in range(n)]
    numerator = variable * sum(number * variable**m for m, number in enumerate(row))
    return (numerator / (1 - variable) ** (order + 1)).subs(variable, z)


def _check_shape(family: str, alignment: str, shape: int | None) -> int:
    if shape is None or shape != int(shape) or shape < 1:
        raise InputError(f"the {alignment} moment of gamma needs a whole shape of at least 1, not {shape!r}")
    return int(shape)


def _gamma_frame(shape: int) -> sp.Expr:
    z = P * sp.exp(-1 / S)
    terms = [polylogarithm(i, z) / (sp.factorial(i) * S**i) for i in range(shape)]
    return P - (1 - P) * sp.Add(*terms)


def _shifted(alignment: str) -> sp.Expr:
    z = P * sp.exp(-MU)
    if alignment == "frame":
        first = sp.ceiling(T0)
        return P**first * (1 - (1 - P) * sp.exp(-MU * (first - T0)) / (1 - z))
    if alignment == "uniform":
        rest = 1 - (T0 - sp.floor(T0))
        inside = (1 - rest) + (1 - sp.exp(-MU * rest)) / MU
        later = P * sp.exp(-MU * rest) * (1 - sp.exp(-MU)) / (MU * (1 - z))
        return P ** (sp.floor(T0) + 1) * (1 - (1 - P) * (inside + later))
    if alignment == "continuous":
        return P**T0 * MU / (MU - sp.log(P))
    return P * sp.exp(-(1 - P) * T0) * MU / (MU + 1 - P)


def _uniform(alignment: str) -> sp.Expr:
    if alignment == "continuous":
        return (P**A - P**B) / (-sp.log(P) * (B - A))
    if alignment == "poisson":
        return P * (sp.exp(-(1 - P) * A) - sp.exp(-(1 - P) * B)) / ((1 - P) * (B - A))

    def integral(end: sp.Expr) -> sp.Expr:
        """Integrate E p^delay at a fixed time over the times from 0 to ``end``: whole frames, then the last one."""
        whole, part = sp.floor(end), end - sp.floor(end)
        if alignment == "frame":
            return P * (1 - P**whole) / (1 - P) + part * P ** (whole + 1)
        return P * (1 - P**whole) / (1 - P) * (1 + P) / 2 + P ** (whole + 1) * (part - (1 - P) * part**2 / 2)

    return (integral(B) - integral(A)) / (B - A)


@cache
def moment(family: str, alignment: str = "frame", *, shape: int | None = None) -> sp.Expr:
    """Return E p^delay of a law.

    Parameters
    ----------
    family
        "constant" (x), "exponential" (mu), "shifted-exponential" (t_0, mu), "gamma" (k, s) or "uniform" (a, b).
    alignment
        "frame", "uniform", "continuous" or "poisson", as in ``Law.moment``.
    shape
        k, a whole number, for gamma on frames.

    Raises
    ------
    InputError
        For a family, alignment or shape without a form.

    Examples
    --------
    >>> moment("exponential", "continuous")
    mu/(mu - log(p))
    >>> moment("gamma", "continuous")
    (-s*log(p) + 1)**(-k)
    """
    check_family(family)
    if alignment not in ALIGNMENTS:
        raise InputError(f"alignment must be {', '.join(ALIGNMENTS[:-1])} or {ALIGNMENTS[-1]}, not '{alignment}'")
    fraction = X - sp.floor(X)
    z = P * sp.exp(-MU)
    if family == "constant":
        return {
            "frame": P ** sp.ceiling(X),
            "uniform": P ** (sp.floor(X) + 1) * (1 - fraction + fraction * P),
            "continuous": P**X,
            "poisson": P * sp.exp(-(1 - P) * X),
        }[alignment]
    if family == "exponential":
        return {
            "frame": P * (1 - sp.exp(-MU)) / (1 - z),
            "uniform": P - (1 - P) * (sp.exp(MU) - 1) / MU * z / (1 - z),
            "continuous": MU / (MU - sp.log(P)),
            "poisson": P * MU / (MU + 1 - P),
        }[alignment]
    if family == "shifted-exponential":
        return _shifted(alignment)
    if family == "uniform":
        return _uniform(alignment)
    if alignment == "continuous":
        return (1 - S * sp.log(P)) ** -SHAPE
    if alignment == "poisson":
        return P * (1 + S * (1 - P)) ** -SHAPE
    order = _check_shape(family, alignment, shape)
    if alignment == "frame":
        return _gamma_frame(order)
    return P - (1 - P) * S * sp.Add(*(_gamma_frame(j) for j in range(1, order + 1)))


@cache
def mean_delay(family: str, *, shape: int | None = None) -> sp.Expr:
    """Return E D, the mean delay in frames of an inference that starts on a boundary.

    Parameters
    ----------
    family, shape
        As for ``moment``.

    Examples
    --------
    >>> mean_delay("exponential")
    1/(1 - exp(-mu))
    """
    check_family(family)
    if family == "constant":
        return sp.ceiling(X)
    if family == "exponential":
        return 1 / (1 - sp.exp(-MU))
    if family == "shifted-exponential":
        first = sp.ceiling(T0)
        return first + sp.exp(-MU * (first - T0)) / (1 - sp.exp(-MU))
    if family == "gamma":
        z = sp.exp(-1 / S)
        order = _check_shape(family, "frame", shape)
        return 1 + sp.Add(*(polylogarithm(i, z) / (sp.factorial(i) * S**i) for i in range(order)))

    def integral(end: sp.Expr) -> sp.Expr:
        whole = sp.floor(end)
        return whole * (whole + 1) / 2 + (end - whole) * (whole + 1)

    return (integral(B) - integral(A)) / (B - A)
