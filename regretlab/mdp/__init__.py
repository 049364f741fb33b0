"""Finite MDPs: models, families, the average-reward and the delayed optimum, stochasticity, hardness.

Exact answers that closed forms and simulations are held against. Uses numpy, scipy and compiled sweeps; nothing here
knows PyTorch, PyBoy or Gymnasium (its toy-text tables are read as plain dictionaries).
"""

from .average_reward import AverageRewardSolution, bellman_residual, solve_average_reward
from .delayed import DelayedSolution, augmented_mdp, solve_delayed, solve_sequential
from .families import FAMILIES, Family, closed_form_regret, parse_mdp
from .gymnasium_tables import from_gymnasium, to_gymnasium
from .model import AsynchronousMDP, FiniteMDP
from .multichain import MultichainError, MultichainSolution, RecurrentClass, solve_recurrent_classes
from .persistence import load_mdp, save_mdp
from .stochasticity import kappa, kappa_curve, p_minimax
from .structure import ChainStructure, MDPStructure, chain_structure, mdp_structure

__all__ = [
    "FAMILIES",
    "AsynchronousMDP",
    "AverageRewardSolution",
    "ChainStructure",
    "DelayedSolution",
    "Family",
    "FiniteMDP",
    "MDPStructure",
    "MultichainError",
    "MultichainSolution",
    "RecurrentClass",
    "augmented_mdp",
    "bellman_residual",
    "chain_structure",
    "closed_form_regret",
    "from_gymnasium",
    "kappa",
    "kappa_curve",
    "load_mdp",
    "mdp_structure",
    "p_minimax",
    "parse_mdp",
    "save_mdp",
    "solve_average_reward",
    "solve_delayed",
    "solve_recurrent_classes",
    "solve_sequential",
    "to_gymnasium",
]
