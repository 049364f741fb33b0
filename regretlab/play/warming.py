"""Compile before the clock starts: a kernel's first call lasts many frames, and it would last under the lock."""

from ..rules import known_rules
from ..rules.state import boundary_at_or_after, boundary_at_or_before

__all__ = ["compile_transitions"]


def compile_transitions() -> None:
    """Call every transition once, as the processes of a run call it; cheap where that has been done."""
    for rule in known_rules():
        state = rule.new_state(1, 1.0, first_estimate=0.5)
        start = float(rule.next_start(state, 0, 0.0))
        rule.on_dispatch(state, 0, start)
        rule.on_completion(state, 0, start, start + 0.5)
    boundary_at_or_after(0.5, 1.0)
    boundary_at_or_before(0.5, 1.0)
