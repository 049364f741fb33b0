r"""How large a model to run in realtime.

A model of size m takes x = a m^beta frames and its policy falls short of the best by c m^-alpha of the reward. With
every frame served by staggered workers (continuous time) it loses 1 - e^{-lam x} + c m^-alpha. With
kap = 1 + alpha/beta and R = (alpha c / beta)(lam a)^{alpha/beta} the least loss is at

.. math:: m^* = (y/(\lambda a))^{1/\beta}, \qquad y = -kap\,W_0(-R^{1/kap}/kap)

if R^{1/kap}/kap <= 1/e. Otherwise, and against the far end always, the end points are compared: past a maximum the loss
falls again towards that of not acting. One overlapped worker loses 1 - (e^{-lam x} - c m^-alpha)/x once x >= 1. Derived
in docs/theory.
"""

import ast
import math
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError
from ..theory.checks import check_positive
from ..theory.delay import check_mode_probability

__all__ = ["ModelSize", "PowerLaw", "best_model_size", "best_sequential_model_size", "parse_power_law"]


@dataclass(frozen=True)
class PowerLaw:
    """factor * m**exponent.

    Attributes
    ----------
    factor
        Positive.
    exponent
        Any finite number but 0.
    """

    factor: float
    exponent: float

    def __post_init__(self) -> None:
        check_positive(self.factor, "factor of the power law")
        if not math.isfinite(self.exponent) or self.exponent == 0:
            raise InputError(f"exponent of the power law must be finite and not 0, not {self.exponent!r}")

    def __call__(self, size: float) -> float:
        """Return the value at a model size."""
        return float(self.factor * size**self.exponent)

    def inverse(self, value: float) -> float:
        """Return the model size at which the law takes a value."""
        return float((value / self.factor) ** (1.0 / self.exponent))

    def over(self, divisor: float) -> "PowerLaw":
        """Return the law divided by a positive number (seconds to frames)."""
        return PowerLaw(self.factor / divisor, self.exponent)


def parse_power_law(text: str, name: str = "scaling") -> PowerLaw:
    """Return the power law that a text like ``2.9e-9*m**0.9`` describes.

    The text is parsed, never evaluated: a number, ``m``, ``*`` and ``**`` with a number; ``m`` alone, ``2*m`` and
    ``3/m**0.5`` are allowed too.

    Parameters
    ----------
    text
        The law.
    name
        What it is called in an error.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> parse_power_law("2*m**0.9")
    PowerLaw(factor=2.0, exponent=0.9)
    >>> parse_power_law("0.2*m**-0.35").exponent
    -0.35
    >>> parse_power_law("exit()")
    Traceback (most recent call last):
    regretlab.errors.InputError: scaling 'exit()' is not understood: write a*m**b, for example 2e-9*m**0.9
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
        factor, power = _term(node)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} '{text}' is not understood: write a*m**b, for example 2e-9*m**0.9") from None
    if power == 0 or not (math.isfinite(factor) and factor > 0 and math.isfinite(power)):
        raise InputError(f"{name} '{text}' must have a positive factor and an exponent of m other than 0")
    return PowerLaw(factor, power)


def _term(node: ast.expr) -> tuple[float, float]:
    """Return factor and exponent of a product of numbers and powers of m; ValueError for anything else."""
    if isinstance(node, ast.Name) and node.id == "m":
        return 1.0, 1.0
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        if not (isinstance(node.left, ast.Name) and node.left.id == "m"):
            raise ValueError
        return 1.0, _number(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        (a, i), (b, j) = _term(node.left), _term(node.right)
        if isinstance(node.op, ast.Mult):
            return a * b, i + j
        if b == 0:
            raise ValueError
        return a / b, i - j
    return _number(node), 0.0


def _number(node: ast.expr) -> float:
    sign = 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
        node = node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return sign * float(node.value)
    raise ValueError


@dataclass(frozen=True)
class ModelSize:
    """A model size with what it loses.

    Attributes
    ----------
    size
        m.
    regret
        Per frame, in units of the gap (1 is not acting).
    frames
        x, inference time in frames.
    at
        "interior" (the Lambert-W optimum), "smallest" or "largest" (an end of the range).
    """

    size: float
    regret: float
    frames: float
    at: Literal["interior", "smallest", "largest"]


def _check(p: float, time: PowerLaw, quality: PowerLaw, smallest: float, largest: float) -> float:
    value = check_mode_probability(p)
    if not 0 < value < 1:
        raise InputError(f"mode probability must lie in (0, 1) to choose a model size, not {p!r}")
    if not time.exponent > 0:
        raise InputError(f"inference time must grow with model size (exponent above 0), not {time.exponent!r}")
    if not quality.exponent < 0:
        raise InputError(f"the quality gap must fall with model size (exponent below 0), not {quality.exponent!r}")
    if not 0 <= smallest < largest:
        raise InputError(f"model sizes must satisfy 0 <= smallest < largest, not {smallest!r} and {largest!r}")
    return -math.log(value)


def best_model_size(
    p: float, time: PowerLaw, quality: PowerLaw, *, smallest: float = 0.0, largest: float = math.inf
) -> ModelSize:
    """Return the model size of least regret when staggered workers serve every frame.

    Parameters
    ----------
    p
        Mode probability per frame, in (0, 1).
    time
        Inference time in frames, a m^beta with beta > 0.
    quality
        Quality gap, c m^-alpha with alpha > 0: what the model's policy loses without any delay, in units of the gap.
    smallest, largest
        Range of sizes.

    Returns
    -------
    ModelSize
        At the Lambert-W optimum, or at the better end of the range. ``largest = inf`` stands for not acting (regret 1).

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> import math
    >>> found = best_model_size(math.exp(-0.02), PowerLaw(2.0, 0.9), PowerLaw(0.2, -0.35))
    >>> round(found.size, 10), round(found.regret, 12)
    (1.7971754974, 0.228447914372)
    """
    rate = _check(p, time, quality, smallest, largest)

    def loss(size: float) -> float:
        if size == 0:
            return math.inf
        if size == math.inf:
            return 1.0
        return -math.expm1(-rate * time(size)) + quality(size)

    found = [(loss(smallest), smallest, "smallest"), (loss(largest), largest, "largest")]
    interior = _stationary_size(rate, time, quality)
    if interior is not None and smallest <= interior <= largest:
        found.insert(0, (loss(interior), interior, "interior"))
    regret, size, at = min(found, key=lambda entry: entry[0])
    return ModelSize(size, regret, time(size) if size < math.inf else math.inf, at)  # type: ignore[arg-type]


def _stationary_size(rate: float, time: PowerLaw, quality: PowerLaw) -> float | None:
    """Return the size at the local minimum of the loss, or None if it has none."""
    from scipy.special import lambertw

    a, beta, c, alpha = time.factor, time.exponent, quality.factor, -quality.exponent
    kap = 1.0 + alpha / beta
    root = math.exp((math.log(alpha * c / beta) + alpha / beta * math.log(rate * a)) / kap)  # R^(1/kap)
    if root / kap > math.exp(-1.0):
        return None
    y = -kap * float(lambertw(-root / kap).real)
    return float((y / (rate * a)) ** (1.0 / beta))


def best_sequential_model_size(
    p: float, time: PowerLaw, quality: PowerLaw, *, smallest: float = 0.0, largest: float = math.inf
) -> ModelSize:
    """Return the model size of least regret for one sequential worker: 1 - (e^{-lam x} - c m^-alpha)/max(1, x).

    Sizes with x < 1 leave no frame without an action, so there the loss is that of staggering. No closed form: a scan
    on a logarithmic grid, refined.

    Parameters
    ----------
    p, time, quality, smallest, largest
        As for ``best_model_size``.

    Examples
    --------
    >>> import math
    >>> found = best_sequential_model_size(math.exp(-0.02), PowerLaw(2.0, 0.9), PowerLaw(0.2, -0.35))
    >>> round(found.regret, 10), round(found.frames, 9)
    (0.2816782417, 1.0)
    """
    import numpy as np
    from scipy.optimize import minimize_scalar

    rate = _check(p, time, quality, smallest, largest)
    low, high = max(smallest, time.inverse(1e-9)), min(largest, time.inverse(100.0 / rate + 10.0))

    def loss(logarithm: float) -> float:
        size = math.exp(logarithm)
        x = time(size)
        return 1.0 - (math.exp(-rate * x) - quality(size)) / max(1.0, x)

    if low >= high:  # beyond where a late action is worth anything: the ends differ by less than rounding
        low, high = min(low, high), max(low, high)
    corner = math.log(time.inverse(1.0))
    points = np.unique(
        np.clip([*np.linspace(math.log(low), math.log(high), 400), corner], math.log(low), math.log(high))
    )
    values = [loss(point) for point in points]
    best = int(np.argmin(values))
    candidates = [(values[best], float(points[best]))]
    for left, right in ((best - 1, best), (best, best + 1)):  # the corner at x = 1 is not a smooth minimum
        if left >= 0 and right < len(points):
            refined = minimize_scalar(
                loss, bounds=(points[left], points[right]), method="bounded", options={"xatol": 1e-12}
            )
            candidates.append((float(refined.fun), float(refined.x)))
    regret, logarithm = min(candidates)
    size = math.exp(logarithm)
    at: Literal["interior", "smallest", "largest"] = "interior"
    if size <= low * (1 + 1e-9):
        at = "smallest"
    elif size >= high * (1 - 1e-9):
        at = "largest"
    return ModelSize(size, regret, time(size), at)
