"""Regret lower bounds of acting in an environment that does not wait.

``inaction`` and ``delay`` (the two parts that inference time forces), ``realtime`` (their sum, as a report),
``symbolic`` (the same closed forms as SymPy expressions). Attained by witness MDPs, so the bounds are tight in their
class; derivations in docs/theory.
"""
