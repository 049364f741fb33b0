"""Experiments with learning agents: many cases, several seeds, one file of results.

Two protocols. ``simulated-delay``: one process plays, every observation is so many frames old when its action takes
effect; cheap, and the protocol of the Tetris and Atari experiments of Riemer, Subbaraj, Berseth & Rish (2024).
``asynchronous``: staggered workers and learners through the harness, on either clock.

An experiment is a TOML file (``read_experiment``); ``run_experiment`` plays what is missing of it and
``case_summaries`` gives means over seeds with intervals.
"""

from ..needs import need
from .configuration import Experiment, read_experiment
from .results import case_summaries, read_results
from .running import Outcome, run_experiment

need("play", "an experiment")

__all__ = ["Experiment", "Outcome", "case_summaries", "read_experiment", "read_results", "run_experiment"]
