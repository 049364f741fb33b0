"""What an experiment is: a TOML file, checked to the last key before anything is played.

Such a file::

    [experiment]
    protocol = "simulated-delay"          # or "asynchronous"
    environment = "regretlab/Stacker-v0"
    frames = 1_000_000                    # of each case and seed
    windows = 100                         # rows of results each
    seeds = 5

    [learning]                            # settings of all that learn
    batch = 32

    [[case]]
    label = "1M"
    player = "dqn"
    network = "impala-k1"
    delay = [5]
    interaction = ["asynchronous", "sequential"]

    [budget.cpu]                          # what is smaller on a small machine; its cases replace the others
    frames = 20_000

A case of an asynchronous experiment has the keys of a run (``policy``, ``workers``, ``rule``, ``learners``, ...), and a
section ``[run]`` those that all cases share.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import InputError, first_fault
from ..inputs import read_toml
from ..trust import refuse_foreign_code

__all__ = ["PROTOCOLS", "Cell", "DelayCase", "Experiment", "read_experiment"]

PROTOCOLS = ("simulated-delay", "asynchronous")
PLAYERS = ("dqn", "rainbow", "script", "policy", "random", "noop", "fixed")
_SECTIONS = ("experiment", "learning", "run", "case", "budget")
_GIVEN = ("environment", "environment_options", "frames", "seed", "learning", "resume")  # of a run, by the experiment


class DelayCase(BaseModel):
    """A section ``[[case]]`` of the protocol simulated-delay.

    Attributes
    ----------
    label
        Name of the case in the results.
    player
        "dqn", "rainbow", "script" (a scripted player of the game), "policy", "random", "noop" or "fixed" (always
        ``action``).
    policy
        Of the player "policy": a distilled network, ``distilled:FILE.safetensors``.
    action
        Of the player "fixed".
    network
        Of a player that learns.
    delay
        Frames from an observation to its action's effect; each value is a case of its own.
    interaction
        "asynchronous" (an action in every frame) or "sequential" (after each action ``delay`` frames without one).
    interval
        Frames from a decision to the next; a sequential player takes at least ``delay + 1``.
    press
        Frames of those in which the action is pressed before it is released; 0 for all of ``interval``.
    learning
        Settings of learning that differ from the section ``[learning]``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    label: str = Field(min_length=1)
    player: Literal["dqn", "rainbow", "script", "policy", "random", "noop", "fixed"]
    policy: str = ""
    action: int | None = Field(default=None, ge=0)
    network: str = ""
    delay: list[int] = Field(default=[0], min_length=1)
    interaction: list[Literal["asynchronous", "sequential"]] = Field(default=["asynchronous"], min_length=1)
    interval: int = Field(default=1, ge=1, le=10_000)
    press: int = Field(default=0, ge=0)
    learning: dict[str, Any] = {}


class _Settings(BaseModel):
    """The section ``[experiment]``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    protocol: Literal["simulated-delay", "asynchronous"]
    title: str = ""
    environment: str
    environment_options: dict[str, Any] = {}
    default_action: int | None = Field(default=None, ge=0)
    frames: int = Field(ge=1)
    episode_frames: int | None = Field(default=None, ge=1)
    windows: int = Field(default=1, ge=1)
    counted: float = Field(default=1.0, gt=0, le=1)
    seeds: int = Field(default=5, ge=1, le=1000)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Cell:
    """What one seed plays of one case; the unit that is resumed.

    Attributes
    ----------
    number
        Place in the experiment.
    case
        The case's settings.
    seed
        Of everything drawn.
    delay, interaction
        Of the protocol simulated-delay.
    """

    number: int
    case: dict[str, Any]
    seed: int
    delay: int = 0
    interaction: str = ""


@dataclass(frozen=True)
class Experiment:
    """An experiment, checked.

    Attributes
    ----------
    settings
        The section ``[experiment]``: protocol, title, environment, environment_options, default_action, frames,
        episode_frames (a time limit; simulated-delay), windows, counted (last share of the frames that the summary is
        over), seeds, seed.
    learning
        The section ``[learning]``.
    cases
        The cases as plain values.
    budget
        "full", or the section under ``[budget]`` that was put over the file.
    """

    settings: _Settings
    learning: dict[str, Any]
    cases: tuple[dict[str, Any], ...]
    budget: str

    @property
    def cells(self) -> list[Cell]:
        """Everything to be played, seeds innermost."""
        seeds = range(self.settings.seed, self.settings.seed + self.settings.seeds)
        if self.settings.protocol == "asynchronous":
            chosen = [(case, 0, "") for case in self.cases]
        else:
            chosen = [(case, d, way) for case in self.cases for d in case["delay"] for way in case["interaction"]]
        return [
            Cell(index * len(seeds) + offset, case, seed, delay, way)
            for index, (case, delay, way) in enumerate(chosen)
            for offset, seed in enumerate(seeds)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the experiment as plain values; settings newer than the first results only if not usual."""
        usual = {"episode_frames": None, "interval": 1, "press": 0, "action": None, "policy": ""}
        parts = [self.settings.model_dump(), *self.cases]
        first, *cases = [
            {name: value for name, value in part.items() if name not in usual or value != usual[name]} for part in parts
        ]
        return {
            "experiment": first,
            "learning": self.learning,
            "case": cases,
            "budget": self.budget,
        }

    def digest(self) -> str:
        """Return a digest that differs for every other experiment and for other versions of the package."""
        from .. import __version__

        return hashlib.sha256(json.dumps([__version__, self.to_json()], sort_keys=True).encode()).hexdigest()


def read_experiment(
    source: str | Path | dict[str, Any], budget: str = "full", seeds: int | None = None, *, trust: bool = False
) -> Experiment:
    """Read an experiment.

    Parameters
    ----------
    source
        A TOML file, or what it would hold as a dictionary.
    budget
        "full", or the name of a section under ``[budget]``.
    seeds
        Number of seeds in place of the file's.
    trust
        Accept a file that names Python code to run or a Ray cluster to join; a dictionary is the caller's own.

    Raises
    ------
    InputError
        For a file that cannot be read, an unknown key or a wrong value; the message names the place.

    Examples
    --------
    >>> experiment = read_experiment({
    ...     "experiment": {"protocol": "simulated-delay", "environment": "regretlab/Beacon-v0", "frames": 100},
    ...     "case": [{"label": "told", "player": "script", "delay": [1, 5]}],
    ... })
    >>> [(cell.delay, cell.seed) for cell in experiment.cells][:6]
    [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (5, 0)]
    """
    name = "experiment" if isinstance(source, dict) else str(source)
    content = source if isinstance(source, dict) else read_toml(source, "configuration")
    for section in content:
        if section not in _SECTIONS:
            raise InputError(f"{name}: unknown section '{section}': there are {', '.join(_SECTIONS)}")
    chosen = _with_budget(content, budget, name)
    values = chosen.get("experiment", {})
    if seeds is not None and isinstance(values, dict):
        values = {**values, "seeds": seeds}
    settings = _checked(_Settings, values, f"{name}: experiment")
    learning, shared = chosen.get("learning", {}), chosen.get("run", {})
    for section, given in (("learning", learning), ("run", shared)):
        if not isinstance(given, dict):
            raise InputError(f"{name}: {section} must be a section of settings, not {given!r}")
    if shared and settings.protocol != "asynchronous":
        raise InputError(f"{name}: section [run] is for the protocol asynchronous, not {settings.protocol}")
    cases = chosen.get("case", [])
    if not isinstance(cases, list) or not cases:
        raise InputError(f"{name}: there is no case: give at least one section [[case]]")
    checked = []
    for number, case in enumerate(cases, start=1):
        place = f"{name}: case {number}"
        if not isinstance(case, dict):
            raise InputError(f"{place}: must be a section of settings, not {case!r}")
        delayed = settings.protocol == "simulated-delay"
        checked.append(_delay_case(case, learning, place) if delayed else _run_case(case, shared, place))
    if not trust and not isinstance(source, dict):
        refuse_foreign_code(settings.model_dump(), f"{name}: experiment")
        for number, case in enumerate(checked, start=1):
            refuse_foreign_code(case, f"{name}: case {number}")
    labels = [case["label"] for case in checked]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"{name}: two cases are labelled '{label}': each needs a label of its own")
    return Experiment(settings, learning, tuple(checked), budget)


def _with_budget(content: dict[str, Any], budget: str, name: str) -> dict[str, Any]:
    """Return the sections with those of the budget put over them."""
    budgets = content.get("budget", {})
    if budget == "full":
        return content
    if not isinstance(budgets, dict) or not isinstance(budgets.get(budget), dict):
        known = ", ".join(["full", *(budgets if isinstance(budgets, dict) else ())])
        raise InputError(f"{name}: unknown budget '{budget}': choose one of {known}")
    over = dict(budgets[budget])
    chosen = dict(content)
    for section in ("learning", "run"):
        if section in over:
            chosen[section] = {**content.get(section, {}), **over.pop(section)}
    if "case" in over:
        chosen["case"] = over.pop("case")
    chosen["experiment"] = {**content.get("experiment", {}), **over}
    return chosen


def _checked(model: type[Any], values: Any, place: str) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        where, said = first_fault(error, model.model_fields)
        raise InputError(f"{place}{'.' if where else ''}{where}: {said}") from None


def _delay_case(values: dict[str, Any], learning: dict[str, Any], place: str) -> dict[str, Any]:
    case = _checked(DelayCase, values, place)
    for number in case.delay:
        if not 0 <= number <= 10_000:
            raise InputError(f"{place}.delay: must be from 0 to 10000 frames, not {number}")
    if case.press > case.interval:
        raise InputError(f"{place}.press: must be at most the interval of {case.interval} frames, not {case.press}")
    if (case.action is None) == (case.player == "fixed"):
        raise InputError(f"{place}.action: player 'fixed' needs an action, and no other player takes one")
    if case.policy.startswith("distilled:") != (case.player == "policy"):
        raise InputError(
            f"{place}.policy: player 'policy' needs a policy distilled:FILE.safetensors, and no other player takes one"
        )
    for name in ("delay", "interaction"):
        listed = getattr(case, name)
        if len(set(listed)) < len(listed):
            raise InputError(f"{place}.{name}: {listed} names one twice")
    learns = case.player in ("dqn", "rainbow")
    if learns:
        from ..policies.agents import agent_settings
        from ..policies.spec import parse_network_name

        agent_settings(case.player, **{**learning, **case.learning})
        if not case.network or parse_network_name(case.network) is None:
            raise InputError(f"{place}.network: player '{case.player}' needs a network to learn, not '{case.network}'")
    elif case.network or case.learning:
        given = f"network '{case.network}'" if case.network else "settings of learning"
        raise InputError(f"{place}: player '{case.player}' does not learn and takes no {given}")
    return dict(case.model_dump())


def _run_case(values: dict[str, Any], shared: dict[str, Any], place: str) -> dict[str, Any]:
    merged = {**shared, **values}
    label = merged.get("label")
    if not isinstance(label, str) or not label:
        raise InputError(f"{place}.label: must be a text that names the case, not {label!r}")
    for key in merged:
        if key in _GIVEN:
            raise InputError(f"{place}: '{key}' is the experiment's: give it under [experiment] or [learning]")
    return merged
