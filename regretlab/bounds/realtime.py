r"""The realtime regret: inaction and delay together, per frame, per second and over a horizon.

Per frame, for a staggering rule with inaction fraction phi and served delays a_j:

.. math:: \phi\,g + \Delta\,(1 - \phi - S(p)), \qquad S(p) = \sum_j a_j p^j

(Riemer, Subbaraj, Berseth & Rish 2024, Theorem 1, with explicit constants; docs/theory.) The delay part carries the
weight 1 - phi: a frame is either served by the default behaviour or by an old action, never both.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from ..laws import Law
from ..results import Method, ServiceLaw
from ..staggering.service import service_law, workers_for_zero_inaction
from .delay import check_mode_probability, delay_regret, ring_eigenvalue
from .inaction import inaction_regret

__all__ = ["RegretParts", "RegretReport", "realtime_regret"]


@dataclass(frozen=True)
class RegretParts:
    """Regret split by its cause, in reward (per frame or over a horizon, as the name of the field says)."""

    inaction: float
    delay: float
    learning: float | None = None

    @property
    def total(self) -> float:
        """The sum of the parts (without learning where that is not asked for)."""
        return self.inaction + self.delay + (self.learning or 0.0)

    def scaled(self, factor: float) -> "RegretParts":
        """Return all parts times ``factor``."""
        learning = None if self.learning is None else self.learning * factor
        return RegretParts(self.inaction * factor, self.delay * factor, learning)

    def to_json(self) -> dict[str, float | None]:
        """Return the parts as plain values; ``learning`` is null where it was not asked for."""
        return {"inaction": self.inaction, "delay": self.delay, "learning": self.learning, "total": self.total}


@dataclass(frozen=True)
class RegretReport:
    """A regret bound with everything it rests on.

    Attributes
    ----------
    per_frame
        Regret per frame.
    service
        Inaction fraction and served delays.
    service_value
        S(p), or S(lambda) on the ring.
    mode_probability, symbols
        p, and K of the ring (None: the shift register).
    gap_default, gap_delay
        g and Delta, reward per frame.
    horizon
        Seconds, or None.
    witness
        The MDP that attains the bound.
    workers_for_zero_inaction
        N_I* under max-time.
    method
        Where the figures come from.
    standard_error
        Of the total per frame where simulated or measured.
    assumptions
        What must hold.
    symbolic
        LaTeX of the total per frame where a closed form exists, else None.
    """

    per_frame: RegretParts
    service: ServiceLaw
    service_value: float
    mode_probability: float
    symbols: int | None
    gap_default: float
    gap_delay: float
    horizon: float | None
    witness: str
    workers_for_zero_inaction: int | None
    method: Method
    standard_error: float | None
    assumptions: tuple[str, ...]
    symbolic: str | None = field(default=None, repr=False)

    @property
    def total(self) -> float:
        """Total regret per frame."""
        return self.per_frame.total

    @property
    def per_second(self) -> RegretParts:
        """Regret per second."""
        return self.per_frame.scaled(1.0 / self.service.frame_time)

    @property
    def over_horizon(self) -> RegretParts | None:
        """Regret over the horizon; None without one."""
        return None if self.horizon is None else self.per_frame.scaled(self.horizon / self.service.frame_time)

    def _repr_latex_(self) -> str:
        parts = self.per_frame
        formula = f"{self.symbolic} = " if self.symbolic else ""
        return f"${formula}{parts.inaction:.6g} + {parts.delay:.6g} = {parts.total:.6g}$ per frame"

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command line prints it."""
        over = self.over_horizon
        interaction_time = self.service.interaction_time
        return {
            "inaction_fraction": self.service.inaction_fraction,
            "delay_law": [float(a) for a in self.service.delay_law],
            "service_value": self.service_value,
            "interaction_time": interaction_time if math.isfinite(interaction_time) else None,
            "workers_for_zero_inaction": self.workers_for_zero_inaction,
            "regret_per_frame": self.per_frame.to_json(),
            "regret_per_second": self.per_second.to_json(),
            "regret": None if over is None else over.to_json(),
            "method": self.method,
            "standard_error": self.standard_error,
            "assumptions": list(self.assumptions),
            "witness": self.witness,
            "symbolic": self.symbolic,
        }


def realtime_regret(
    law: Law,
    frame_time: float,
    p: float,
    *,
    workers: float = 1,
    rule: str = "frame-pool",
    alignment: str | None = None,
    symbols: int | None = None,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
    horizon: float | None = None,
    maximum_time: float | None = None,
    service: ServiceLaw | None = None,
    with_symbolic: bool = False,
) -> RegretReport:
    """Return the regret that inference time forces on an agent.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    p
        Modal probability per frame: how likely the likeliest successor is at least; [1/K, 1] on a ring of K symbols.
    workers, rule, alignment, maximum_time
        As for ``service_law``.
    symbols
        K: evaluate the K-symbol ring (W2) instead of the shift register (W1).
    gap_default, gap_delay
        Gaps of the default behaviour and of a wrong action, reward per frame.
    horizon
        Seconds over which to add the regret up; None for rates only.
    service
        The service law, if it was simulated or measured; by default the rule's closed form.
    with_symbolic
        Also give the formula in LaTeX where there is one (imports SymPy).

    Returns
    -------
    RegretReport
        Parts, total, assumptions, witness and method.

    Raises
    ------
    NoClosedForm
        If the rule has no closed form for this law and no ``service`` is given.
    InputError
        For values out of range.

    References
    ----------
    Riemer, Subbaraj, Berseth & Rish 2024, Theorem 1; constants derived in docs/theory.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> report = realtime_regret(parse_law("3"), 1.0, 0.7, rule="sequential", gap_default=0.9)
    >>> round(report.total, 12)
    0.819
    """
    check_mode_probability(p, symbols)
    if horizon is not None and not (math.isfinite(horizon) and horizon > 0):
        raise InputError(f"horizon must be a positive, finite number of seconds, not {horizon!r}")
    given = service is not None
    if service is None:
        service = service_law(
            law, frame_time, workers=workers, rule=rule, alignment=alignment, maximum_time=maximum_time
        )
    parts = RegretParts(
        inaction_regret(service.inaction_fraction, gap_default),
        delay_regret(service, p, symbols=symbols, gap_delay=gap_delay),
    )
    formula = None
    if with_symbolic and not given:
        from .symbolic import total_regret_latex

        formula = total_regret_latex(law, rule, workers=workers, symbols=symbols, alignment=alignment)
    return RegretReport(
        per_frame=parts,
        service=service,
        service_value=service.service_value(p if symbols is None else ring_eigenvalue(p, symbols)),
        mode_probability=float(p),
        symbols=symbols,
        gap_default=float(gap_default),
        gap_delay=float(gap_delay),
        horizon=None if horizon is None else float(horizon),
        witness=_witness(symbols),
        workers_for_zero_inaction=workers_for_zero_inaction(law, frame_time, maximum_time=maximum_time),
        method=service.method,
        standard_error=service.standard_error,
        assumptions=(*service.assumptions, *_assumptions(symbols)),
        symbolic=formula,
    )


def _witness(symbols: int | None) -> str:
    if symbols is None:
        return (
            "shift register W1: independent symbols, the likeliest with probability p; the action must name the symbol"
        )
    return f"ring W2: {symbols} symbols, the shown one stays with probability p, else jumps uniformly to another"


def _assumptions(symbols: int | None) -> tuple[str, ...]:
    if symbols is None:
        worst = "worst case over MDPs of modal probability at least p with enough actions (at least p^-d for delay d)"
    else:
        worst = f"exact for the ring of {symbols} symbols, not a bound for every MDP"
    return (
        worst,
        "the gap of the default behaviour is constant",
        "the agent knows the optimal action of each observation",
    )
