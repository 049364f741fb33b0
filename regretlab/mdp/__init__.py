"""Finite MDPs: models, families, the average-reward and the delayed optimum, stochasticity, hardness.

Exact answers that closed forms and simulations are held against. Uses numpy, scipy and compiled sweeps; nothing here
knows PyTorch, PyBoy or Gymnasium (its toy-text tables are read as plain dictionaries).
"""

from .average_reward import AverageRewardSolution, bellman_residual
from .delayed import DelayedSolution, augmented_mdp, gain_of_unknown_delay, solve_delayed, solve_sequential
from .estimation import (
    HorizonEstimate,
    StochasticityEstimate,
    estimate_from_record,
    estimate_staleness,
    estimate_stochasticity,
    staleness_from_record,
)
from .families import FAMILIES, Family, closed_form_regret, parse_mdp
from .gymnasium_tables import from_gymnasium, to_gymnasium
from .hardness import Hardness, diameter, gap_range, hardness, hitting_times, mixing_time
from .intervals import clopper_pearson, mode_interval
from .model import AsynchronousMDP, FiniteMDP
from .multichain import (
    MultichainError,
    MultichainSolution,
    RecurrentClass,
    solve_average_reward,
    solve_recurrent_classes,
)
from .persistence import load_mdp, save_mdp
from .stochasticity import kappa, kappa_curve, p_minimax, staleness_curve
from .structure import ChainStructure, MDPStructure, chain_structure, mdp_structure

__all__ = [
    "FAMILIES",
    "AsynchronousMDP",
    "AverageRewardSolution",
    "ChainStructure",
    "DelayedSolution",
    "Family",
    "FiniteMDP",
    "Hardness",
    "HorizonEstimate",
    "MDPStructure",
    "MultichainError",
    "MultichainSolution",
    "RecurrentClass",
    "StochasticityEstimate",
    "augmented_mdp",
    "bellman_residual",
    "chain_structure",
    "clopper_pearson",
    "closed_form_regret",
    "diameter",
    "estimate_from_record",
    "estimate_staleness",
    "estimate_stochasticity",
    "from_gymnasium",
    "gain_of_unknown_delay",
    "gap_range",
    "hardness",
    "hitting_times",
    "kappa",
    "kappa_curve",
    "load_mdp",
    "mdp_structure",
    "mixing_time",
    "mode_interval",
    "p_minimax",
    "parse_mdp",
    "save_mdp",
    "solve_average_reward",
    "solve_delayed",
    "solve_recurrent_classes",
    "solve_sequential",
    "staleness_curve",
    "staleness_from_record",
    "to_gymnasium",
]
