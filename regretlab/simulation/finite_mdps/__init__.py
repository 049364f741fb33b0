"""Any finite MDP with a policy table, as the simulator plays it."""

from .chain import MDPChain, MDPTables, tabulate

__all__ = ["MDPChain", "MDPTables", "tabulate"]
