"""Any staggering rule in continuous time: the event engine and exact replays of given inference times."""

from .engine import EventEngine
from .replay import EventLog, TooFewTimesError, replay

__all__ = ["EventEngine", "EventLog", "TooFewTimesError", "replay"]
