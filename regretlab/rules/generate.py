"""Write ``dispatch.py`` and the tables of rules in the documentation from the registry.

Run ``python -m regretlab.rules.generate`` after a change of the registry or of a rule's traits.
"""

from pathlib import Path

from .registry import RULE_NAMES, module_of

__all__ = ["dispatch_source", "main"]

_HEAD = '''"""One compiled entry for each transition, chosen by the rule's number.

Written by ``python -m regretlab.rules.generate``; do not edit. The rules are branches, not functions passed as
arguments: Numba cannot cache a kernel that takes functions, and the branch costs under a nanosecond. Python code calls
a rule's own transitions.
"""

from ..compilation import kernel
from . import {modules}
from .state import State
'''
_ENTRY = '''

@kernel(allocates=False)
def {name}(rule: int, state: State, {arguments}) -> {result}:
    """{summary}"""
{branches}
    raise ValueError("unknown rule number")
'''
_TRANSITIONS = (
    ("next_start", "worker: int, now: float", "float", "Return when ``worker``, idle at ``now``, is to start."),
    ("on_dispatch", "worker: int, start: float", "None", "Note that ``worker`` started the inference of ``start``."),
    (
        "on_completion",
        "worker: int, start: float, completion: float",
        "float",
        "Note that the inference of ``start`` completed; return when its output is released.",
    ),
)


def dispatch_source() -> str:
    """Return the text of ``dispatch.py``."""
    modules = [module_of(name) for name in RULE_NAMES]
    text = _HEAD.format(modules=", ".join(sorted(modules)))
    for name, arguments, result, summary in _TRANSITIONS:
        passed = ", ".join(["state", *(part.split(":")[0] for part in arguments.split(", "))])
        branches = "\n".join(
            f"    if rule == {number}:\n        return {module}.{name}({passed})"
            for number, module in enumerate(modules)
        )
        text += _ENTRY.format(name=name, arguments=arguments, result=result, summary=summary, branches=branches)
    return text


def main() -> None:
    """Write the files that are generated."""
    Path(__file__).with_name("dispatch.py").write_text(dispatch_source())


if __name__ == "__main__":
    main()
