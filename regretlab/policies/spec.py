"""What a policy is, in plain data: names, sizes and files, without PyTorch.

A specification is checked when it is made, pickles in a few bytes (worker processes receive it) and imports nothing
heavy, so that a command line refuses a wrong name before it loads a network.

Names: ``nature``, ``impala-kN``, ``impala2x-kN`` (networks for 84x84 frames), ``mlp`` (a network for any array of
numbers), ``random``, ``noop``, ``oracle`` (floors and ceiling), and a person's own: ``module:FILE.py:NAME`` (Python
code, `regretlab.policies.user_code`; ``object:N`` for a callable of this process), ``sb3:FILE.zip``
(`regretlab.policies.baselines3`) and ``ws://HOST:PORT`` or ``http://HOST:PORT`` (a
policy server, `regretlab.policies.serving`).
The width N is a whole number or a fraction in sixteenths: the 1x and 2x-deep networks of 55 and 70 thousand parameters
in Riemer, Subbaraj, Berseth & Rish (2024) are ``impala-k1/16`` and ``impala2x-k1/16``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from regretlab.actions import ActionRow
from regretlab.errors import InputError

__all__ = [
    "KINDS",
    "POLICY_NAMES",
    "SERVED",
    "NetworkName",
    "PolicyKind",
    "PolicySpec",
    "ServedPolicySpec",
    "check_policy_fits",
    "parse_network_name",
]


@dataclass(frozen=True)
class PolicyKind:
    """A kind of policy that is not one of the networks here.

    Attributes
    ----------
    form
        How it is named: a word, or a prefix and what follows it ("sb3:FILE.zip").
    place
        The module and the function or class that makes it from its specification, "module:name".
    observes_symbol
        Whether it observes the environment's true symbol in place of the frame.
    """

    form: str
    place: str
    observes_symbol: bool = False

    @property
    def prefix(self) -> str:
        """What its names start with, up to the colon; empty for a word."""
        return self.form.partition(":")[0] + ":" if ":" in self.form else ""

    def is_named(self, name: str) -> bool:
        """Whether ``name`` names a policy of this kind."""
        return name.startswith(self.prefix) if self.prefix else name == self.form


SERVED = ("ws://", "wss://", "http://", "https://")
"""What the names of policies on a server start with."""
KINDS = (
    PolicyKind("random", "regretlab.policies.policy:RandomPolicy"),
    PolicyKind("noop", "regretlab.policies.policy:NoopPolicy"),
    PolicyKind("oracle", "regretlab.policies.policy:OraclePolicy", observes_symbol=True),
    PolicyKind("ws://HOST:PORT", "regretlab.policies.serving.client:ServedPolicy"),
    PolicyKind("wss://HOST:PORT", "regretlab.policies.serving.client:ServedPolicy"),
    PolicyKind("http://HOST:PORT", "regretlab.policies.serving.client:ServedPolicy"),
    PolicyKind("https://HOST", "regretlab.policies.serving.client:ServedPolicy"),
    PolicyKind("object:N", "regretlab.policies.user_code:policy_of_object"),
    PolicyKind("distilled:FILE.safetensors", "regretlab.policies.distilled.policy:DistilledPolicy"),
    PolicyKind("sb3:FILE.zip", "regretlab.policies.baselines3:BaselinesPolicy"),
    PolicyKind("module:FILE.py:NAME", "regretlab.policies.user_code:user_policy"),
)
"""All kinds besides networks. A new one is a file with its class and a line here."""

POLICY_NAMES: tuple[str, ...] = (
    "nature",
    "impala-k1/16",
    "impala-k1",
    "impala-k7",
    "impala-k29",
    "impala-k98",
    "impala2x-k1/16",
    "impala2x-k1",
    "impala2x-k7",
    "impala2x-k29",
    "impala2x-k98",
    "mlp",
    *(kind.form for kind in KINDS if not kind.prefix),
)
"""The names of the paper's models and of the floors; ``impala-kN`` and ``impala2x-kN`` take any other width too."""

_OFFERED = [kind.form for kind in KINDS[:-1] if kind.prefix != "object:"]
_FORMS = ", ".join(["nature", "impala-kN", "impala2x-kN (N a width)", "mlp", *_OFFERED])
_FORMS += f" or {KINDS[-1].form}"
_IMPALA = re.compile(r"impala(2x)?-k([0-9]+)(?:/([0-9]+))?")
_LARGEST_WIDTH = 512
_FILES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".zip", ".safetensors", ".npz", ".h5", ".onnx", ".py"})


@dataclass(frozen=True)
class NetworkName:
    """A network's family and size, read from its name.

    Attributes
    ----------
    family
        "nature", "impala" or "mlp".
    width
        Multiplier k of the filters (16k in the first stage, 32k after it); 1 for ``nature``.
    depth
        1, or 2 for the six-stage variant.
    """

    family: Literal["nature", "impala", "mlp"]
    width: Fraction = Fraction(1)
    depth: int = 1


def parse_network_name(name: str) -> NetworkName | None:
    """Read a policy's name; ``None`` for the policies that need no network.

    Parameters
    ----------
    name
        A policy name as in `POLICY_NAMES`, or ``impala-kN`` / ``impala2x-kN`` with N up to 512 in whole sixteenths, or
        the name of a person's own (``module:...``, ``sb3:...``), whose weights this package does not lay out: ``None``.

    Raises
    ------
    InputError
        If no policy has that name or the width is not usable.

    Examples
    --------
    >>> parse_network_name("impala2x-k7")
    NetworkName(family='impala', width=Fraction(7, 1), depth=2)
    >>> parse_network_name("noop") is None
    True
    """
    if any(kind.is_named(name) for kind in KINDS):
        scheme = name.partition(":")[0]
        if f"{scheme}://" in SERVED and not _is_address(name):
            port = "[:PORT]" if scheme.startswith("http") else ":PORT"
            raise InputError(f"policy {name!r} is not of the form {scheme}://HOST{port} or {scheme}://HOST{port}/PATH")
        return None
    if name == "nature":
        return NetworkName("nature")
    if name == "mlp":
        return NetworkName("mlp")
    if Path(name).suffix in _FILES:
        raise InputError(
            f"policy {name!r} is a file, and a bare file of weights does not say what network they are of: give "
            "sb3:FILE.zip, module:FILE.py:NAME, or a network's name with weights FILE.safetensors"
        )
    match = _IMPALA.fullmatch(name)
    if match is None:
        raise InputError(f"no policy is named {name!r}: give {_FORMS}")
    denominator = int(match[3] or 1)
    width = Fraction(int(match[2]), denominator) if denominator else Fraction(0)
    if not 0 < width <= _LARGEST_WIDTH or (16 * width).denominator != 1:
        raise InputError(
            f"the width of {name!r} must be a whole number or whole sixteenths, from 1/16 to {_LARGEST_WIDTH}"
        )
    return NetworkName("impala", width, 2 if match[1] else 1)


def _is_address(name: str) -> bool:
    try:
        parts = urlsplit(name)
        asked = parts.scheme.startswith("http")
        whole = bool(parts.hostname and (parts.port or asked) and name.startswith(SERVED))
        return whole and not (parts.username or parts.fragment or (parts.query and not asked))
    except ValueError:  # a port that is not a number
        return False


@dataclass(frozen=True)
class ServedPolicySpec:
    """How a policy server is asked.

    Attributes
    ----------
    observation_key
        Key of the observation in a request.
    horizon
        Actions of an answer: entry i is meant for i frames after the observation.
    observes_symbol
        Whether it is asked for a symbol in place of a frame.
    cancel_after
        Seconds after which an answer is no longer waited for; None: it always is.
    form
        How a server is asked by HTTP, as JSON (``serving.http.RequestForm``); None: {observation_key: observation}.
    """

    observation_key: str = "observation"
    horizon: int = 1
    observes_symbol: bool = False
    cancel_after: float | None = None
    form: str | None = None


@dataclass(frozen=True)
class PolicySpec:
    """Everything a process needs to build a policy.

    Attributes
    ----------
    name
        Policy name (`parse_network_name`).
    actions
        Number of actions; action 0 is the no-op. Where an action is a row of numbers: how many they are.
    frame_shape
        (height, width) in pixels of the grayscale frame; for ``mlp`` and a person's own policies any shape.
    weights
        Path of a ``.safetensors`` file (all weights, or a fitted readout); ``None`` for random weights from `seed`.
    seed
        Seed of the random weights, or of the ``random`` policy's actions.
    channels_last
        Keep convolution weights and activations in channels-last order (faster on most CPUs, same function).
    frame_dtype
        NumPy name of the frame's element type.
    device
        Where a network runs: "cpu", or "cuda" (a GPU, whose memory then holds a copy of the weights).
    served
        How a policy server is asked; ``None`` for other policies, and before the server was asked.
    action_row
        What the numbers of an action may be; ``None`` where it is one of ``actions``.
    chunk
        Actions of an answer of a person's own policy: entry i is for i frames after the observation.

    Raises
    ------
    InputError
        If a field is out of range, or `weights` is not a ``.safetensors`` file's name.

    Examples
    --------
    >>> PolicySpec("impala-k1", actions=6).has_network
    True
    >>> PolicySpec("impala-k1", actions=6, weights="net.pkl")
    Traceback (most recent call last):
    regretlab.errors.InputError: weights 'net.pkl' are refused: only .safetensors files are read, since others can \
run code when opened
    """

    name: str
    actions: int
    frame_shape: tuple[int, ...] = (84, 84)
    weights: str | None = None
    seed: int = 0
    channels_last: bool = False
    frame_dtype: str = "uint8"
    device: str = "cpu"
    served: ServedPolicySpec | None = None
    action_row: ActionRow | None = None
    chunk: int = 1

    @property
    def observes_symbol(self) -> bool:
        """Whether the policy observes the environment's true symbol in place of the frame (``oracle``)."""
        if self.served is not None:
            return self.served.observes_symbol
        return self.kind is not None and self.kind.observes_symbol

    @property
    def horizon(self) -> int:
        """Actions of an answer."""
        return self.chunk if self.served is None else self.served.horizon

    @property
    def is_served(self) -> bool:
        """Whether a policy server answers."""
        return self.name.startswith(SERVED)

    @property
    def kind(self) -> PolicyKind | None:
        """The kind of policy; ``None`` for a network."""
        return next((kind for kind in KINDS if kind.is_named(self.name)), None)

    def __post_init__(self) -> None:
        network = parse_network_name(self.name)
        if self.actions < 1:
            raise InputError(f"actions must be at least 1, not {self.actions}")
        if (
            network is not None
            and network.family != "mlp"
            and (len(self.frame_shape) != 2 or min(self.frame_shape) < 1)
        ):
            raise InputError(f"a frame shape is (height, width) in pixels, not {self.frame_shape}")
        if self.seed < 0:
            raise InputError(f"a seed must be 0 or more, not {self.seed}")
        if self.device not in ("cpu", "cuda"):
            raise InputError(f"device '{self.device}' is neither cpu nor cuda")
        if self.device != "cpu" and network is None:
            raise InputError(f"policy {self.name!r} has no network to run on device '{self.device}'")
        if self.action_row is not None and (network is not None or self.observes_symbol):
            raise InputError(
                f"policy {self.name!r} chooses one of several actions, and here an action is {self.action_row}: give "
                "sb3:FILE.zip, module:FILE.py:NAME, a policy server, random or noop"
            )
        if self.weights is None:
            return
        if network is None:
            raise InputError(f"policy {self.name!r} has no network and takes no weights: {self.weights!r} was given")
        if Path(self.weights).suffix != ".safetensors":
            raise InputError(
                f"weights {self.weights!r} are refused: only .safetensors files are read, since others can run code "
                "when opened"
            )

    @property
    def network(self) -> NetworkName | None:
        """Family and size of the network; ``None`` for ``random``, ``noop`` and ``oracle``."""
        return parse_network_name(self.name)

    @property
    def has_network(self) -> bool:
        """Whether this policy runs a network of ours, whose weights processes share."""
        return self.network is not None

    @property
    def is_own(self) -> bool:
        """Whether a person brought this policy: Python code, a Stable-Baselines3 file or a server."""
        return self.kind is not None and self.kind.prefix != ""

    @property
    def file(self) -> Path | None:
        """The file that a person's own policy is read from; ``None`` for the others."""
        if not self.is_own or self.is_served or self.name.startswith("object:"):
            return None
        rest = self.name.split(":", 1)[1]
        if self.name.startswith("distilled:"):
            from regretlab.policies.distilled.files import shipped

            return shipped(rest)
        return Path(rest.rpartition(":")[0] if self.name.startswith("module:") else rest)


def check_policy_fits(spec: PolicySpec, actions: int, symbols: Sequence[int] | None = None) -> None:
    """Refuse a policy whose actions are not the environment's.

    Parameters
    ----------
    spec
        The policy.
    actions
        Number of actions of the environment.
    symbols
        The environment's symbols where it has any: ``oracle`` plays action 1 + symbol, so it needs one action more.

    Raises
    ------
    InputError
        If the counts differ, or ``oracle`` has no action for a symbol.

    Examples
    --------
    >>> check_policy_fits(PolicySpec("impala-k1", actions=6), 5)
    Traceback (most recent call last):
    regretlab.errors.InputError: policy 'impala-k1' has 6 actions but the environment has 5
    """
    if spec.actions != actions:
        raise InputError(f"policy {spec.name!r} has {spec.actions} actions but the environment has {actions}")
    if spec.observes_symbol and symbols is not None and max(symbols, default=-1) + 2 > actions:
        raise InputError(
            f"policy {spec.name!r} needs {max(symbols) + 2} actions for symbols up to {max(symbols)} but the "
            f"environment has {actions}"
        )
