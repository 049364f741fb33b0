"""Event simulation: every staggering rule, on any law of the inference time, on the witness chains.

``simulate`` is the measured twin of ``regretlab.theory``, ``simulate_mdp`` plays any finite MDP under a policy table,
``replay`` plays a rule on given inference times and keeps every event,
``record_simulation`` writes a run as a record like those of the emulator. Rules that start on frame boundaries run in
whole frames (``frames``), the others in continuous time (``events``), by the transitions of
``regretlab.rules``.
"""

from typing import TYPE_CHECKING

from ..lazy import lazily
from .events import EventLog, replay
from .on_witness import simulate
from .result import SimulationResult

if TYPE_CHECKING:
    from .on_mdp import MDPSimulationResult, simulate_mdp
    from .recorded import record_simulation

__all__ = [
    "EventLog",
    "MDPSimulationResult",
    "SimulationResult",
    "record_simulation",
    "replay",
    "simulate",
    "simulate_mdp",
]

__getattr__ = lazily(__name__, {"on_mdp": ("MDPSimulationResult", "simulate_mdp"), "recorded": ("record_simulation",)})
"""These load the solvers of MDPs and pandas."""
