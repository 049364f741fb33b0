"""Weights in files: safetensors only, written whole or not at all.

Two kinds of file: all tensors of a network under the module's own names, or a *readout*, which holds the output layer
alone and, in its metadata, the seed of the random weights below it (`regretlab.policies.readout`).
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from regretlab.errors import InputError
from regretlab.files import replacing
from regretlab.inputs import check_regular
from regretlab.policies.networks import FrameNetwork, build_network
from regretlab.policies.parameters import named_views, parameter_count, random_parameters
from regretlab.policies.spec import PolicySpec

__all__ = ["METADATA_KEY", "READOUT_TENSORS", "load_parameters", "read_metadata", "save_parameters", "write_tensors"]

METADATA_KEY = "regretlab"
"""The one metadata entry of our files: JSON text."""

READOUT_TENSORS = ("output.weight", "output.bias")
"""The tensors of a readout file."""


def load_parameters(spec: PolicySpec, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Return the weights of `spec`: from its file, or random ones from its seed where it names none.

    Parameters
    ----------
    spec
        A policy with a network.
    out
        Where to write them, shape (`parameter_count`,), float32, for example a view of shared memory; a new array if
        ``None``.

    Returns
    -------
    ndarray
        `out`, or the new array.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold exactly this network's tensors.

    Examples
    --------
    >>> load_parameters(PolicySpec("impala-k1/16", actions=6)).shape
    (54178,)
    """
    flat = np.empty(parameter_count(spec), np.float32) if out is None else out
    if spec.weights is None:
        return random_parameters(spec, flat)
    network = build_network(spec)
    views = named_views(network, flat, channels_last=spec.channels_last)
    check_regular(spec.weights, "weights")
    try:
        with safe_open(spec.weights, framework="numpy") as file:
            metadata = _metadata(file.metadata())
            wanted = dict(views)
            if metadata.get("kind") == "readout":
                _check_readout(spec, metadata)
                random_parameters(_seeded(spec, metadata), flat)
                wanted = {name: views[name] for name in READOUT_TENSORS}
            _check_tensors(spec, {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}, wanted)  # noqa: SIM118 - not a dict
            for name, view in wanted.items():
                tensor = file.get_tensor(name)
                if tensor.dtype != np.float32:
                    raise InputError(f"tensor {name!r} in {spec.weights!r} must be float32, not {tensor.dtype}")
                if not np.isfinite(tensor).all():
                    raise InputError(f"tensor {name!r} in {spec.weights!r} holds values that are not finite numbers")
                view[...] = tensor
    except (OSError, SafetensorError) as error:
        raise InputError(f"weights {spec.weights!r} cannot be read as a safetensors file ({error})") from error
    return flat


def _metadata(entries: Mapping[str, str] | None) -> dict[str, Any]:
    try:
        found = json.loads((entries or {}).get(METADATA_KEY, "{}"))
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _seeded(spec: PolicySpec, metadata: Mapping[str, Any]) -> PolicySpec:
    return PolicySpec(
        spec.name, spec.actions, spec.frame_shape, seed=int(metadata["seed"]), channels_last=spec.channels_last
    )


def _check_readout(spec: PolicySpec, metadata: Mapping[str, Any]) -> None:
    shape = metadata.get("frame_shape")
    made_for = metadata.get("network"), metadata.get("actions"), tuple(shape) if isinstance(shape, list) else shape
    seeded = isinstance(metadata.get("seed"), int) and metadata["seed"] >= 0
    if made_for != (spec.name, spec.actions, spec.frame_shape) or not seeded:
        raise InputError(
            f"the readout {spec.weights!r} is for {made_for[0]!r} with {made_for[1]} actions and frames "
            f"{made_for[2]}, not for {spec.name!r} with {spec.actions} actions and frames {spec.frame_shape}"
        )


def _check_tensors(
    spec: PolicySpec, found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, NDArray[np.float32]]
) -> None:
    expected = {name: view.shape for name, view in wanted.items()}
    if found == expected:
        return
    output = READOUT_TENSORS[1]
    others = {name: shape for name, shape in expected.items() if name not in READOUT_TENSORS}
    if others.items() <= found.items() and output in found and found[output] != expected[output]:
        raise InputError(
            f"weights {spec.weights!r} are for {found[output][0]} actions but the environment has {spec.actions}"
        )
    for name, shape in expected.items():
        if name not in found:
            raise InputError(f"weights {spec.weights!r} are not those of {spec.name!r}: tensor {name!r} is missing")
        if found[name] != shape:
            raise InputError(
                f"weights {spec.weights!r} are not those of {spec.name!r}: tensor {name!r} has shape {found[name]} "
                f"instead of {shape}"
            )
    extra = sorted(found.keys() - expected.keys())[0]
    raise InputError(f"weights {spec.weights!r} are not those of {spec.name!r}: it has no tensor {extra!r}")


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a weights file written by this package says of itself ({} if it says nothing).

    Raises
    ------
    InputError
        If the file cannot be read as safetensors.
    """
    check_regular(os.fspath(path), "weights")
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            return _metadata(file.metadata())
    except (OSError, SafetensorError) as error:
        raise InputError(f"{os.fspath(path)!r} cannot be read as a safetensors file ({error})") from error


def save_parameters(
    path: str | os.PathLike[str],
    module: FrameNetwork,
    parameters: NDArray[np.float32],
    *,
    channels_last: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write all weights of a network to a safetensors file.

    Parameters
    ----------
    path
        File to write; its folder is made. A reader sees the old file or the new one, never a part.
    module
        The network (names and shapes; it may be on the meta device).
    parameters
        Its flat weights, shape (count,).
    channels_last
        Order of `parameters`; files always hold the logical order.
    metadata
        JSON-able facts to keep with the weights.

    Returns
    -------
    Path
        The file.
    """
    views = named_views(module, parameters, channels_last=channels_last)
    return write_tensors(path, views, {"kind": "network", **(metadata or {})})


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> Path:
    """Write named tensors and JSON metadata to a safetensors file, whole or not at all."""
    target = Path(path)
    if target.suffix != ".safetensors":
        raise InputError(f"weights are written to a .safetensors file, not to {target.name!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with replacing(target) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # the permissions of every other file; save_file makes its own private
        save_file(contiguous, temporary, metadata={METADATA_KEY: json.dumps(dict(metadata), sort_keys=True)})
        temporary.chmod(mode)
    return target
