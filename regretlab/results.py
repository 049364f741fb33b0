"""Results: every number says what it is, where it comes from and what it assumes; results print, export and draw.

``Estimate`` is a number with its error, ``RegretParts`` a regret by its causes, ``ServiceLaw`` who serves the frames.
``Result`` is the base of what ``bound``, ``simulate``, ``plan``, ``compare`` and ``run`` return. Shared by the theory
(closed forms, series, simulation) and by the empirical side (measured summaries).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = [
    "Estimate",
    "Method",
    "RegretParts",
    "Result",
    "ServiceLaw",
    "delays_in_words",
    "interval_quantile",
    "listed",
]

Method = Literal["closed-form", "series", "exact", "simulation", "measurement"]

MOST_LINES = 15
"""Lines of a result's ``repr``; the full list of facts is in its HTML and on the command line."""
_LONGEST_LINE = 160
_MOST_DELAYS = 8


def interval_quantile(level: float, degrees: float | None = None) -> float:
    """Return by how many standard errors a two-sided confidence interval reaches to either side.

    Parameters
    ----------
    level
        Probability that the interval covers the true value, in (0, 1).
    degrees
        Degrees of freedom behind the standard error (batches or replications less 1): Student's t. None: so many that
        the normal law serves.

    Raises
    ------
    InputError
        For a level outside (0, 1), or fewer than one degree of freedom.

    Examples
    --------
    >>> round(interval_quantile(0.99), 4), round(interval_quantile(0.99, 31), 4)
    (2.5758, 2.744)
    """
    if not 0 < level < 1:
        raise InputError(f"the level of an interval must lie between 0 and 1, not {level!r}")
    if degrees is not None and not degrees >= 1:
        raise InputError(f"an interval needs at least 1 degree of freedom, not {degrees!r}")
    from scipy.special import ndtri, stdtrit

    upper = 0.5 + level / 2
    return float(ndtri(upper) if degrees is None else stdtrit(degrees, upper))


@dataclass(frozen=True)
class Estimate:
    """A number with its origin.

    Attributes
    ----------
    value
        The number.
    standard_error
        Its standard error in the same unit; ``None`` where the number is not an estimate.
    method
        Where it comes from.
    assumptions
        What must hold for it to be right.
    degrees
        Degrees of freedom of the standard error; ``None`` for many.
    """

    value: float
    standard_error: float | None = None
    method: Method = "closed-form"
    assumptions: tuple[str, ...] = ()
    degrees: float | None = None

    def interval(self, level: float = 0.99) -> tuple[float, float]:
        """Return the two-sided confidence interval; of a number without an error, the number twice.

        Parameters
        ----------
        level
            Probability of covering the true value, in (0, 1).

        Examples
        --------
        >>> Estimate(0.5, 0.01).interval(0.95)
        (0.48040..., 0.51959...)
        """
        half = interval_quantile(level, self.degrees) * (self.standard_error or 0.0)
        return self.value - half, self.value + half


@dataclass(frozen=True)
class RegretParts:
    """Regret split by its cause, in reward (per frame, per second or over a horizon, as the field's name says).

    Attributes
    ----------
    inaction, delay
        Of the frames served by the default behaviour, and of those served by an agent action.
    learning
        Of the agent actions, while the environment is being learned; None where no bound was asked for.
    standard_errors
        Standard errors of the parts and of the ``total``, by name; empty where the parts are not estimates, None for an
        estimate whose error is not known (its interval is NaN).
    degrees
        Degrees of freedom of the standard errors; None for many.
    method
        Where the parts come from.
    """

    inaction: float
    delay: float
    learning: float | None = None
    standard_errors: Mapping[str, float | None] = field(default_factory=dict, repr=False, compare=False)
    degrees: float | None = field(default=None, repr=False, compare=False)
    method: Method = field(default="closed-form", repr=False, compare=False)

    @property
    def total(self) -> float:
        """The sum of the parts (without learning where that is not asked for)."""
        return self.inaction + self.delay + (self.learning or 0.0)

    def estimate(self, part: str = "total") -> Estimate:
        """Return a part with its standard error.

        Parameters
        ----------
        part
            "inaction", "delay", "learning" or "total".

        Examples
        --------
        >>> RegretParts(0.1, 0.2, standard_errors={"total": 0.01}).estimate().interval(0.99)
        (0.2742..., 0.3257...)
        """
        if part not in ("inaction", "delay", "learning", "total"):
            raise InputError(f"a regret has the parts inaction, delay, learning and total, not {part!r}")
        error = self.standard_errors.get(part)
        if error is None and part in self.standard_errors:  # estimated, with an error that is not known
            error = math.nan
        return Estimate(float(getattr(self, part) or 0.0), error, self.method, degrees=self.degrees)

    def interval(self, level: float = 0.99) -> tuple[float, float]:
        """Return the confidence interval of the total."""
        return self.estimate().interval(level)

    def scaled(self, factor: float) -> "RegretParts":
        """Return all parts times ``factor``."""
        learning = None if self.learning is None else self.learning * factor
        errors = {name: None if error is None else error * factor for name, error in self.standard_errors.items()}
        return RegretParts(self.inaction * factor, self.delay * factor, learning, errors, self.degrees, self.method)

    def to_json(self) -> dict[str, float | None]:
        """Return the parts as plain values; ``learning`` is null where it was not asked for."""
        return {"inaction": self.inaction, "delay": self.delay, "learning": self.learning, "total": self.total}

    def words(self) -> str:
        """Return the sum and its parts in one line, with the standard error of the total."""
        error = self.standard_errors.get("total")
        total = f"{self.total:.6g}" if error is None else f"{self.total:.6g} ± {error:.2g}"
        learning = f" + {self.learning:.3g} learning" if self.learning else ""
        return f"{total}  =  {self.inaction:.6g} inaction + {self.delay:.6g} delay{learning}"


def listed(name: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return facts of which only the first carries the name."""
    return [(name if index == 0 else "", text) for index, text in enumerate(texts)]


def delays_in_words(delay_law: Sequence[float] | NDArray[np.float64]) -> str:
    """Return the largest shares of a delay law, by delay, and what is left of it."""
    largest = sorted(sorted(range(len(delay_law)), key=lambda delay: -delay_law[delay])[:_MOST_DELAYS])
    shown = [f"{100 * delay_law[delay]:.2f} % at {delay}" for delay in largest if delay_law[delay] >= 5e-5]
    rest = 100 * (sum(delay_law) - sum(delay_law[delay] for delay in largest))
    return ", ".join([*shown, f"{rest:.2f} % at others"] if rest >= 0.005 else shown) or "none is served"


class Result:
    """Base of the results: a short ``repr``, a table in a notebook, plain values, a DataFrame and a figure.

    A result has a ``title``, its ``facts`` (what the command line prints), ``to_json`` and named fields.
    """

    @property
    def title(self) -> str:
        """What was asked, in one line."""
        raise NotImplementedError

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them; a name is empty where the one before goes on."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        raise NotImplementedError

    def to_frame(self) -> "pd.DataFrame":
        """Return the numbers and words of the result as a ``pandas.DataFrame`` (for CSV and LaTeX); here in one row."""
        import pandas as pd

        return pd.DataFrame([flattened(self.to_json())])

    def plot(self) -> "Figure":
        """Draw the regret by its causes."""
        from .plots.regret import regret_by_cause

        return regret_by_cause([(name, _bar(parts)) for name, parts in self._bars()])

    def _bars(self) -> list[tuple[str, RegretParts]]:
        """Return labels and regrets of the figure; a result that has none says so."""
        raise InputError(f"{type(self).__name__} has no figure")

    def __repr__(self) -> str:
        facts = self.facts()
        width = max((len(name) for name, _ in facts), default=0)
        lines = [self.title, *(f"  {name:<{width}}  {value}" for name, value in facts)]
        if len(lines) > MOST_LINES:
            left = len(lines) - MOST_LINES + 1
            lines = [*lines[: MOST_LINES - 1], f"  ... {left} more lines"]
        cut = (line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "..." for line in lines)
        return "\n".join(line.rstrip() for line in cut)

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in self.facts())
        return f"<table><caption>{escape(self.title)}</caption>{rows}</table>"


def _bar(parts: RegretParts) -> tuple[float, float, float, float]:
    """Return inaction, delay, learning and the half-width of the total's 99 % interval."""
    low, high = parts.interval()
    return parts.inaction, parts.delay, parts.learning or 0.0, (high - low) / 2


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values in one level, names joined by full stops; lists and other tables are left out.

    Examples
    --------
    >>> flattened({"a": {"b": 1}, "c": [1, 2]})
    {'a.b': 1}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str | bool | int | float):
            flat[f"{prefix}{name}"] = None if isinstance(value, float) and math.isnan(value) else value
    return flat


@dataclass(frozen=True)
class ServiceLaw:
    """Who serves the frames: the long-run law of the delay of the action applied in a frame.

    Attributes
    ----------
    rule
        Name of the staggering rule.
    workers
        Number of inference workers; ``inf`` for the unlimited pool.
    frame_time
        Seconds of a frame.
    inaction_fraction
        phi, the long-run fraction of frames served by the default behaviour.
    delay_law
        Array of shape (J,): ``delay_law[j]`` = a_j, the fraction of frames served by an agent action of delay j frames
        (``delay_law[0]`` = 0). Sums to ``1 - inaction_fraction`` (up to a truncated tail below 1e-12).
    method
        "closed-form", "series", "exact" (a Markov chain solved), "simulation" or "measurement".
    mean_age
        Time-average age in seconds of the observation behind the newest applied action; ``None`` where unknown.
    peak_age
        Mean of the age in seconds just before it drops (mean peak age); ``None`` where unknown.
    standard_error
        Standard error of ``inaction_fraction`` where simulated or measured, else ``None``.
    assumptions
        What must hold for these figures to be right.
    age_law
        Where the last action is repeated: P(A = j) of the age of the action in force in any frame, else ``None``.
    """

    rule: str
    workers: float
    frame_time: float
    inaction_fraction: float
    delay_law: NDArray[np.float64]
    method: Method
    mean_age: float | None = None
    peak_age: float | None = None
    standard_error: float | None = None
    assumptions: tuple[str, ...] = ()
    age_law: NDArray[np.float64] | None = None

    def service_value(self, p: float) -> float:
        """Return S(p) = sum_j a_j p^j.

        Parameters
        ----------
        p
            Mode probability (or the ring's eigenvalue lambda) per frame, in [0, 1].

        Examples
        --------
        >>> law = ServiceLaw("sequential", 1, 1.0, 0.5, np.array([0.0, 0.0, 0.5]), "closed-form")
        >>> law.service_value(0.9)
        0.405
        """
        return float(self.delay_law @ np.power(float(p), np.arange(len(self.delay_law))))

    @property
    def interaction_time(self) -> float:
        """Mean seconds between agent actions, tau_I = frame_time / (1 - phi); ``inf`` if no frame is served."""
        served = 1.0 - self.inaction_fraction
        return self.frame_time / served if served > 0 else float("inf")

    @property
    def mean_delay_frames(self) -> float:
        """Mean delay in frames of the applied agent actions; NaN if no frame is served."""
        served = self.delay_law.sum()
        return float(self.delay_law @ np.arange(len(self.delay_law)) / served) if served > 0 else float("nan")
