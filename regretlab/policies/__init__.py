"""Policies: networks, their readouts and weights, and how long one inference takes.

This module imports no PyTorch: names and specifications (`spec`) are checked without it. What runs a network is in
`networks`, `parameters`, `weights`, `policy`, `readout`, `fitted` and `profile`, each imported by name where
it is used.
"""

from ..needs import need
from .spec import POLICY_NAMES, NetworkName, PolicySpec, check_policy_fits, parse_network_name

need("play", "a policy")

__all__ = ["POLICY_NAMES", "NetworkName", "PolicySpec", "check_policy_fits", "parse_network_name"]
