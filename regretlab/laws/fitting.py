"""Laws fitted to measured inference times, with how well each fits.

Each family is fitted by maximum likelihood (scipy.stats) with its location held just below the least sample (by an n-th
of the range: inference has a floor; the uniform law reaches as far beyond its largest), ranked by Akaike's criterion.
The Kolmogorov-Smirnov distances of the best, and of the next ones until one is not rejected, are judged by a
parametric bootstrap: samples of the fitted law are fitted again, because the distance to a law that was fitted to the
data is smaller than to a given one (Lilliefors 1967; Stephens 1974). The Anderson-Darling distance, judged alike,
weighs the tails, where frames are lost:

    A^2 = -n - (1/n) sum_i (2 i - 1) (ln F(x_i) + ln(1 - F(x_{n+1-i}))).

Both judge as if samples were independent: where inferences come in slow and fast spells, p-values are too small.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError

__all__ = ["FAMILIES", "REFUTED", "FittedLaw", "fit_laws"]

FAMILIES = ("gamma", "lognorm", "weibull_min", "invgauss", "expon", "uniform")
"""Names of scipy.stats; all of them laws of positive times."""

FEWEST = 20

REFUTED = 0.05
"""A fitted law is rejected where a p-value is below this."""


@dataclass(frozen=True)
class FittedLaw:
    """A family fitted to samples.

    Attributes
    ----------
    family
        Name of scipy.stats.
    text
        The fitted law as text that every command reads.
    aic
        Akaike's criterion; less is better.
    distance
        Kolmogorov-Smirnov distance between the samples and the law.
    p_value
        Chance of at least that distance were the law the true family; None where it was not computed.
    anderson_darling
        Anderson-Darling distance A^2; infinite where a sample lies at an end of the law.
    anderson_darling_p_value
        Chance of at least that distance; None where it was not computed.
    distance_if_true, anderson_darling_if_true
        Limits within which 95 % of such distances lie were the law the true family; None where they were not computed.
    """

    family: str
    text: str
    aic: float
    distance: float
    p_value: float | None
    anderson_darling: float
    anderson_darling_p_value: float | None
    distance_if_true: tuple[float, float] | None = None
    anderson_darling_if_true: tuple[float, float] | None = None

    @property
    def is_rejected(self) -> bool | None:
        """Whether a test rejects the law; None where it was not judged."""
        if self.p_value is None or self.anderson_darling_p_value is None:
            return None
        return min(self.p_value, self.anderson_darling_p_value) < REFUTED


def fit_laws(samples: ArrayLike, *, bootstrap: int = 99, seed: int = 0) -> list[FittedLaw]:
    """Fit every family to samples, the best first.

    Parameters
    ----------
    samples
        Seconds, shape (n,), n at least 20.
    bootstrap
        Samples drawn to judge a family; 0 to leave that out.
    seed
        Of the bootstrap.

    Returns
    -------
    list of FittedLaw
        In the order of Akaike's criterion. A family that scipy cannot fit is left out. With ``bootstrap`` = b p-values
        are among 1/(b+1), 2/(b+1), ..., 1. They judge the families in this order up to the first that is not rejected;
        where all are, the samples themselves are the better law.

    Raises
    ------
    InputError
        For fewer samples, or samples that are not positive and finite.

    Examples
    --------
    >>> fits = fit_laws(np.random.default_rng(0).gamma(4, 0.02, 400), bootstrap=0)
    >>> fits[0].aic <= fits[1].aic
    True
    """
    data = np.sort(np.asarray(samples, dtype=float).ravel())
    if len(data) < FEWEST:
        raise InputError(f"a law can be fitted to at least {FEWEST} samples, not to {len(data)}")
    if not (np.isfinite(data).all() and data[0] > 0):
        raise InputError("samples must be positive, finite numbers of seconds")
    fits = sorted(filter(None, (_fit(family, data) for family in FAMILIES)), key=lambda fit: fit[0].aic)
    if not fits:
        raise InputError("no family could be fitted to the samples")
    found = [fit for fit, _ in fits]
    for place, (fit, law) in enumerate(fits if bootstrap > 0 else ()):
        found[place] = _judged(fit, law, len(data), bootstrap, seed)
        if not found[place].is_rejected:
            break
    return found


def _judged(fit: FittedLaw, law: Any, count: int, bootstrap: int, seed: int) -> FittedLaw:
    """Return the fit with its p-values, from samples of its law that are fitted again."""
    random = np.random.default_rng(seed)
    distances = np.full((bootstrap, 2), np.inf)  # of samples that cannot be fitted again: as far as can be
    for row in distances:
        drawn = np.sort(np.maximum(law.rvs(count, random_state=random), np.finfo(float).tiny))
        again = _fit(fit.family, drawn)
        if again is not None:
            row[:] = again[0].distance, again[0].anderson_darling
    beyond = (distances >= [fit.distance, fit.anderson_darling]).sum(axis=0)
    limits = np.quantile(distances, [0.025, 0.975], axis=0, method="inverted_cdf")
    return replace(
        fit,
        p_value=float(beyond[0] + 1) / (bootstrap + 1),
        anderson_darling_p_value=float(beyond[1] + 1) / (bootstrap + 1),
        distance_if_true=(float(limits[0, 0]), float(limits[1, 0])),
        anderson_darling_if_true=(float(limits[0, 1]), float(limits[1, 1])),
    )


def _fit(family: str, data: NDArray[np.float64]) -> tuple[FittedLaw, Any] | None:
    from scipy import stats

    distribution = getattr(stats, family)
    try:
        with np.errstate(all="ignore"):
            # The least sample bounds the support: a location just below it, unless the family has none of its own.
            spread = float(data[-1] - data[0]) or float(data[0]) * 1e-6
            location = max(0.0, float(data[0]) - spread / len(data))
            if family == "uniform":  # its ends lie beyond the samples: a sample at an end would be infinitely far off
                parameters = (location, float(data[-1]) + spread / len(data) - location)
            else:
                parameters = distribution.fit(data, floc=location)
            law = distribution(*parameters)
            likelihood = float(np.sum(law.logpdf(data)))
    except (ValueError, RuntimeError, FloatingPointError, stats.FitError):
        return None
    if not np.isfinite(likelihood):
        return None
    free = len(parameters)
    ranks = np.arange(1, len(data) + 1) / len(data)
    cdf = law.cdf(data)
    distance = float(max((ranks - cdf).max(), (cdf - ranks + 1 / len(data)).max()))
    text, aic = _text(family, parameters), 2 * free - 2 * likelihood
    return FittedLaw(family, text, aic, distance, None, _anderson_darling(law, data), None), law


def _anderson_darling(law: Any, data: NDArray[np.float64]) -> float:
    odd = 2 * np.arange(1, len(data) + 1) - 1
    with np.errstate(divide="ignore"):
        logs = law.logcdf(data) + law.logsf(data)[::-1]
    return float(-len(data) - (odd * logs).mean())


def _text(family: str, parameters: tuple[float, ...]) -> str:
    *shapes, location, scale = (float(f"{value:.8g}") for value in parameters)
    words = [repr(shape) for shape in shapes]
    if location:
        words.append(f"loc={location!r}")
    return f"{family}({', '.join([*words, f'scale={scale!r}'])})"
