"""The hold of a run: given, or what a learned one is to be best for."""

from collections.abc import Mapping

from ..errors import InputError
from ..rules.rule import HoldObjective
from .configuration import RunConfiguration

__all__ = ["hold_of"]


def hold_of(configuration: RunConfiguration, told: Mapping[str, object]) -> int | HoldObjective:
    """Return the hold in frames (0 for rules without), or the objective of hold "auto".

    Parameters
    ----------
    configuration
        What to run.
    told
        What the environment says of itself.

    Raises
    ------
    InputError
        If the hold is to be learned and nobody says how fast the environment changes.
    """
    if not configuration.staggering_rule.holds:
        return 0
    if isinstance(configuration.hold, int):
        return configuration.hold
    gaps = {"gap_default": configuration.gap_default, "gap_delay": configuration.gap_delay}
    if configuration.hold_probability is not None:
        return HoldObjective(configuration.hold_probability, **gaps)
    symbols, probability = told.get("symbols"), told.get("mode_probability")
    if isinstance(symbols, int) and isinstance(probability, float):
        return HoldObjective.of_ring(probability, symbols, **gaps)
    raise InputError(
        f"hold 'auto' needs the modal probability a frame of '{configuration.environment}', which does not tell it: "
        "give hold_probability (--hold-probability), or a hold in frames"
    )
