"""Closed forms of the rules' service laws: who serves a frame, and how old the observation behind its action is."""

from .service import NoClosedForm, best_hold, service_law, workers_for_zero_inaction

__all__ = ["NoClosedForm", "best_hold", "service_law", "workers_for_zero_inaction"]
