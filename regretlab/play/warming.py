"""Compile before the clock starts: a kernel's first call lasts many frames, and it would last under the lock."""

from ..rules.dispatch import next_start, on_completion, on_dispatch
from ..rules.rule import RULES
from ..rules.state import boundary_at_or_after, boundary_at_or_before

__all__ = ["compile_transitions"]


def compile_transitions() -> None:
    """Call every transition once, as the processes of a run call it; cheap where that has been done."""
    for rule in RULES:
        state = rule.new_state(1, 1.0, first_estimate=0.5)
        start = float(next_start(rule.identifier, state, 0, 0.0))
        on_dispatch(rule.identifier, state, 0, start)
        on_completion(rule.identifier, state, 0, start, start + 0.5)
    boundary_at_or_after(0.5, 1.0)
    boundary_at_or_before(0.5, 1.0)
