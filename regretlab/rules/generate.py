"""Write ``dispatch.py`` and the tables of rules in the documentation from the registry.

Run ``python -m regretlab.rules.generate`` after a change of the registry or of a rule's traits.
"""

from pathlib import Path

from .registry import RULE_NAMES, known_rules, module_of

__all__ = ["dispatch_source", "main", "rules_table", "theory_page"]

_PAGE = Path(__file__).parents[2] / "docs" / "theory.md"
_BEGIN, _END = "% rules, written by python -m regretlab.rules.generate", "% end of rules"

_HEAD = '''"""One compiled entry for each transition, chosen by the rule's number.

Written by ``python -m regretlab.rules.generate``; do not edit. The rules are branches, not functions passed as
arguments: Numba cannot cache a kernel that takes functions, and the branch costs under a nanosecond. Python code calls
a rule's own transitions.
"""

from ..compilation import kernel
from . import (
{modules}
)
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
    text = _HEAD.format(modules="\n".join(f"    {module}," for module in sorted(modules)))
    for name, arguments, result, summary in _TRANSITIONS:
        passed = ", ".join(["state", *(part.split(":")[0] for part in arguments.split(", "))])
        branches = "\n".join(
            f"    if rule == {number}:\n        return {module}.{name}({passed})"
            for number, module in enumerate(modules)
        )
        text += _ENTRY.format(name=name, arguments=arguments, result=result, summary=summary, branches=branches)
    return text


def rules_table() -> str:
    """Return the table of the package's rules, in Markdown."""
    learned = {None: "", "tau_max": "the longest time", "mean_time": "the mean time", "hold": "the hold"}
    learned["quantile_time"] = "a high quantile of the latest times"
    rows = [
        "| rule | who starts when, and when outputs are released | starts lie | learns | closed form |",
        "|---|---|---|---|---|",
    ]
    for rule in known_rules():
        if rule.is_built_in:
            places = " or ".join({"frame": "on frames", "uniform": "anywhere"}[where] for where in rule.alignments)
            closed = "yes" if rule.has_closed_form else f"no: {rule.closed_form}"
            workers = " (one worker)" if rule.single_worker else ""
            rows.append(f"| `{rule.name}` | {rule.summary}{workers} | {places} | {learned[rule.learns]} | {closed} |")
    return "\n".join(rows)


def theory_page(text: str) -> str:
    """Return the text of ``docs/theory.md`` with the present table of rules."""
    before, rest = text.split(_BEGIN)
    return f"{before}{_BEGIN}\n\n{rules_table()}\n\n{_END}{rest.split(_END)[1]}"


def main() -> None:
    """Write the files that are generated: the dispatch, and in a checkout the table in the documentation."""
    Path(__file__).with_name("dispatch.py").write_text(dispatch_source())
    if _PAGE.exists():
        _PAGE.write_text(theory_page(_PAGE.read_text()))


if __name__ == "__main__":
    main()
