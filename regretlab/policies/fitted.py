"""Fitted readouts on disk: fitted once for an environment and a network, found again, refitted when anything changed.

A readout is kept as safetensors under the package's cache directory. Its name is a digest of everything it depends
on: the environment (its name, settings and ROM, as the caller states them), the network, the seeds, the fit's
settings, the versions of PyTorch and NumPy and the source of the modules that fit it. The same facts stand in the
file's metadata.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from regretlab.compilation import cache_directory
from regretlab.errors import InputError, RunError
from regretlab.policies.policy import build_policy
from regretlab.policies.readout import FitEnvironment, collect_frames, fit_readout, policy_accuracy, readout_parameters
from regretlab.policies.spec import PolicySpec
from regretlab.policies.weights import READOUT_TENSORS, read_metadata, write_tensors

__all__ = ["FittedReadout", "fitted_readout"]

_SOURCES = ("networks.py", "parameters.py", "readout.py")


@dataclass(frozen=True)
class FittedReadout:
    """A readout file and how well it names the symbols of frames it was not fitted on.

    Attributes
    ----------
    spec
        The policy, its ``weights`` naming the file.
    accuracy
        Fraction of held-out frames (other episodes) in which the policy names the symbol.
    held_out_frames
        Number of held-out frames.
    fitted_frames
        Number of frames fitted on.
    fitted_now
        Whether it was fitted by this call rather than found.
    seconds
        How long this call took.
    notes
        Sentences for the user, such as a file that had to be replaced.
    """

    spec: PolicySpec
    accuracy: float
    held_out_frames: int
    fitted_frames: int
    fitted_now: bool
    seconds: float
    notes: tuple[str, ...] = ()


def fitted_readout(
    spec: PolicySpec,
    environment: Callable[[], FitEnvironment],
    facts: Mapping[str, Any],
    *,
    frames: int = 2000,
    ridge: float = 1e-6,
    fit_seed: int = 0,
    required_accuracy: float = 0.999,
    directory: Path | None = None,
) -> FittedReadout:
    """Return a readout of the environment's symbols for a network, fitting it if it is not at hand.

    Parameters
    ----------
    spec
        A policy with a network and ``actions`` = 1 + the number of symbols; ``spec.weights`` must be ``None``.
    environment
        Makes the environment to fit on: one that shows all symbols.
    facts
        JSON-able description of that environment (its name, settings, ROM digest): a change in it means a new fit.
    frames
        Frames to fit on, and again as many to hold out.
    ridge
        Relative penalty of `regretlab.policies.readout.fit_readout`.
    fit_seed
        Seed of the first fitting episode; held-out episodes are seeded a million later.
    required_accuracy
        Least held-out accuracy to accept.
    directory
        Where readouts are kept; the package's cache by default.

    Returns
    -------
    FittedReadout
        The file, inside a specification to build policies from, with its held-out accuracy.

    Raises
    ------
    InputError
        If the policy has no network, names weights already, or the environment does not show all symbols.
    RunError
        If the fitted readout is less accurate than required; nothing is kept then.
    """
    started = time.perf_counter()
    if not spec.has_network or spec.weights is not None:
        raise InputError(f"a readout is fitted for a network without weights of its own, not for {spec}")
    settings = _settings(spec, facts, frames=frames, ridge=ridge, fit_seed=fit_seed)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:20]
    folder = cache_directory() / "policies" if directory is None else directory
    path = folder / f"{spec.name.replace('/', '_')}-{digest}.safetensors"
    fitted = replace(spec, weights=str(path))
    found, notes = _find(path, settings)
    if found is None or found["accuracy"] < required_accuracy:
        found = _fit(fitted, spec, environment, settings, required_accuracy)
        now = True
    else:
        now = False
    return FittedReadout(
        spec=fitted,
        accuracy=float(found["accuracy"]),
        held_out_frames=int(found["held_out_frames"]),
        fitted_frames=int(found["fitted_frames"]),
        fitted_now=now,
        seconds=time.perf_counter() - started,
        notes=notes,
    )


def _settings(spec: PolicySpec, facts: Mapping[str, Any], **fit: Any) -> dict[str, Any]:
    sources = hashlib.sha256()
    for name in _SOURCES:
        sources.update((Path(__file__).parent / name).read_bytes())
    settings = {
        "environment": dict(facts),
        "fit": fit,
        "network": spec.name,
        "actions": spec.actions,
        "frame_shape": spec.frame_shape,
        "seed": spec.seed,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "sources": sources.hexdigest(),
    }
    try:
        plain: dict[str, Any] = json.loads(json.dumps(settings))
    except TypeError as error:
        raise InputError(f"the facts of an environment must be JSON-able ({error}), not {dict(facts)}") from error
    return plain


def _fit(
    fitted: PolicySpec,
    spec: PolicySpec,
    environment: Callable[[], FitEnvironment],
    settings: Mapping[str, Any],
    required_accuracy: float,
) -> dict[str, Any]:
    fit = settings["fit"]
    symbols = spec.actions - 1
    data = collect_frames(environment, symbols=symbols, frames=fit["frames"], seed=fit["fit_seed"])
    held_out = collect_frames(environment, symbols=symbols, frames=fit["frames"], seed=fit["fit_seed"] + 1_000_000)
    readout = fit_readout(spec, data, ridge=fit["ridge"])
    tensors = dict(zip(READOUT_TENSORS, (readout.weight, readout.bias), strict=True))
    metadata = {
        **settings,
        "kind": "readout",
        "tensors": _digest(tensors),
        "accuracy": policy_accuracy(build_policy(spec, readout_parameters(spec, readout)), held_out),
        "held_out_frames": held_out.seen,
        "fitted_frames": data.seen,
    }
    if metadata["accuracy"] < required_accuracy:
        raise RunError(
            f"the readout of {spec.name!r} names {metadata['accuracy']:.4%} of {held_out.seen} held-out frames, less "
            f"than the required {required_accuracy:.4%}"
        )
    write_tensors(str(fitted.weights), tensors, metadata)
    return metadata


def _find(path: Path, settings: Mapping[str, Any]) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return the metadata of a usable readout, or ``None``, with notes for the user."""
    if not path.exists():
        return None, ()
    try:
        metadata = read_metadata(path)
        intact = metadata["tensors"] == _digest(load_file(path)) and settings.items() <= metadata.items()
    except (InputError, KeyError):
        intact = False
    if intact:
        return metadata, ()
    return None, (f"the readout {path.name} was damaged and has been fitted again",)


def _digest(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    return digest.hexdigest()
