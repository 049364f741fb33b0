"""How long a policy takes to infer on this machine: samples of its latency, usable as a law.

Measured on the very ``act`` that the workers call, one frame at a time, after a warm-up that does not count.
Inference in a run is slower where many workers share few cores; a record shows that.
"""

import json
import math
import os
import platform
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import InputError
from ..files import replacing, write_atomically
from ..machine_load import MachineLoad, busy_warning
from ..progress import Progress, silent
from ..records.batch_means import batch_count, batch_means, student_quantile
from ..results import Result, listed
from .execution import build_timed
from .parameters import parameter_count
from .spec import PolicySpec

__all__ = ["CONFIDENCE", "LatencyProfile", "check_target", "profile_policy"]

CONFIDENCE = 0.95
"""Confidence of the interval of the mean."""
_FEWEST_WARM, _LONG_WARM_UP = 2, 5.0


@dataclass(frozen=True, eq=False, repr=False)
class LatencyProfile(Result):
    """Measured inference times of a policy.

    Attributes
    ----------
    policy
        Name of the policy.
    parameters
        Number of its weights; None for a person's own policy, which does not say.
    seconds
        Samples in the order measured, shape (n,).
    threads, channels_last, bf16, compiled
        How the network was executed.
    warm_up
        Inferences before the samples that do not count: the first ones load, compile and fill caches.
    seed
        Seed of the frames shown.
    machine, torch_version
        Where it was measured.
    device
        "cpu" or "cuda".
    first_seconds
        Seconds of the first inference of the warm-up; None without one.
    cores_of_others
        Cores that other processes used meanwhile; None where that is not known.
    """

    policy: str
    parameters: int | None
    seconds: NDArray[np.float64]
    threads: int
    channels_last: bool
    warm_up: int
    seed: int
    machine: str
    torch_version: str
    bf16: bool = False
    compiled: bool = False
    device: str = "cpu"
    first_seconds: float | None = None
    cores_of_others: float | None = None

    @property
    def warnings(self) -> list[str]:
        """What speaks against the samples, in sentences."""
        busy = busy_warning(self.cores_of_others, "samples")
        return [] if busy is None else [busy]

    @property
    def mean_interval(self) -> tuple[float, float]:
        """Limits of the mean at ``CONFIDENCE``, by batch means: successive inferences are not independent."""
        mean, error = batch_means(self.seconds)
        batches = batch_count(len(self.seconds))
        half = student_quantile(CONFIDENCE, batches) * error if batches > 1 else float("nan")
        return mean - half, mean + half

    @property
    def effective_samples(self) -> float:
        """How many independent inferences would estimate the mean as well: variance / (standard error)^2."""
        error = batch_means(self.seconds).standard_error
        if not error > 0:
            return float(len(self.seconds))
        return min(float(self.seconds.var(ddof=1)) / error**2, float(len(self.seconds)))

    @property
    def title(self) -> str:
        """What was measured, in one line."""
        return f"{self.policy}: {len(self.seconds)} inferences"

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        values = self.to_json()
        low, high = self.mean_interval
        return [
            ("parameters", "unknown, the policy is your own" if self.parameters is None else f"{self.parameters:,}"),
            ("mean", f"{1e3 * values['mean']:.3f} ms in [{1e3 * low:.3f}, {1e3 * high:.3f}] ({100 * CONFIDENCE:g} %)"),
            ("standard deviation", f"{1e3 * values['std']:.3f} ms"),
            ("p50, p99, max", ", ".join(f"{1e3 * values[name]:.3f} ms" for name in ("p50", "p99", "max"))),
            ("inferences per second", f"{values['inferences_per_second']:.1f}"),
            *([("warm-up", self._warm_up_in_words())] if self.warm_up else []),
            ("machine", f"{self.machine}, torch {self.torch_version}, {self.threads} thread(s) on the {self.device}"),
            *listed("warning", self.warnings),
        ]

    def _warm_up_in_words(self) -> str:
        first = "" if self.first_seconds is None else f", the first took {1e3 * self.first_seconds:.3f} ms"
        return f"{self.warm_up} inferences that do not count{first}"

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain values (seconds), without the samples."""
        seconds = self.seconds
        return {
            "policy": self.policy,
            "parameters": self.parameters,
            "samples": len(seconds),
            "mean": float(seconds.mean()),
            "mean_interval": list(self.mean_interval),
            "effective_samples": self.effective_samples,
            "std": float(seconds.std()),
            "p50": float(np.quantile(seconds, 0.5)),
            "p99": float(np.quantile(seconds, 0.99)),
            "max": float(seconds.max()),
            "inferences_per_second": float(1.0 / seconds.mean()),
            "threads": self.threads,
            "channels_last": self.channels_last,
            "bf16": self.bf16,
            "compiled": self.compiled,
            "device": self.device,
            "warm_up": self.warm_up,
            "first_seconds": self.first_seconds,
            "cores_of_others": self.cores_of_others,
            "warnings": self.warnings,
            "seed": self.seed,
            "machine": self.machine,
            "torch_version": self.torch_version,
        }

    def save(self, path: str | Path, found: Mapping[str, Any] | None = None) -> Path:
        """Write the samples to a .npy or .csv file, usable as the law ``@file``, and the summary next to it as .json.

        Parameters
        ----------
        path
            The file of samples.
        found
            What else was found out (fitted laws, contention, effects), as plain values for the summary.

        Raises
        ------
        InputError
            If the name has another ending or the folder does not exist.
        """
        target = check_target(path)
        with replacing(target) as part, part.open("wb") as file:  # whole or not at all: no law reads half a file
            if target.suffix == ".npy":
                np.save(file, self.seconds)
            else:
                np.savetxt(file, self.seconds, fmt="%.9f", header="seconds", comments="")
        summary = json.dumps(_finite(self.to_json() | dict(found or {})), indent=2, allow_nan=False)
        write_atomically(target.with_suffix(".json"), summary + "\n")
        return target


def check_target(path: str | Path) -> Path:
    """Return the path if samples can be written there; raise ``InputError`` otherwise."""
    target = Path(path)
    if target.suffix not in (".npy", ".csv"):
        raise InputError(f"samples go to a .npy or .csv file, not to '{path}'")
    if not target.parent.is_dir():
        raise InputError(f"folder '{target.parent}' does not exist")
    return target


def profile_policy(
    spec: PolicySpec,
    *,
    samples: int = 500,
    warm_up: int = 30,
    threads: int = 1,
    bf16: bool = False,
    compiled: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> LatencyProfile:
    """Measure the inference time of a policy on this machine.

    Parameters
    ----------
    spec
        The policy.
    samples
        Inferences to measure.
    warm_up
        Inferences before them that do not count: so many, or fewer (but two) once they have taken five seconds.
    threads
        Threads of the network's operations; the process has its own number back afterwards.
    bf16, compiled
        Compute in bfloat16; compile the network first (`regretlab.policies.execution`).
    seed
        Seed of the frames that are shown (random noise: the time does not depend on what is seen).
    progress
        Called between inferences, outside what is timed, with the number done and the number to do.

    Returns
    -------
    LatencyProfile
        The samples and where they were measured.

    Raises
    ------
    InputError
        If the policy has no network or a count is not positive.

    Examples
    --------
    >>> profile = profile_policy(PolicySpec("nature", actions=5), samples=20, warm_up=2)
    >>> len(profile.seconds), bool((profile.seconds > 0).all())
    (20, True)
    """
    if not (spec.has_network or spec.is_own):
        raise InputError(
            f"policy '{spec.name}' has no network to profile: give nature, impala-kN, impala2x-kN or one of your own "
            "(module:FILE.py:NAME, sb3:FILE.zip)"
        )
    if samples < 1:
        raise InputError(f"samples must be at least 1, not {samples}")
    if warm_up < 0:
        raise InputError(f"warm_up must be at least 0, not {warm_up}")
    frames = np.random.default_rng(seed).integers(0, 256, (8, *spec.frame_shape)).astype(spec.frame_dtype)
    if spec.observes_symbol:
        frames = np.zeros(8, np.int64)
    before = torch.get_num_threads()
    try:
        policy = build_timed(spec, threads=threads, bf16=bf16, compiled=compiled)

        def infer(index: int) -> float:
            frame = frames[index % len(frames)]
            began = time.perf_counter()
            policy.act(frame)
            return time.perf_counter() - began

        warming: list[float] = []
        while len(warming) < warm_up and (len(warming) < _FEWEST_WARM or sum(warming) < _LONG_WARM_UP):
            warming.append(infer(len(warming)))
            progress(len(warming), warm_up + samples, "inferences")
        load, seconds = MachineLoad(), np.empty(samples)
        for index in range(samples):
            seconds[index] = infer(len(warming) + index)
            progress(warm_up + index + 1, warm_up + samples, "inferences")
        others = load.cores_of_others()
        if spec.is_served:
            policy.close()  # type: ignore[attr-defined]
    finally:
        torch.set_num_threads(before)
    return LatencyProfile(
        policy=spec.name,
        parameters=parameter_count(spec) if spec.has_network else None,
        seconds=seconds,
        threads=threads,
        channels_last=spec.channels_last,
        warm_up=len(warming),
        seed=seed,
        machine=f"{_processor()}, {os.cpu_count()} cores, {platform.platform()}{_accelerator(spec.device)}",
        torch_version=torch.__version__,
        bf16=bf16,
        compiled=compiled,
        device=spec.device,
        first_seconds=warming[0] if warming else None,
        cores_of_others=others,
    )


def _finite(value: Any) -> Any:
    """Return plain values in which None stands for numbers that JSON has no word for."""
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _accelerator(device: str) -> str:
    return f", {torch.cuda.get_device_name()}" if device == "cuda" else ""


def _processor() -> str:
    """Name of the processor: Linux keeps it where Python does not look."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
