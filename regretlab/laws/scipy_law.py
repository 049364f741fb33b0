"""Laws from ``scipy.stats``: any frozen continuous distribution, with closed forms for the common families.

Closed forms of E p^delay (derived in docs/theory): exponential and shifted exponential, gamma (integer shapes on
frames, any shape in continuous time) and uniform. Everything else is the series over frames of the survival
function, or quadrature.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..results import Method
from .law import LONGEST_PMF, Alignment, Kind, Law, MomentAlignment, check_factor, check_frame_time, check_length
from .law import check_probability as check_quantile

__all__ = ["ScipyLaw", "law_from_distribution"]

_NEGLIGIBLE = 1e-18  # probability mass that changes no digit of a result
_NODES = 48  # Gauss-Legendre nodes a frame: the distribution functions are smooth inside one
_LARGEST_SHAPE = 24  # of the gamma closed form; beyond it the series is as fast


@dataclass(frozen=True, eq=False)
class ScipyLaw(Law):
    """T has a frozen continuous distribution of ``scipy.stats``.

    Attributes
    ----------
    distribution
        The frozen distribution, seconds.
    """

    distribution: Any
    kind: ClassVar[Kind] = "scipy"

    @cached_property
    def family(self) -> str:
        """Name of the distribution in ``scipy.stats``."""
        return str(self.distribution.dist.name)

    @cached_property
    def parameters(self) -> tuple[tuple[float, ...], float, float]:
        """Shape parameters, location and scale (seconds)."""
        frozen = self.distribution
        shapes, location, scale = frozen.dist._parse_args(*frozen.args, **frozen.kwds)
        return tuple(float(shape) for shape in shapes), float(location), float(scale)

    def mean(self) -> float:
        """Return the distribution's mean."""
        return float(self.distribution.mean())

    def std(self) -> float:
        """Return the distribution's standard deviation."""
        return float(self.distribution.std())

    def maximum(self) -> float:
        """Return the upper end of the support."""
        return float(self.distribution.support()[1])

    def minimum(self) -> float:
        """Return the lower end of the support in seconds."""
        return float(self.distribution.support()[0])

    def quantile(self, q: float) -> float:
        """Return the smallest time t with P(T <= t) >= q."""
        return float(self.distribution.ppf(check_quantile(q)))

    def cdf(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return P(T <= t)."""
        return np.asarray(self.distribution.cdf(t), dtype=np.float64)

    def survival(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return P(T > t)."""
        return np.asarray(self.distribution.sf(t), dtype=np.float64)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Draw from the distribution."""
        return np.asarray(self.distribution.rvs(size=size, random_state=rng), dtype=np.float64)

    def scaled(self, factor: float) -> "ScipyLaw":
        """Return the same family with location and scale times ``factor``."""
        shapes, location, scale = self.parameters
        factor = check_factor(factor)
        frozen = self.distribution.dist(*shapes, loc=location * factor, scale=scale * factor)
        return ScipyLaw(f"{factor:g} * {self.text}", frozen)

    def mean_delay_frames(self, frame_time: float, *, alignment: Alignment = "frame") -> float:
        """Return E D = 1 + sum over n >= 1 of P(T > n frames), or E x + 1 from a uniform phase."""
        frame_time = check_frame_time(frame_time)
        if alignment == "uniform":
            return self.mean() / frame_time + 1.0
        last = self._last_frame(frame_time, 1e-16)
        return 1.0 + float(self.survival(np.arange(1, last + 1) * frame_time).sum())

    def _last_frame(self, frame_time: float, tail: float) -> int:
        """Return the frame after which at most ``tail`` of the mass (or none, if bounded and short) is left."""
        end = self.maximum() / frame_time
        if not end <= LONGEST_PMF:
            end = float(self.distribution.isf(tail)) / frame_time
        return check_length(end, self.text)

    def _pmf(self, frame_time: float, alignment: Alignment, tail: float) -> NDArray[np.float64]:
        last = self._last_frame(frame_time, tail) + 2
        if alignment == "frame":
            above = self.survival(np.arange(last + 1) * frame_time)
        else:
            above = np.concatenate(([1.0], self._mean_survival(last, frame_time)))
        above[0] = 1.0
        pmf = np.concatenate(([0.0], -np.diff(above)))
        kept = np.flatnonzero(above > tail)[-1] + 2  # the first frame after which no more than `tail` is left
        return np.maximum(pmf[:kept], 0.0)

    def _mean_survival(self, last: int, frame_time: float) -> NDArray[np.float64]:
        """Return, for n = 1..last, the integral of P(x > y) over y from n-1 to n: P(ceil(u + x) > n)."""
        from scipy import integrate

        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        starts = np.arange(last)
        points = starts[:, None] + 0.5 * (nodes + 1.0)
        values: NDArray[np.float64] = self.survival(points * frame_time) @ (0.5 * weights)
        # where the support begins or ends the integrand has a corner or worse
        for edge in (self.minimum() / frame_time, self.maximum() / frame_time):
            if math.isfinite(edge) and 0 <= edge < last:
                cell = math.floor(edge)
                inner = [edge] if cell < edge else []
                for n in {cell, min(cell + 1, last - 1)}:
                    values[n] = integrate.quad(
                        lambda y: float(self.survival(y * frame_time)),
                        n,
                        n + 1,
                        points=[e for e in inner if n < e < n + 1] or None,
                        epsabs=1e-14,
                        epsrel=1e-13,
                        limit=200,
                    )[0]
        return values

    def _moment(self, p: float, frame_time: float, alignment: MomentAlignment) -> tuple[float, Method]:
        lam = -math.log(p)
        if alignment == "continuous":
            return self._laplace(lam, frame_time)
        if alignment == "poisson":
            value, method = self._laplace(1.0 - p, frame_time)
            return p * value, method
        closed = self._closed_moment(p, frame_time, alignment)
        if closed is not None:
            return closed, "closed-form"
        return self._series_moment(p, frame_time, alignment), "series"

    def _series_moment(self, p: float, frame_time: float, alignment: Alignment) -> float:
        """E p^delay = p - (1-p) sum over n >= 1 of p^n P(delay > n), cut where nothing is left to add."""
        lam = -math.log(p)
        longest = 40.0 / lam  # p^n is below 1e-17 from there on
        end = min(self.maximum() / frame_time, float(self.distribution.isf(_NEGLIGIBLE)) / frame_time, longest)
        last = check_length(end, self.text) + 2
        total = 0.0
        if alignment == "uniform":
            terms = np.exp(-lam * np.arange(1, last + 1)) * self._mean_survival(last, frame_time)
            total = float(terms.sum())
        else:
            for first in range(1, last + 1, 65536):
                n = np.arange(first, min(first + 65536, last + 1))
                total += float((np.exp(-lam * n) * self.survival(n * frame_time)).sum())
        return p - (1.0 - p) * total

    def _closed_moment(self, p: float, frame_time: float, alignment: Alignment) -> float | None:
        shapes, location, scale = self.parameters
        if self.family == "expon":
            mu, start = frame_time / scale, location / frame_time
            if alignment == "frame":
                c = math.ceil(start)
                return p**c * (1.0 - (1.0 - p) * math.exp(-mu * (c - start)) / (1.0 - p * math.exp(-mu)))
            if location == 0.0:
                z = p * math.exp(-mu)
                return p - (1.0 - p) * (math.expm1(mu) / mu) * z / (1.0 - z)
        if self.family == "gamma" and alignment == "frame" and location == 0.0:
            shape = shapes[0]
            if shape == round(shape) and 1 <= shape <= _LARGEST_SHAPE:
                return _gamma_moment(p, int(shape), scale / frame_time)
        if self.family == "uniform" and alignment == "frame" and scale / frame_time < 65536:
            return self._series_moment(p, frame_time, "frame")  # a finite sum of a piecewise linear function
        return None

    def _laplace(self, rate: float, frame_time: float) -> tuple[float, Method]:
        """Return E exp(-rate x), x in frames."""
        from scipy import integrate

        shapes, location, scale = self.parameters
        start, width = location / frame_time, scale / frame_time
        if self.family == "expon":
            return math.exp(-rate * start) / (1.0 + rate * width), "closed-form"
        if self.family == "gamma":
            return math.exp(-rate * start) * (1.0 + rate * width) ** -shapes[0], "closed-form"
        if self.family == "uniform":
            return math.exp(-rate * start) * -math.expm1(-rate * width) / (rate * width), "closed-form"
        begin = self.minimum() / frame_time
        end = min(
            self.maximum() / frame_time, float(self.distribution.isf(_NEGLIGIBLE)) / frame_time, begin + 45.0 / rate
        )
        middle = [float(self.distribution.ppf(q)) / frame_time for q in (0.01, 0.25, 0.5, 0.75, 0.99)]
        integral = integrate.quad(
            lambda y: math.exp(-rate * y) * float(self.survival(y * frame_time)),
            begin,
            end,
            points=[y for y in middle if begin < y < end] or None,
            epsabs=1e-14,
            epsrel=1e-13,
            limit=400,
        )[0]
        return math.exp(-rate * begin) - rate * integral, "series"


def _gamma_moment(p: float, shape: int, scale: float) -> float:
    """E p^D for Gamma(shape, scale frames): p - (1-p) sum_{i<shape} scale^-i / i! Li_{-i}(p e^{-1/scale})."""
    z = p * math.exp(-1.0 / scale)
    total, factor = 0.0, 1.0
    eulerian = [1.0]
    for order in range(shape):
        if order > 0:
            factor /= scale * order
            # A(n, j) = (j+1) A(n-1, j) + (n-j) A(n-1, j-1), all positive: nothing cancels
            previous = [*eulerian, 0.0] if order > 1 else [1.0]
            eulerian = [
                (j + 1) * previous[j] + (order - j) * (previous[j - 1] if j else 0.0) for j in range(len(previous))
            ][:order]
        numerator = sum(a * z ** (j + 1) for j, a in enumerate(eulerian))
        total += factor * numerator / (1.0 - z) ** (order + 1)
    return p - (1.0 - p) * total


def law_from_distribution(distribution: Any, *, text: str | None = None) -> ScipyLaw:
    """Return the law of a frozen continuous distribution.

    Parameters
    ----------
    distribution
        ``scipy.stats.NAME(...)``, in seconds.
    text
        The law as a person writes it; made from the distribution by default.

    Raises
    ------
    InputError
        If its parameters are not allowed, it is not positive with probability one, or its mean is infinite.

    Examples
    --------
    >>> from scipy import stats
    >>> law_from_distribution(stats.gamma(4, scale=0.8)).mean()
    3.2
    """
    if text is None:
        values = [f"{value:g}" for value in distribution.args]
        values += [f"{name}={value:g}" for name, value in distribution.kwds.items()]
        text = f"{distribution.dist.name}({', '.join(values)})"
    low, high = distribution.support()
    if not (math.isfinite(low) or math.isfinite(high) or low < high) or math.isnan(low) or math.isnan(high):
        raise InputError(f"law '{text}': these parameter values are not allowed for this distribution")
    below = float(distribution.cdf(0.0))
    if not below <= 0.0:
        raise InputError(
            f"law '{text}' gives P(T <= 0) = {below:.3g}: inference times must be positive (shift it with loc=...)"
        )
    mean = float(distribution.mean())
    if not (math.isfinite(mean) and mean > 0):
        raise InputError(f"law '{text}' has mean {mean}: a finite, positive mean is needed")
    return ScipyLaw(text, distribution)
