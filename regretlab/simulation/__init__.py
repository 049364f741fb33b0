"""Event simulation: every staggering rule, on any law of the inference time, on the witness chains.

``simulate`` is the measured twin of ``regretlab.bounds``; ``replay`` plays a rule on given inference times and keeps
every event. Rules that start on frame boundaries run in whole frames (``frames``), the others in continuous time
(``events``); both run the transitions of ``regretlab.staggering.rules``.
"""

from .events import EventLog, replay
from .result import SimulationResult
from .simulate import DefaultBehaviour, simulate

__all__ = ["DefaultBehaviour", "EventLog", "SimulationResult", "replay", "simulate"]
