"""Times of one learning step of the IMPALA networks on this machine: a batch of 16, one thread.

``python -m paper_figures.measurements.learning_times`` (some minutes; the network of 100 million weights needs 5 GB).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from .provenance import RESULTS, provenance, write_results

__all__ = ["NAME", "measure"]

NAME = "learning_times"
ACTIONS = 6
BATCH = 16
SAMPLES = {"impala-k1": 40, "impala-k2": 20, "impala-k4": 12, "impala-k7": 8, "impala-k14": 5, "impala-k29": 4}


def measure(policies: list[str], folder: Path = RESULTS) -> Path:
    """Measure the given networks and write the results file."""
    networks = []
    for policy in policies:
        parameters, seconds = _steps(policy, SAMPLES[policy])
        networks.append({"policy": policy, "parameters": parameters, "seconds": seconds})
        print(
            f"{policy}: {parameters:,} parameters, {1e3 * sum(seconds) / len(seconds):.1f} ms a step", file=sys.stderr
        )
    command = f"python -m paper_figures.measurements.{NAME}"
    content = {"provenance": provenance(command), "actions": ACTIONS, "batch": BATCH, "networks": networks}
    return write_results(NAME, content, folder)


def _steps(policy: str, samples: int) -> tuple[int, list[float]]:
    """Return the number of weights and the times of gradient and optimiser step, after one step that does not count."""
    import time

    import numpy as np
    import torch

    from regretlab.policies.learning.updates import GradientComputer, adam_step
    from regretlab.policies.parameters import random_parameters
    from regretlab.policies.spec import PolicySpec

    torch.set_num_threads(1)
    spec = PolicySpec(policy, actions=ACTIONS)
    computer = GradientComputer(spec, gradient_clip=10.0)
    random_parameters(spec, computer.weights)
    computer.target[:] = computer.weights
    moments: list[Any] = [np.zeros_like(computer.weights) for _ in range(2)]
    generator, seconds = np.random.default_rng(0), []
    for step in range(samples + 1):
        batch = _batch(generator)
        began = time.perf_counter()
        computer.compute(batch)
        adam_step(computer.weights, computer.gradient, *moments, step + 1, 1e-3)
        seconds.append(float(f"{time.perf_counter() - began:.6g}"))
    return len(computer.weights), seconds[1:]


def _batch(generator: "Any") -> "Any":
    import numpy as np

    from regretlab.policies.learning.updates import Batch

    frames = generator.integers(0, 256, (2, BATCH, 84, 84), np.uint8)
    return Batch(
        observations=frames[0],
        actions=generator.integers(0, ACTIONS, BATCH),
        rewards=generator.random(BATCH, np.float32),
        discounts=np.full(BATCH, 0.99, np.float32),
        next_observations=frames[1],
        rows=np.arange(BATCH),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the times of learning steps on this machine.")
    parser.add_argument("--policies", default=",".join(SAMPLES), help="comma-separated")
    print(measure(parser.parse_args().policies.split(",")))
