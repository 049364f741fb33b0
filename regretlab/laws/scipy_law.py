"""Any continuous ``scipy.stats`` distribution as an inference-time law."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..results import Method
from . import closed_forms, numerics
from .law import (
    LONGEST_PMF,
    Alignment,
    Kind,
    Law,
    MomentAlignment,
    check_factor,
    check_frame_time,
    check_length,
    check_probability,
    check_shift,
)

__all__ = ["POSITIVE_WITHIN", "ScipyLaw", "law_from_distribution"]

POSITIVE_WITHIN = 1e-16
"""P(T <= 0) up to this counts as zero, as it does in double precision (so a normal law ten deviations wide is fine)."""

BREAK_PROBABILITIES = (1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BREAK_TAILS = tuple(10.0**-k for k in range(1, 19))

_STANDARD: dict[str, Callable[..., NDArray[np.float64]]] = {
    "expon": np.random.Generator.standard_exponential,
    "gamma": np.random.Generator.standard_gamma,
}
"""What SciPy draws with, without its copies, which cost as much as the draws."""


@dataclass(frozen=True, eq=False)
class ScipyLaw(Law):
    """T = loc + scale * Y with Y a continuous distribution of ``scipy.stats``.

    Attributes
    ----------
    distribution
        The ``scipy.stats.rv_continuous`` instance.
    shapes
        Its shape parameters, in SciPy's order.
    loc, scale
        In seconds.
    """

    distribution: Any
    shapes: tuple[float, ...]
    loc: float
    scale: float
    kind: ClassVar[Kind] = "scipy"

    @cached_property
    def frozen(self) -> Any:
        """The frozen distribution, in seconds."""
        return self.distribution(*self.shapes, loc=self.loc, scale=self.scale)

    @cached_property
    def family(self) -> str:
        """Name of the distribution in ``scipy.stats``; empty for one that is not SciPy's own."""
        own = type(self.distribution).__module__.startswith("scipy.stats") and bool(self.distribution.name)
        return str(self.distribution.name) if own else ""

    @property
    def memoryless(self) -> bool:
        """Whether T is exponential from zero on."""
        exponential = self.family == "expon" or (self.family in ("gamma", "erlang") and self.shapes[0] == 1)
        return exponential and self.loc == 0

    def mean(self) -> float:
        """Return E T."""
        return float(self.frozen.mean())

    def std(self) -> float:
        """Return the standard deviation; ``inf`` where the second moment is."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value = float(self.frozen.std())
        return value if math.isfinite(value) else math.inf

    def maximum(self) -> float:
        """Return the upper end of the support."""
        return self._support[1]

    def quantile(self, q: float) -> float:
        """Return the inverse of the distribution function at q."""
        return float(self.frozen.ppf(check_probability(q)))

    def cdf(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return P(T <= t)."""
        return self._tail_safe(self.frozen.cdf, np.asarray(t, dtype=np.float64), 0.0, 1.0)

    def survival(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return P(T > t)."""
        return self._tail_safe(self.frozen.sf, np.asarray(t, dtype=np.float64), 1.0, 0.0)

    def _tail_safe(self, function: Any, t: NDArray[np.float64], below: float, above: float) -> NDArray[np.float64]:
        """Evaluate ``function``; far out some of SciPy's laws (invgauss) give NaN where the limit is meant."""
        with np.errstate(all="ignore"):
            values = np.asarray(function(t), dtype=np.float64)
        if np.isnan(values).any():
            values = np.where(np.isnan(values), np.where(t > self._middle, above, below), values)
        return values

    @cached_property
    def _support(self) -> tuple[float, float]:
        """Ends of the support, in seconds."""
        low, high = self.frozen.support()
        return float(low), float(high)

    @cached_property
    def _middle(self) -> float:
        """Median, in seconds."""
        return float(self.frozen.median())

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Draw from the distribution."""
        standard = _STANDARD.get(self.family)
        if standard is None:
            return np.asarray(self.frozen.rvs(size=size, random_state=rng), dtype=np.float64)
        times: NDArray[np.float64] = standard(rng, *self.shapes, size=size)
        times *= self.scale
        if self.loc != 0.0:
            times += self.loc
        return times

    def mean_up_to(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return the integral of the survival function from 0 to t."""
        limits = np.asarray(t, dtype=np.float64)
        points = np.union1d(self._breaks(1.0), np.append(limits.ravel(), 0.0))
        points = points[points <= limits.max(initial=0.0)]
        integral = np.concatenate([[0.0], np.cumsum(numerics.integrate(self.survival, points))])
        return np.asarray(integral[np.searchsorted(points, limits)], dtype=np.float64)

    def shifted(self, seconds: float) -> "ScipyLaw":
        """Return the law with loc plus ``seconds``."""
        loc = self.loc + check_shift(seconds)
        text = _describe(self.distribution.name, self.shapes, loc, self.scale)
        return ScipyLaw(text, self.distribution, self.shapes, loc, self.scale)

    def scaled(self, factor: float) -> "ScipyLaw":
        """Return the law with loc and scale times ``factor``."""
        factor = check_factor(factor)
        loc, scale = self.loc * factor, self.scale * factor
        text = _describe(self.distribution.name, self.shapes, loc, scale)
        return ScipyLaw(text, self.distribution, self.shapes, loc, scale, server=self._scaled_server(factor))

    def mean_delay_frames(self, frame_time: float, *, alignment: Alignment = "frame") -> float:
        """Return E D by summing P(D > n); ceil(t0) + e^{-mu (ceil(t0) - t0)} / (1 - e^-mu) for the exponential."""
        frame_time = check_frame_time(frame_time)
        if alignment == "uniform":
            return self.mean() / frame_time + 1.0
        if self.family == "expon":
            start, mu = self.loc / frame_time, frame_time / self.scale
            first = math.ceil(start)
            return first + math.exp(-mu * (first - start)) / -math.expm1(-mu)
        return numerics.survival_sum(self._frames_survival(frame_time), 1.0)

    def _frames_survival(self, frame_time: float) -> numerics.Survival:
        return lambda frames: self.survival(frames * frame_time)

    def _breaks(self, frame_time: float) -> NDArray[np.float64]:
        """Return quantiles in frames that show where the law changes scale; the last leaves a negligible tail."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            quantiles = np.concatenate([self.frozen.ppf(BREAK_PROBABILITIES), self.frozen.isf(BREAK_TAILS)])
        points = np.concatenate([quantiles, self._support]) / frame_time
        return np.unique(points[np.isfinite(points) & (points >= 0)])

    def _pmf(self, frame_time: float, alignment: Alignment, tail: float) -> NDArray[np.float64]:
        bounded = self.maximum() / frame_time
        end = float(self.frozen.isf(tail)) / frame_time
        last = bounded if bounded <= max(2.0 * end, 1024.0) else end
        frames = max(1, math.ceil(check_length(math.ceil(last) if math.isfinite(last) else math.inf, self.text)))
        # Quantiles of some laws are found by iteration and may fall a hair short.
        while float(self.survival(frames * frame_time)) > tail and frames < LONGEST_PMF:
            frames += max(1, frames // 1000)
        survival = self._frames_survival(frame_time)
        if alignment == "frame":
            edges = np.arange(frames + 1, dtype=np.float64)
            above, below = survival(edges), self.cdf(edges * frame_time)
            pmf = np.where(below[1:] < 0.5, np.diff(below), -np.diff(above))
            pmf[0] = below[1]
        else:
            lasting = numerics.time_in_frames(survival, frames + 1, self._breaks(frame_time))
            pmf = -np.diff(np.concatenate([[1.0], lasting]))
        return np.concatenate([[0.0], np.maximum(pmf, 0.0)])

    def _moment(self, p: float, frame_time: float, alignment: MomentAlignment) -> tuple[float, Method]:
        if alignment == "continuous":
            return self._laplace(-math.log(p), frame_time)
        if alignment == "poisson":
            value, method = self._laplace(1.0 - p, frame_time)
            return p * value, method
        closed = self._closed_form(p, frame_time, alignment)
        if closed is not None:
            return closed, "closed-form"
        survival = self._frames_survival(frame_time)
        if alignment == "uniform":
            return numerics.uniform_phase_moment(survival, p, self._breaks(frame_time)), "series"
        return numerics.aligned_moment(survival, lambda x: self.cdf(x * frame_time), p), "series"

    def _closed_form(self, p: float, frame_time: float, alignment: MomentAlignment) -> float | None:
        start, scale = self.loc / frame_time, self.scale / frame_time
        aligned = alignment == "frame"
        if self.family == "expon" or self.memoryless:
            exponential = closed_forms.exponential_aligned if aligned else closed_forms.exponential_uniform_phase
            return exponential(p, start, scale)
        if self.family == "uniform":
            uniform = closed_forms.uniform_aligned if aligned else closed_forms.uniform_uniform_phase
            return uniform(p, start, start + scale)
        if self.family in ("gamma", "erlang") and start == 0:
            shape = self.shapes[0]
            if shape == int(shape) and shape <= closed_forms.LARGEST_SHAPE:
                gamma = closed_forms.gamma_aligned if aligned else closed_forms.gamma_uniform_phase
                value = gamma(p, int(shape), scale)
                # A small result is a difference of near numbers: the series then knows it better.
                return value if value > 1e-3 * p else None
        return None

    def _laplace(self, theta: float, frame_time: float) -> tuple[float, Method]:
        """Return E exp(-theta x), x in frames."""
        start, scale = self.loc / frame_time, self.scale / frame_time
        shift = math.exp(-theta * start)
        if self.family == "expon":
            return shift / (1.0 + scale * theta), "closed-form"
        if self.family in ("gamma", "erlang"):
            return shift * math.exp(-self.shapes[0] * math.log1p(scale * theta)), "closed-form"
        if self.family == "uniform":
            return shift * -math.expm1(-theta * scale) / (theta * scale), "closed-form"
        if self.family == "lognorm":
            return shift * _lognormal_laplace(theta * scale, self.shapes[0]), "series"
        return numerics.laplace_transform(self._frames_survival(frame_time), theta, self._breaks(frame_time)), "series"


def _lognormal_laplace(theta: float, sigma: float) -> float:
    """Return E exp(-theta e^{sigma Z}), Z standard normal, by the trapezoidal rule.

    On the whole line that rule converges geometrically for this analytic integrand: with a strip of half-width
    pi/(2 sigma) the step below leaves less than 1e-16. (Gauss-Hermite needs far more nodes once sigma > 1.)
    """
    step = min(0.25, math.pi**2 / (40.0 * sigma))
    normal = np.arange(-math.ceil(9.0 / step), math.ceil(9.0 / step) + 1) * step
    with np.errstate(over="ignore"):
        values = np.exp(-0.5 * normal**2 - theta * np.exp(sigma * normal))
    return float(values.sum() * step / math.sqrt(2.0 * math.pi))


def _describe(name: str, shapes: tuple[float, ...], loc: float, scale: float) -> str:
    parts = [repr(value) for value in shapes]
    if loc != 0:
        parts.append(f"loc={loc!r}")
    if scale != 1 or not parts:
        parts.append(f"scale={scale!r}")
    return f"{name}({', '.join(parts)})"


def law_from_distribution(frozen: Any, *, text: str | None = None, any_mean: bool = False) -> ScipyLaw:
    """Return the law of a frozen continuous ``scipy.stats`` distribution.

    Parameters
    ----------
    frozen
        For example ``scipy.stats.gamma(4, scale=0.8)``; times in seconds.
    text
        How it was written, if otherwise than SciPy would.
    any_mean
        Whether E T may be infinite.

    Raises
    ------
    InputError
        If it is not a frozen continuous distribution, a parameter is not allowed, P(T <= 0) > 0, or E T is infinite.

    Examples
    --------
    >>> import scipy.stats
    >>> law_from_distribution(scipy.stats.expon(scale=0.1)).text
    'expon(scale=0.1)'
    """
    distribution = getattr(frozen, "dist", None)
    if distribution is None or not hasattr(distribution, "pdf"):
        raise InputError(f"a law is made from a frozen continuous scipy.stats distribution, not {frozen!r}")
    names = [*shape_names(distribution), "loc", "scale"]
    parameters = {"loc": 0.0, "scale": 1.0} | dict(zip(names, frozen.args, strict=False)) | frozen.kwds
    shapes = tuple(float(parameters[name]) for name in names[:-2])
    loc, scale = float(parameters["loc"]), float(parameters["scale"])
    text = text or _describe(distribution.name, shapes, loc, scale)
    law = ScipyLaw(text, distribution, shapes, loc, scale)
    _check(law, dict(zip(names, (*shapes, loc, scale), strict=True)), any_mean)
    return law


def shape_names(distribution: Any) -> list[str]:
    """Return the names of a distribution's shape parameters, in order."""
    return [name.strip() for name in distribution.shapes.split(",")] if distribution.shapes else []


def _check(law: ScipyLaw, parameters: dict[str, float], any_mean: bool) -> None:
    """Raise ``InputError`` unless the law is that of a positive time, and of finite mean where that is needed."""
    name = law.distribution.name
    for key, value in parameters.items():
        if not math.isfinite(value):
            raise InputError(f"law '{law.text}': parameter {key} must be finite, not {value!r}")
    if law.scale <= 0:
        raise InputError(f"law '{law.text}': scale must be positive, not {law.scale:g}")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        at_zero, mean = float(law.frozen.cdf(0.0)), float(law.frozen.mean())
        low = float(law.frozen.support()[0])
    if math.isnan(at_zero) or math.isnan(low):
        given = ", ".join(f"{key}={value:g}" for key, value in parameters.items() if key not in ("loc", "scale"))
        raise InputError(f"law '{law.text}': {given} lies outside the range that scipy.stats.{name} has for its shape")
    if at_zero > POSITIVE_WITHIN:
        raise InputError(
            f"law '{law.text}' gives P(T <= 0) = {at_zero:.3g}: inference times must be positive (shift with loc=...)"
        )
    if not (math.isfinite(mean) or (any_mean and mean == math.inf)):
        raise InputError(f"law '{law.text}' has mean {mean!r}: a finite, positive mean is needed")
