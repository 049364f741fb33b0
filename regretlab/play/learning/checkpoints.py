"""Checkpoints: what is learned, in one safetensors file that is replaced whole or not at all.

The tensors of network, target network and Adam's two moments lie under ``weights/``, ``target/``, ``first_moment/`` and
``second_moment/`` and the network's own names, in logical order; the counters and what the network is are the file's
metadata. The replay store is not in it: a resumed run fills a new one.
"""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ...errors import InputError, RunError
from ...policies.networks import build_network
from ...policies.parameters import named_views, parameter_count, random_parameters
from ...policies.spec import PolicySpec
from ...policies.weights import read_metadata, write_tensors
from .state import StateCopy

__all__ = ["CHECKPOINT", "first_state", "load_checkpoint", "save_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"
"""Name of the file in a record's folder."""
_ARRAYS = ("weights", "target", "first_moment", "second_moment")
_COUNTERS = ("updates", "targets", "frames")


def save_checkpoint(folder: str | Path, spec: PolicySpec, state: StateCopy) -> Path:
    """Write what was learned into a folder, in place of an earlier checkpoint.

    Raises
    ------
    RunError
        If the disk does not take it; an earlier checkpoint is then still there.
    """
    network = build_network(spec)
    tensors = {
        f"{kind}/{name}": view
        for kind in _ARRAYS
        for name, view in named_views(network, getattr(state, kind), channels_last=spec.channels_last).items()
    }
    metadata = {"kind": "checkpoint", **_identity(spec), **{name: getattr(state, name) for name in _COUNTERS}}
    path = Path(folder) / CHECKPOINT
    try:
        return write_tensors(path, tensors, metadata)
    except (OSError, SafetensorError) as error:
        raise RunError(f"the checkpoint '{path}' cannot be written: {' '.join(str(error).split())}") from error


def load_checkpoint(folder: str | Path, spec: PolicySpec) -> StateCopy:
    """Read what was learned.

    Parameters
    ----------
    folder
        Folder of a record with a checkpoint.
    spec
        The policy that is to go on with it.

    Raises
    ------
    InputError
        If there is none, or it is of another network, other actions or other frames.
    """
    path = Path(folder) / CHECKPOINT
    if not path.is_file():
        raise InputError(f"'{folder}' holds no {CHECKPOINT}: give the folder of a run that learned")
    metadata = read_metadata(path)
    if metadata.get("kind") != "checkpoint":
        raise InputError(f"'{path}' is not a checkpoint of a run")
    expected = _identity(spec)
    found = {name: metadata.get(name) for name in expected}
    if found != expected:
        raise InputError(
            f"'{path}' is of network {found['network']!r} with {found['actions']} actions and frames "
            f"{found['frame_shape']}, not of {spec.name!r} with {spec.actions} and {list(spec.frame_shape)}"
        )
    network = build_network(spec)
    arrays: dict[str, NDArray[np.float32]] = {}
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            for kind in _ARRAYS:
                arrays[kind] = np.empty(parameter_count(spec), np.float32)
                for name, view in named_views(network, arrays[kind], channels_last=spec.channels_last).items():
                    tensor = file.get_tensor(f"{kind}/{name}")
                    if tensor.shape != view.shape or tensor.dtype != np.float32:
                        raise InputError(f"'{path}' does not fit {spec.name!r}: tensor '{kind}/{name}' differs")
                    view[...] = tensor
            updates, targets, frames = (int(metadata[name]) for name in _COUNTERS)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"'{path}' cannot be read as a checkpoint ({' '.join(str(error).split())})") from error
    return StateCopy(**arrays, updates=updates, targets=targets, frames=frames)


def first_state(spec: PolicySpec, resume: str | Path | None) -> StateCopy:
    """Return what a run starts from: a checkpoint, or random weights from the policy's seed."""
    if resume is not None:
        return load_checkpoint(resume, spec)
    weights = random_parameters(spec)
    return StateCopy(weights, weights.copy(), np.zeros_like(weights), np.zeros_like(weights))


def _identity(spec: PolicySpec) -> dict[str, Any]:
    fields = asdict(spec)
    return {"network": fields["name"], "actions": fields["actions"], "frame_shape": list(fields["frame_shape"])}
