"""regretlab: the regret of slow inference in an environment that does not wait.

Theory (``laws``, ``mdp``, ``staggering``, ``bounds``, ``planning``, ``simulation``) and experiment (``games``,
``policies``, ``harness``) share a ground floor and meet in ``validation``. Importing this package imports none of
them: each room is imported when it is used.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
