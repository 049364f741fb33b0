"""Racing: several inferences of one observation, of which the fastest counts."""

import functools
import math
from typing import Any

import numpy as np

from ..errors import InputError
from .law import Law
from .sample_law import SampleLaw, law_from_samples
from .scipy_law import ScipyLaw, law_from_distribution

__all__ = ["fastest_of"]

_MOST_POINTS = 20_000


def fastest_of(law: Law, replicas: int) -> Law:
    """Return the law of the shortest of several independent inference times.

    Parameters
    ----------
    law
        Of each.
    replicas
        R, at least 1.

    Returns
    -------
    Law
        With P(T > t)^R for P(T > t): exact, but for more samples than fit a table (then a table of its quantiles).

    Raises
    ------
    InputError
        For fewer than one replica.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> fastest_of(parse_law("expon(scale=3)"), 3).mean()
    1.0
    """
    if replicas < 1:
        raise InputError(f"replicas must be at least 1, not {replicas}")
    if replicas == 1 or law.kind == "constant":
        return law
    if isinstance(law, SampleLaw):
        count = len(law.seconds)
        if count**replicas <= _MOST_POINTS:  # as many equally likely draws
            above = np.arange(count, -1, -1) ** replicas
            return law_from_samples(np.repeat(law.seconds, above[:-1] - above[1:]))
        points = (np.arange(_MOST_POINTS) + 0.5) / _MOST_POINTS
        shares = -np.expm1(np.log1p(-points) / replicas)
        return law_from_samples(np.quantile(law.seconds, shares, method="inverted_cdf"))
    assert isinstance(law, ScipyLaw)
    if law.family == "expon":
        import scipy.stats

        return law_from_distribution(scipy.stats.expon(loc=law.loc, scale=law.scale / replicas))
    text = f"fastest of {replicas}: {law.text}"
    return law_from_distribution(_fastest(law.frozen, replicas)(), text=text, any_mean=True)


def _fastest(each: Any, replicas: int) -> Any:
    """Return the continuous distribution of the smallest of several draws."""
    import scipy.integrate
    import scipy.stats

    low, high = each.support()

    @functools.cache
    def mean() -> float:
        """Return the integral of P(T > t), piece by piece: SciPy's own takes a second.

        Where E T is infinite, P(T > t) falls as t^-alpha. Then the mean is infinite for replicas alpha <= 1, and beyond
        its 1e-16 quantile t it is t P(T > t)^replicas / (replicas alpha - 1); before, it is integrated over log t.
        """
        ends = [low, *each.isf(np.array([0.5, 1e-3, 1e-8]) ** (1.0 / replicas))]
        rest = 0.0
        if each.mean() == math.inf:
            far = each.isf(1e-16 ** (1.0 / replicas))
            index = replicas * math.log10(each.sf(far) / each.sf(10.0 * far))
            if index <= 1.0 + 1e-6:
                return math.inf
            rest = far * each.sf(far) ** replicas / (index - 1.0)
            logs = math.log(ends[-1]), math.log(far)
            rest += scipy.integrate.quad(lambda u: math.exp(u) * each.sf(math.exp(u)) ** replicas, *logs)[0]
        else:
            ends.append(high)
        pieces = (
            scipy.integrate.quad(lambda t: each.sf(t) ** replicas, *ends[k : k + 2])[0] for k in range(len(ends) - 1)
        )
        return float(low + sum(pieces) + rest)

    class Fastest(scipy.stats.rv_continuous):
        def _stats(self) -> Any:
            return mean(), None, None, None

        def _sf(self, t: Any) -> Any:
            return each.sf(t) ** replicas

        def _cdf(self, t: Any) -> Any:
            done = np.asarray(each.cdf(t))  # from P(T <= t) where it is small, from P(T > t) where that is
            with np.errstate(divide="ignore"):
                left = np.where(done < 0.5, np.log1p(-done), np.log(np.maximum(each.sf(t), 1e-300)))
            return -np.expm1(replicas * left)

        def _pdf(self, t: Any) -> Any:
            return replicas * each.pdf(t) * each.sf(t) ** (replicas - 1)

        def _ppf(self, q: Any) -> Any:
            return each.ppf(-np.expm1(np.log1p(-np.asarray(q)) / replicas))

        def _isf(self, q: Any) -> Any:
            return each.isf(np.asarray(q) ** (1.0 / replicas))

        def _rvs(self, size: Any = None, random_state: Any = None) -> Any:
            shape = (size,) if isinstance(size, int) else tuple(size or ())
            return each.rvs(size=(replicas, *shape), random_state=random_state).min(axis=0)

    return Fastest(name="fastest", a=float(low), b=float(high) if math.isfinite(high) else math.inf)
