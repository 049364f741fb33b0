"""The runs a validation plays on the cartridge, and what each is for.

Everything is played on ``beacon`` with K symbols: the ring of the theory, where regret has a closed form. The
virtual runs are long, so that their intervals are narrow; the realtime runs show that the same figures come out of
real processes on a clock that does not wait.
"""

from dataclasses import dataclass
from typing import Any, Literal

from ..play.configuration import RunConfiguration
from ..rules import FRAME_POOL, FREE_RUNNING, MAX_TIME, SEQUENTIAL, SEQUENTIAL_STRICT, StaggeringRule

__all__ = ["ENVIRONMENT", "FRAME_TIME", "LEARNING_STEP", "SYMBOLS", "PlannedRun", "planned_runs"]

ENVIRONMENT = "regretlab/Beacon-v0"
FRAME_TIME = 1 / 59.7275
"""Seconds of a Game Boy frame."""
SYMBOLS = 8
MAIN_PROBABILITY = 0.99
HARDER_PROBABILITY = 0.95
REALTIME_PROBABILITY = 0.85
"""Of realtime runs about delays: a frame of delay more costs .05 to .12 of the regret, more than the tolerance."""
OUTPUTS_PROBABILITY = 0.97
"""Of realtime runs that keep outputs: more than elsewhere sets the theories of what is kept apart, for their length."""
LEARNING_STEP = 3.5
"""Frames a learning step is padded to."""

Group = Literal["delay", "cycle", "staggered", "pool", "outputs", "realtime", "learners"]


@dataclass(frozen=True)
class PlannedRun:
    """A run of the validation.

    Attributes
    ----------
    name
        Folder name of its record.
    group
        The claims it is for.
    configuration
        What is run.
    """

    name: str
    group: Group
    configuration: RunConfiguration


VARIES, USUAL, STEADY = 100_000, 50_000, 20_000
"""Frames of a virtual run in a quick validation, by how much its figures vary: enough for a power of .99 each."""

_HEAVY = f"lognorm(1.2, scale={2.0 * FRAME_TIME:.9f})"


def _law(frames: float) -> str:
    return f"constant({frames * FRAME_TIME:.9f})"


def _run(
    name: str, group: Group, clock: str, frames: int, probability: float = MAIN_PROBABILITY, **values: object
) -> PlannedRun:
    options: dict[str, object] = {"symbols": SYMBOLS, "mode_probability": probability}
    options |= {"rotating": True} if values.pop("rotating", False) else {}
    settings = {"policy": "oracle", "seed": 1, **values}
    if settings["policy"] == "oracle":  # it observes the symbol: nothing needs to be drawn
        options["pixels"] = False
    return PlannedRun(
        name,
        group,
        RunConfiguration(environment=ENVIRONMENT, environment_options=options, clock=clock, frames=frames, **settings),
    )


def planned_runs(*, quick: bool, clocks: tuple[str, ...] = ("virtual", "real")) -> list[PlannedRun]:
    """Return the runs of a validation, virtual ones first.

    Parameters
    ----------
    quick
        Shorter runs: a few minutes on two cores, with at least 60 s of realtime play.
    clocks
        Which clocks to play on.
    """
    runs = []
    if "virtual" in clocks:
        runs += _virtual_runs(1 if quick else 6, quick)
    if "real" in clocks:
        runs += _realtime_runs(1.0 if quick else 4.0)
    return runs


def _virtual_runs(times: int, quick: bool) -> list[PlannedRun]:
    points = [
        (0.8, 2, USUAL),
        (0.95, 2, STEADY),
        (0.95, 5, VARIES),
        (0.99, 1, STEADY),
        (0.99, 2, STEADY),
        (0.99, 5, USUAL),
        (0.99, 10, VARIES),
    ]
    if not quick:
        points += [(0.8, 1, VARIES), (0.8, 5, VARIES), (0.8, 10, VARIES), (0.95, 1, VARIES), (0.95, 10, VARIES)]
    runs = [
        _run(
            f"delay-{p}-{d}",
            "delay",
            "virtual",
            times * frames,
            p,
            rule=FRAME_POOL,
            workers=d,
            emulate_latency=_law(d - 0.5),
        )
        for p, d, frames in points
    ]
    runs += [
        _run(f"sequential-{d}", "cycle", "virtual", times * STEADY, rule=SEQUENTIAL, emulate_latency=_law(d - 0.5))
        for d in (2, 5, 10)
    ]
    exponential = f"expon(scale={2.5 * FRAME_TIME:.9f})"
    gamma = f"gamma(4, scale={0.8 * FRAME_TIME:.9f})"
    bounded = f"uniform({1.0 * FRAME_TIME:.9f}, {4.3 * FRAME_TIME:.9f})"
    varying: list[tuple[str, Group, StaggeringRule, int, str, int]] = [
        ("sequential-exponential", "cycle", SEQUENTIAL, 1, exponential, VARIES),
        ("strict-exponential", "cycle", SEQUENTIAL_STRICT, 1, exponential, USUAL),
        ("max-time-6", "staggered", MAX_TIME, 6, bounded, VARIES),
        ("max-time-5", "staggered", MAX_TIME, 5, bounded, VARIES),
        ("pool-exponential", "pool", FRAME_POOL, 40, exponential, VARIES),
        ("pool-gamma", "pool", FRAME_POOL, 11, gamma, USUAL),
        ("pool-gamma-44", "pool", FRAME_POOL, 44, gamma, USUAL),
    ]
    runs += [
        _run(
            name, group, "virtual", times * frames, HARDER_PROBABILITY, rule=rule, workers=workers, emulate_latency=law
        )
        for name, group, rule, workers, law, frames in varying
    ]
    runs += [
        _run(name, "outputs", "virtual", times * USUAL, HARDER_PROBABILITY, rule=FREE_RUNNING, **values)
        for name, values in _outputs(gamma, _HEAVY).items()
    ]
    runs += [_learning(f"learners-{learners}", "virtual", 1500, learners) for learners in (3, 4)]
    return runs


def _outputs(law: str, heavy: str) -> dict[str, dict[str, Any]]:
    """Return what becomes of outputs in the runs about it: kept, chunks where the mode moves, repeated, cancelled."""
    return {
        "keep": {"workers": 4, "emulate_latency": law, "unused": "keep"},
        "chunk": {"workers": 2, "emulate_latency": law, "rotating": True, "chunk": "inf"},
        "repeat": {"workers": 2, "emulate_latency": law, "rotating": True, "default_behaviour": "repeat"},
        "cancel": _cancelled(heavy),
    }


def _cancelled(law: str) -> dict[str, Any]:
    """Return three workers that give up after two frames and keep unused outputs."""
    return {"workers": 3, "emulate_latency": law, "unused": "keep", "cancel_after": 2 * FRAME_TIME}


def _learning(name: str, clock: str, frames: int, learners: int) -> PlannedRun:
    """Two workers that act in every frame, and learners whose steps last 3.5 frames: four are the fewest to keep up."""
    return _run(
        name,
        "learners",
        clock,
        frames,
        policy="nature",
        rule=FRAME_POOL,
        workers=2,
        emulate_latency=_law(1.5),
        learners=learners,
        emulate_learning=_law(LEARNING_STEP),
        learning={"batch": 2, "replay": 2000},
    )


def _realtime_runs(scale: float) -> list[PlannedRun]:
    def seconds(length: float) -> int:
        return round(length * scale / FRAME_TIME)

    return [
        _run(
            "realtime-k1",
            "realtime",
            "real",
            seconds(15),
            REALTIME_PROBABILITY,
            policy="impala-k1",
            rule=MAX_TIME,
            workers=3,
            alignment="frame",
        ),
        _run(
            "realtime-16",
            "realtime",
            "real",
            seconds(22),
            REALTIME_PROBABILITY,
            policy="impala-k1",
            rule=MAX_TIME,
            workers=16,
            emulate_latency="constant(0.1)",
        ),
        _run(
            "realtime-sequential",
            "realtime",
            "real",
            seconds(6),
            REALTIME_PROBABILITY,
            policy="impala-k1",
            rule=SEQUENTIAL,
            emulate_latency=_law(1.5),
        ),
        *_realtime_outputs(seconds(10), seconds(17), _HEAVY),
        *(_learning(f"realtime-learners-{learners}", "real", seconds(9), learners) for learners in (3, 4)),
    ]


def _realtime_outputs(frames: int, longer: int, heavy: str) -> list[PlannedRun]:
    """Real processes: the readout of impala-k1 keeps outputs and plays chunks (40 ms, and as fast as it is).

    The oracle's inferences are cancelled: a network that other work keeps from its core would be cancelled for that.
    Heavy tails vary more: 10 s leave three of ten seeds undecided, 15 s none (power .73 and .99).
    """
    slow = {"rule": FREE_RUNNING, "emulate_latency": "gamma(4, scale=0.01)"}
    runs: dict[str, dict[str, Any]] = {
        "realtime-keep": {"workers": 3, "unused": "keep", **slow},
        "realtime-chunk": {"workers": 1, "rotating": True, "chunk": "inf", **slow},
        "realtime-cancel": {"policy": "oracle", "rule": FREE_RUNNING, **_cancelled(heavy)},
        "realtime-chunk-k1": {"workers": 1, "rotating": True, "chunk": "inf", "rule": SEQUENTIAL},
    }
    return [
        _run(
            name,
            "outputs",
            "real",
            longer if name == "realtime-cancel" else frames,
            OUTPUTS_PROBABILITY,
            **{"policy": "impala-k1", **values},
        )
        for name, values in runs.items()
    ]
