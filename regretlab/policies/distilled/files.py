"""Files of distilled networks: safetensors whose metadata say what network they are of and what it was made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...errors import InputError
from ..networks import build_network
from ..spec import PolicySpec
from ..weights import read_metadata, write_tensors
from .landing import FRAME_SHAPE, LandingNetwork

__all__ = ["LABELS", "Distilled", "built", "load_distilled", "save_distilled", "shipped"]

LABELS = ("actions", "landings")


@dataclass(frozen=True)
class Distilled:
    """What a file says of its network.

    Attributes
    ----------
    environment
        Whose script was distilled.
    labels
        "actions" or "landings".
    network
        Name of the network ("landing" for landings).
    actions, ages
        Of the environment, and those that an answer holds.
    frame_shape
        Of an observation.
    frame_dtype
        NumPy name of its numbers.
    """

    environment: str
    labels: str
    network: str
    actions: int
    ages: int
    frame_shape: tuple[int, ...]
    frame_dtype: str = "uint8"


def shipped(name: str) -> Path:
    """Return a file's path; a bare name such as ``stacker`` is one of the included files."""
    path = Path(name)
    if path.suffix:
        return path
    found = Path(__file__).parent / f"{name}.safetensors"
    if not found.is_file():
        known = ", ".join(sorted(each.stem for each in found.parent.glob("*.safetensors")))
        raise InputError(f"no distilled network is named '{name}': give one of {known} or FILE.safetensors")
    return found


def built(what: Distilled) -> torch.nn.Module:
    """Return the network without weights that count."""
    if what.labels == "landings":
        return LandingNetwork()
    spec = PolicySpec(what.network, what.actions * what.ages, what.frame_shape, frame_dtype=what.frame_dtype)
    return build_network(spec).to_empty(device="cpu")


def save_distilled(path: str | Path, network: torch.nn.Module, what: Distilled, facts: dict[str, Any]) -> Path:
    """Write a network; ``facts`` go into the metadata too."""
    tensors = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    return write_tensors(path, tensors, {"kind": "distilled", **vars(what), **facts})


def load_distilled(path: str | Path) -> tuple[torch.nn.Module, Distilled]:
    """Read a network.

    Raises
    ------
    InputError
        If the file is not a distilled network, or its tensors are not those of the network that it names.
    """
    what = _described(path)
    network = built(what)
    try:
        tensors = load_file(path)
        network.load_state_dict(tensors, strict=True)
    except (OSError, SafetensorError, RuntimeError):
        raise InputError(f"'{path}' does not hold the tensors of the network '{what.network}' that it names") from None
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise InputError(f"'{path}' holds values that are not finite numbers")
    if what.labels == "landings" and what.frame_shape != FRAME_SHAPE:
        raise InputError(f"'{path}' is for frames of {what.frame_shape}, not {FRAME_SHAPE}")
    return network.requires_grad_(False).eval(), what


def _described(path: str | Path) -> Distilled:
    """Return what a file says of its network."""
    if Path(path).suffix != ".safetensors":
        raise InputError(f"weights '{path}' are refused: only .safetensors files are read")
    found = read_metadata(path)
    try:
        fields = {name: found[name] for name in Distilled.__dataclass_fields__}
        fields["frame_shape"] = tuple(int(side) for side in fields["frame_shape"])
        what = Distilled(**fields)
        small = 1 <= what.ages <= 10_000 and 1 <= what.actions <= 10_000
        if found["kind"] != "distilled" or what.labels not in LABELS or not small:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise InputError(f"'{path}' is not a distilled network: regretlab distil writes such files") from None
    return what
