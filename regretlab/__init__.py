"""regretlab: the regret of slow inference in an environment that does not wait.

The front door::

    import regretlab as rl

    scenario = rl.Scenario("gamma(4, scale=0.02)", frame_time="gameboy", mode_probability=0.95, workers=6)
    rl.bound(scenario)
    rl.compare(scenario)

Importing this package imports nothing heavy: each name is loaded when it is first used. The names below are the public
interface; all other modules are internal and may change without notice.
"""

from typing import TYPE_CHECKING

from .lazy import lazily

if TYPE_CHECKING:
    from .curves import DelayCurve
    from .errors import InputError, RunError
    from .front import delay_curve, profile, referee, run, solve, stochasticity, sweep, validate
    from .laws import Law, parse_law
    from .planning.choosing import Plan, plan
    from .planning.comparing import Comparison, compare
    from .planning.valuing import bound
    from .play.delay_wrapper import DelayWrapper
    from .records.reader import Record
    from .records.summary import RunSummary
    from .results import Estimate, RegretParts, Result
    from .rules.registry import register_rule
    from .rules.rule import StaggeringRule
    from .scenario import Scenario
    from .simulation.on_witness import simulate
    from .simulation.result import SimulationResult
    from .theory.any_rule import LowerBound, lower_bound
    from .theory.learning import LearningPart
    from .theory.report import RegretReport

_HOMES = {
    "curves": ("DelayCurve",),
    "errors": ("InputError", "RunError"),
    "front": ("delay_curve", "profile", "referee", "run", "solve", "stochasticity", "sweep", "validate"),
    "laws": ("Law", "parse_law"),
    "planning.choosing": ("Plan", "plan"),
    "planning.comparing": ("Comparison", "compare"),
    "planning.valuing": ("bound",),
    "play.delay_wrapper": ("DelayWrapper",),
    "records.reader": ("Record",),
    "records.summary": ("RunSummary",),
    "results": ("Estimate", "RegretParts", "Result"),
    "rules.registry": ("register_rule",),
    "rules.rule": ("StaggeringRule",),
    "scenario": ("Scenario",),
    "simulation.on_witness": ("simulate",),
    "simulation.result": ("SimulationResult",),
    "theory.any_rule": ("LowerBound", "lower_bound"),
    "theory.learning": ("LearningPart",),
    "theory.report": ("RegretReport",),
}
"""Where each public name lives. A name is added here, above and in ``__all__``."""

__all__ = [
    "Comparison",
    "DelayCurve",
    "DelayWrapper",
    "Estimate",
    "InputError",
    "Law",
    "LearningPart",
    "LowerBound",
    "Plan",
    "Record",
    "RegretParts",
    "RegretReport",
    "Result",
    "RunError",
    "RunSummary",
    "Scenario",
    "SimulationResult",
    "StaggeringRule",
    "__version__",
    "bound",
    "compare",
    "delay_curve",
    "lower_bound",
    "parse_law",
    "plan",
    "profile",
    "referee",
    "register_rule",
    "run",
    "simulate",
    "solve",
    "stochasticity",
    "sweep",
    "validate",
]

__version__ = "0.1.0"


__getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
