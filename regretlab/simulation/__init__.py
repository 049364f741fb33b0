"""Event simulation: every staggering rule, on any law of the inference time, on the witness chains.

``simulate`` is the measured twin of ``regretlab.bounds``, ``simulate_mdp`` plays any finite MDP under a policy table,
``replay`` plays a rule on given inference times and keeps every event. Rules that start on frame boundaries run in
whole frames (``frames``), the others in continuous time (``events``), by the transitions of
``regretlab.staggering.rules``.
"""

from .events import EventLog, replay
from .result import SimulationResult
from .simulate import DefaultBehaviour, simulate
from .simulate_mdp import MDPSimulationResult, simulate_mdp

__all__ = [
    "DefaultBehaviour",
    "EventLog",
    "MDPSimulationResult",
    "SimulationResult",
    "replay",
    "simulate",
    "simulate_mdp",
]
