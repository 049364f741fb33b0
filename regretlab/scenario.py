"""``Scenario``: a law of inference time, in a world that does not wait, with workers under a staggering rule.

The one description that bounds, simulations, plans and runs share. Its fields carry the names of the command line's
options, of the sweeps' and of the runs' settings; those take names, defaults and checks from here. Text, numbers and
objects are accepted alike and checked once, when the scenario is made. Imports nothing heavy: the command line's help
reads it.
"""

import functools
import inspect
import json
import math
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import InitVar, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .errors import InputError
from .rules import DEFAULT_RULE
from .rules.registry import names_rules

if TYPE_CHECKING:
    from .laws import Law

__all__ = [
    "SERVICE_FIELDS",
    "Scenario",
    "ServiceModel",
    "as_scenario",
    "frames_of",
    "meaning_of",
    "meanings",
    "whole_number",
    "with_unit",
]

ServiceModel = Literal["once", "repeat", "chunk"]

SERVICE_FIELDS = (
    "default_behaviour",
    "mode",
    "actions",
    "chunk",
    "unused",
    "age_limit",
    "cancel_after",
    "replicas",
    "batch_law",
)
"""Fields that say what an output serves; each command that computes or plays offers them, or refuses one it cannot use
yet."""

_LONGEST_HOLD = 2**22


def meanings(kind: type[Any]) -> dict[str, str]:
    """Return what the docstring of a class says of each of its parameters, in one line each."""
    said: dict[str, str] = {}
    name = None
    section = inspect.cleandoc(kind.__doc__ or "").partition("Parameters\n")[2]  # Python 3.13 keeps no indentation
    for line in section.splitlines()[1:]:
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if text and indent == 0:
            if re.match(r"(Raises|Notes|Examples|Attributes)$", text):
                break
            name = text
        elif name is not None and text:
            said[name] = f"{said.get(name, '')} {text}".strip()
    return said


def with_unit(text: str) -> str:
    """Return the text of a law with the unit of seconds, unless it has one or stands for samples.

    The second number of scipy's uniform is its width, so that law is written with its two ends.

    Examples
    --------
    >>> with_unit("0.1"), with_unit("100ms"), with_unit("@times.npy"), with_unit("uniform(0.35, 0.6)")
    ('0.1 s', '100ms', '@times.npy', 'uniform on [0.35, 0.95] s')
    """
    if text.startswith("uniform"):
        from .laws import parse_law

        with suppress(InputError):  # a text of a foreign record may be anything
            law = parse_law(text)
            return f"uniform on [{law.quantile(0.0):g}, {law.maximum():g}] s"
    named = text.startswith("@") or text == "samples"
    return text if named or re.search(r"[\d.]\s*(ms|us|µs|s)\b", text) else f"{text} s"


def frames_of(count: float | str | None) -> str:
    """Return a number of frames in words: 1 frame, 7 frames."""
    return f"{count} frame{'' if count == 1 else 's'}"


def meaning_of(name: str) -> str:
    """Return what a field of a scenario means, as its docstring says."""
    return meanings(Scenario)[name]


def _shown(value: Any) -> str:
    return repr(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _law(value: Any, name: str) -> "Law":
    from .laws import Law, as_law

    return value if isinstance(value, Law) else as_law(value, any_mean=True)


def _frame_time(value: Any, name: str) -> float:
    from .laws import parse_frame_time

    return parse_frame_time(value)


def _seconds(value: Any, name: str) -> float:
    from .laws import parse_seconds

    return parse_seconds(value, _words(name))


def _number(value: Any, name: str) -> float:
    if not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise InputError(f"{_words(name)} must be a number, not {_shown(value)}")


def _probability(value: Any, name: str) -> float:
    number = _number(value, name)
    if not 0 <= number <= 1:
        raise InputError(f"{_words(name)} must lie in [0, 1], not {value}")
    return number


def _gap(value: Any, name: str) -> float:
    number = _number(value, name)
    if not 0 <= number < math.inf:
        what = {"gap_default": "gap of the default behaviour", "gap_delay": "gap of a wrong action"}[name]
        raise InputError(f"{what} must be a finite number of at least 0, not {_shown(number)}")
    return number


def _loss(value: Any, name: str) -> Any:
    from .curves import DelayCurve, read_loss_curve

    if isinstance(value, str | Path):
        return read_loss_curve(value)
    return value.loss_curve if isinstance(value, DelayCurve) else value


def _cores(value: Any, name: str) -> float:
    number = _number(value, name)
    if not 0 < number < math.inf:
        raise InputError(f"{_words(name)} must be a positive, finite number, not {_shown(number)}")
    return number


def _whole(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number == int(number) else None


def whole_number(value: Any, name: str) -> int:
    """Return a whole number, which may be written as 1e6; raise ``InputError`` for anything else."""
    number = _whole(value)
    if number is None:
        raise InputError(f"{_words(name)} must be a whole number, not {_shown(value)}")
    return number


def _count(least: int) -> Callable[[Any, str], int]:
    def read(value: Any, name: str) -> int:
        number = _whole(value)
        if number is None or number < least:
            raise InputError(f"{_words(name)} must be a whole number of at least {least}, not {value}")
        return number

    return read


def _workers(value: Any, name: str) -> float:
    number = _whole(value)
    if number is not None and number >= 1:
        return number
    if number is None and str(value).strip().lower() in ("inf", "infinity"):
        return math.inf
    raise InputError(f"workers must be a whole number of at least 1 or inf, not {_shown(value)}")


def _rule(value: Any, name: str) -> str:
    from .rules import get_rule, name_of_rule

    return get_rule(str(name_of_rule(value))).name


def _hold(value: Any, name: str) -> int | str:
    number = _whole(value)
    if number is not None and 1 <= number <= _LONGEST_HOLD:
        return number
    if value == "auto":
        return "auto"
    if number is not None and number > _LONGEST_HOLD:
        raise InputError(f"hold must be at most {_LONGEST_HOLD} frames, not {number}")
    raise InputError(f"hold must be a whole number of frames, at least 1, or auto, not {_shown(value)}")


def _age(value: Any, name: str) -> int | str:
    number = _whole(value)
    if value == "auto":
        return "auto"
    if number is None or number < 1:
        raise InputError(f"age limit must be a whole number of frames, at least 1, or auto, not {_shown(value)}")
    return number


def _cancel(value: Any, name: str) -> float | str:
    return str(value) if value in ("auto", "learned") else _seconds(value, name)


def _chunk(value: Any, name: str) -> float:
    number = _whole(value)
    if number is not None and number >= 1:
        return number
    if number is None and str(value).strip().lower() in ("inf", "infinity"):
        return math.inf
    raise InputError(f"chunk must be a whole number of frames, at least 1, or inf, not {_shown(value)}")


def _unused(value: Any, name: str) -> str:
    text = str(value).strip()
    kept = re.fullmatch(r"keep(:([1-9]\d*))?", text)
    if text != "drop" and kept is None:
        raise InputError(f"unused must be drop, keep or keep:M with M outputs at most, not {_shown(value)}")
    return text


def _batch_law(value: Any, name: str) -> str:
    parts = value.split(",") if isinstance(value, str) else value
    try:
        alpha, beta = (_seconds(part.strip() if isinstance(part, str) else part, name) for part in parts)
    except (TypeError, ValueError):  # not two of them, or not times (InputError is a ValueError)
        said = _shown(value)
        raise InputError(f'batch law must be two times "alpha, beta" in seconds, both positive, not {said}') from None
    return f"{alpha!r}, {beta!r}"


def _one_of(*allowed: str) -> Callable[[Any, str], str]:
    def read(value: Any, name: str) -> str:
        if value not in allowed:
            raise InputError(f"{_words(name)} must be one of {', '.join(allowed)}, not {_shown(value)}")
        return str(value)

    return read


def _as_given(value: Any, name: str) -> Any:
    return value


class _Default(str):
    """A default that is text, as distinct from the same text given."""

    __slots__ = ()


def _asked(default: Any, takes: Any, read: Callable[[Any, str], Any], unit: str = "1") -> Any:
    """Return a field: its default, what text interfaces take for it, how a value is read, and its unit."""
    return field(default=default, metadata={"takes": takes, "read": read, "unit": unit})


@names_rules
@dataclass(frozen=True, eq=False, repr=False)
class Scenario:
    """Workers under a staggering rule, in a world that does not wait for their inferences.

    Parameters
    ----------
    inference_time
        Law of the inference time in seconds: 0.1, 100ms, constant(0.1), any scipy.stats distribution such as
        "gamma(4, scale=0.02)", @FILE with samples (.csv, .txt, .npy) or @RECORD (the folder of a run). serial(LAW) or
        batch(LAW, growth=G): one server answers all workers, in turn or together.
    frame_time
        Time of a frame: seconds, 20ms, 1/30, gameboy, or atari.
    fps
        Frames per second, in place of the frame time.
    execution_horizon
        Entries of an action chunk after which the policy is asked again, in place of the rule: starts are so many
        frames apart, or as far as an idle worker allows.
    mode_probability
        Probability of the most likely successor of a frame, p; the least of them where they differ.
    symbols
        Evaluate the ring of this many symbols instead of the worst case of all MDPs.
    mode
        Where the most likely successor lies: the state stays as it is, or it moves on.
    loss
        File with a measured curve of loss against action delay, in place of the mode probability.
    gap_default
        Reward per frame that the default behaviour loses.
    gap_delay
        Reward per frame that a wrong action loses.
    default_behaviour
        What acts in frames without an agent action: noop, repeat (the last action again) or random.
    actions
        Number of actions.
    workers
        Number of inference workers, or inf.
    rule
        Staggering rule: {rules}.
    hold
        Frames that a rule that holds its outputs holds them to. By default, and with auto, the hold of least regret
        for these gaps: computed from the law, or learned while playing in a run.
    alignment
        Whether inferences start on frames or anywhere; the rule's default if not given.
    maximum_time
        tau_max of max-time in seconds; the upper end of the law if not given. For a law without an upper end
        it is the 99.9 % quantile, but simulate learns it as the rule does, from the longest time seen so far.
    cores
        Cores that workers, learners and environment share; with more processes than cores everything slows down.
    chunk
        Actions in an output, one per frame of age (an action chunk); a single action if not given.
    unused
        What happens to an output that a fresher one overtakes before it acts: drop, keep, or keep:M (M at most).
    age_limit
        Frames of age from which the default behaviour acts instead of an output, or auto.
    cancel_after
        Seconds after which an inference is cancelled; auto: that with which the rule loses least, learned where
        the law is not known; learned: that of the least lower bound for the times seen so far.
    replicas
        Workers that race on each observation: the first to complete counts, the others are cancelled.
    batch_law
        "alpha, beta": one accelerator serves n inferences together in alpha + beta n seconds, n at most the number of
        workers; in place of the inference time.
    horizon
        Seconds to add the regret up over.

    Raises
    ------
    InputError
        For any value that is not allowed, in one sentence that names it and what is.

    Examples
    --------
    >>> scenario = Scenario("gamma(4, scale=0.02)", mode_probability=0.95, workers=6, rule="free-running")
    >>> scenario.replace(fps=60).frame_time == 1 / 60
    True
    >>> Scenario.from_toml(scenario.to_toml()) == scenario
    True
    >>> Scenario("500ms", workers="many")
    Traceback (most recent call last):
    regretlab.errors.InputError: workers must be a whole number of at least 1 or inf, not 'many'
    """

    inference_time: "Law | None" = _asked(None, float | str | None, _law, "s")  # noqa: RUF009 - a field
    frame_time: float = _asked(_Default("gameboy"), float | str, _frame_time, "s")
    fps: InitVar[Any] = None
    execution_horizon: InitVar[Any] = None
    mode_probability: float | None = _asked(None, float | None, _probability)
    symbols: int | None = _asked(None, int | None, _count(2))
    mode: Literal["stays", "moves"] = _asked("stays", Literal["stays", "moves"], _one_of("stays", "moves"), "")
    loss: Any = _asked(None, str | None, _loss, "")  # noqa: RUF009 - a field
    gap_default: float = _asked(1.0, float, _gap, "reward/frame")
    gap_delay: float = _asked(1.0, float, _gap, "reward/frame")
    default_behaviour: Literal["noop", "repeat", "random"] = _asked(
        "noop", Literal["noop", "repeat", "random"], _one_of("noop", "repeat", "random"), ""
    )
    actions: int | None = _asked(None, int | None, _count(1))
    workers: float = _asked(1, int | float | str, _workers)
    rule: str = _asked(DEFAULT_RULE, str, _rule, "")
    hold: int | str | None = _asked(None, int | str | None, _hold, "frame")
    alignment: Literal["frame", "uniform"] | None = _asked(
        None, Literal["frame", "uniform"] | None, _one_of("frame", "uniform"), ""
    )
    maximum_time: float | None = _asked(None, float | str | None, _seconds, "s")
    cores: float | None = _asked(None, float | None, _cores)
    chunk: float | None = _asked(None, int | str | None, _chunk, "frame")
    unused: str = _asked("drop", str, _unused, "")
    age_limit: int | str | None = _asked(None, int | str | None, _age, "frame")
    cancel_after: float | str | None = _asked(None, float | str | None, _cancel, "s")
    replicas: int = _asked(1, int, _count(1))
    batch_law: str | None = _asked(None, str | None, _batch_law, "s")
    horizon: float | None = _asked(None, float | str | None, _seconds, "s")

    if TYPE_CHECKING:  # text, numbers and objects are taken alike; the annotations above are what a scenario holds

        def __init__(self, inference_time: Any = None, **values: Any) -> None: ...

    def __post_init__(self, fps: Any, execution_horizon: Any) -> None:
        if execution_horizon is not None:
            entries = _whole(execution_horizon)
            if entries is None:
                raise InputError(f"execution horizon must be a whole number of entries, not {execution_horizon!r}")
            name = f"execution-horizon-{entries}"
            if self.rule not in (_FIELDS["rule"].default, name):
                raise InputError(
                    f"an execution horizon is a start rule: leave it ({entries}) or rule '{self.rule}' out"
                )
            object.__setattr__(self, "rule", name)
        if fps is not None:
            if not isinstance(self.frame_time, _Default):
                raise InputError(f"give frame time or fps, not both: they are {self.frame_time} and {fps}")
            object.__setattr__(self, "frame_time", _of_rate(fps))
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None:
                object.__setattr__(self, each.name, each.metadata["read"](value, each.name))
            elif each.default is not None:
                raise InputError(f"{_words(each.name)} must be given, not None")
        if (under := getattr(self.inference_time, "under", None)) is not None and self.workers != math.inf:
            object.__setattr__(self, "inference_time", under(self.workers))
        if self.chunk is not None and self.default_behaviour == "repeat":
            raise InputError("an action chunk already says what acts later: default_behaviour cannot be 'repeat'")

    @property
    def service_model(self) -> ServiceModel:
        """What an output serves: one frame, every frame until a fresher one, or one frame per action of a chunk."""
        if self.chunk is not None:
            return "chunk"
        return "repeat" if self.default_behaviour == "repeat" else "once"

    @property
    def title(self) -> str:
        """The scenario in one line."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers:g} workers"
        if self.batch_law is not None:
            return f"batches of at most {self.workers:g}, {self.batch_law.replace(', ', ' s + ')} s an item"
        if self.inference_time is None:
            return f"{self.rule}, {workers}"
        return f"{self.rule}, {workers}, inference time {with_unit(self.inference_time.text)}"

    @property
    def never_completes(self) -> bool:
        """Whether inferences take so long that in the long run no frame is served: E T is infinite, none is cancelled.

        Examples
        --------
        >>> Scenario("pareto(0.9)").never_completes, Scenario("pareto(0.9)", cancel_after=5).never_completes
        (True, False)
        """
        if self.cancel_after is not None or self.workers == math.inf or not self._without_mean:
            return False
        from .laws.racing import fastest_of

        assert self.inference_time is not None
        return fastest_of(self.inference_time, self.replicas).mean() == math.inf

    @property
    def _without_mean(self) -> bool:
        law = self.inference_time
        return law is not None and law.kind == "scipy" and law.mean() == math.inf

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the fields that differ from their defaults, in order."""
        return tuple(each.name for each in fields(self) if not self.is_default(each.name))

    def is_default(self, name: str) -> bool:
        """Return whether a field has its default."""
        return bool(getattr(self, name) == _default(name))

    def replace(self, **changes: Any) -> "Scenario":
        """Return the scenario with other values in some fields.

        Examples
        --------
        >>> Scenario(0.1).replace(workers=3).workers
        3
        """
        kept = {each.name: getattr(self, each.name) for each in fields(self)}
        if changes.get("fps") is not None:
            del kept["frame_time"]
        if changes.get("execution_horizon") is not None:
            del kept["rule"]
        for name in changes:
            _check_name(name)
        return Scenario(**(kept | changes))

    def check(self, entry: str, *, needs: Collection[str] = (), uses: Collection[str]) -> None:
        """Refuse what an entry point cannot answer for.

        Parameters
        ----------
        entry
            What is asked, as the message names it.
        needs
            Fields that must be given.
        uses
            Fields that the entry point takes into account; any other may only have its default.

        Raises
        ------
        InputError
            Naming the first field that is missing, or that would have no effect.

        Examples
        --------
        >>> Scenario(0.1, unused="keep").check("bound", uses=["inference_time"])
        Traceback (most recent call last):
        regretlab.errors.InputError: bound does not take unused 'keep' into account: leave it out
        """
        for name in needs:
            if getattr(self, name) is None:
                raise InputError(f"{entry} needs {_words(name)}, and none is given")
        if entry not in _ANY_MEAN and self._without_mean and (entry != "simulate" or self.never_completes):
            other = ", or a time after which inferences are cancelled" if entry == "simulate" else ""
            raise InputError(f"law '{self._plain('inference_time')}' has mean inf: {entry} needs a finite mean{other}")
        for name in self.changed:
            if name not in uses and name not in needs:
                said = _shown(self._plain(name))
                raise InputError(f"{entry} does not take {_words(name)} {said} into account: leave it out")

    def ignored(self, names: Collection[str]) -> tuple[str, ...]:
        """Return those of the fields that say something here, though a function does not use them."""
        return tuple(name for name in names if name == "rule" or name in self.changed)

    def to_json(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults as plain values; ``from_json`` reads them back.

        Raises
        ------
        InputError
            For an inference time or a loss that no text describes (samples in memory).
        """
        return {name: self._plain(name) for name in self.changed}

    @classmethod
    def from_json(cls, source: str | Path | Mapping[str, Any]) -> "Scenario":
        """Return the scenario that a mapping, a JSON text or a JSON file describes.

        Raises
        ------
        InputError
            For text that is not JSON, an unknown name or a value that is not allowed.
        """
        if isinstance(source, Mapping):
            return cls._of(source)
        text = _text_of(source, "{")
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InputError(f"the scenario is not JSON: {error}") from None
        return cls._of(values)

    def to_toml(self) -> str:
        """Return the fields that differ from their defaults as TOML; ``from_toml`` reads them back."""
        return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in self.to_json().items())

    @classmethod
    def from_toml(cls, source: str | Path) -> "Scenario":
        """Return the scenario that a TOML text or file describes.

        Raises
        ------
        InputError
            For text that is not TOML, an unknown name or a value that is not allowed.
        """
        text = _text_of(source, "=")
        try:
            return cls._of(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"the scenario is not TOML: {error}") from None

    @classmethod
    def _of(cls, values: Any) -> "Scenario":
        if not isinstance(values, Mapping):
            raise InputError(f"a scenario must be a table of names and values, not {values!r}")
        for name in values:
            _check_name(name)
        return cls(**values)

    def _plain(self, name: str) -> Any:
        """Return the value of a field as text, number or None."""
        value = getattr(self, name)
        if name == "inference_time" and value is not None:
            return _law_text(value)
        if name == "frame_time":
            from .laws import FRAME_TIMES

            return next((known for known, seconds in FRAME_TIMES.items() if seconds == value), value)
        if isinstance(value, float) and math.isinf(value):
            return "inf"
        if name == "loss" and getattr(value, "source", None) is not None:
            return value.source
        if value is not None and not isinstance(value, str | int | float):
            raise InputError(f"{_words(name)} {value!r} cannot be written as text: save it to a file and give its name")
        return value

    def _key(self) -> tuple[Any, ...]:
        law = self.inference_time
        written = law if law is None or not _is_text(law) else law.text
        return (written, *(getattr(self, each.name) for each in fields(self) if each.name != "inference_time"))

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Scenario) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        law = self.inference_time
        said = [] if law is None else [repr(law.text)]
        names = [name for name in self.changed if name != "inference_time"]
        said += [f"{name}={getattr(self, name)!r}" for name in names if name != "frame_time"]
        if "frame_time" in names:
            said.insert(len(said) and 1, f"frame_time={self._plain('frame_time')!r}")
        return f"Scenario({', '.join(said)})"


_FIELDS = {each.name: each for each in fields(Scenario)}


_ANY_MEAN = ("bound", "lower_bound", "plan")
"""Entry points that answer for inference times without a mean."""


@functools.cache
def _default(name: str) -> Any:
    """Return what a field holds if it is not given."""
    default = _FIELDS[name].default
    return None if default is None else _FIELDS[name].metadata["read"](default, name)


def _with_known_names(make: Callable[..., None]) -> Callable[..., None]:
    """Let the constructor name a field that does not exist, as ``replace`` does."""

    @functools.wraps(make)
    def checked(self: Scenario, inference_time: Any = None, **values: Any) -> None:
        for name in values:
            _check_name(name)
        make(self, inference_time, **values)

    return checked


Scenario.__init__ = _with_known_names(Scenario.__init__)  # type: ignore[method-assign]

Scenario.fps = property(lambda self: 1.0 / self.frame_time)  # type: ignore[attr-defined]
Scenario.execution_horizon = property(  # type: ignore[attr-defined]
    lambda self: int(self.rule[18:]) if self.rule.startswith("execution-horizon-") else None
)


def as_scenario(value: Any, entry: str) -> Scenario:
    """Return the scenario that an entry point was given; raise ``InputError`` for anything else."""
    if isinstance(value, Scenario):
        return value
    raise InputError(f"{entry} takes a Scenario, such as Scenario(0.1, mode_probability=0.95), not {_shown(value)}")


def _check_name(name: str) -> None:
    if name not in _FIELDS and name not in ("fps", "execution_horizon"):
        import difflib

        near = difflib.get_close_matches(name, _FIELDS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else f": it has {', '.join(_FIELDS)}"
        raise InputError(f"a scenario has no '{name}'{hint}")


def _of_rate(fps: Any) -> float:
    from .laws import parse_seconds

    return 1.0 / parse_seconds(fps, "fps", unit="frames per second")


def _text_of(source: str | Path, sign: str) -> str:
    """Return a text, or what the file of that name holds; ``sign`` is in every text and in no name of a file."""
    if isinstance(source, str) and (sign in source or not source.strip()):
        return source
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{source}: cannot be read: {reason}") from None


def _is_text(law: "Law") -> bool:
    """Return whether a law's text describes it."""
    from .laws import parse_law

    if law.text.startswith("@"):
        return True
    try:
        return parse_law(law.text, any_mean=True).kind == law.kind
    except InputError:
        return False


def _law_text(law: "Law") -> str:
    if not _is_text(law):
        raise InputError(f"inference time {law.text} cannot be written as text: save samples to .npy and give @FILE")
    return law.text
