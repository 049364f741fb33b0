"""What a cluster adds: ``python -m tests.benchmarks.benchmark_cluster [ADDRESS]``.

The same run with local workers and with workers behind Ray, in turns: seconds from the frame's deadline to the start
of the inference, of the inference as the rule sees it, and inside the network. Then the same with a learner, which
measures learning steps up to the gradient. Without an address Ray runs on this machine, so what is added is Ray's part;
a real network adds its round trip.
"""

import sys
import tempfile
from typing import Any

import numpy as np

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.records import Record

FRAMES, TURNS = 1200, 2
SKIPPED = 50
"""Inferences at the beginning that do not count."""


def play(backend: str, address: str | None, **changes: Any) -> tuple[Record, float]:
    """Play; return the record and the share of frames without an action."""
    values = {"policy": "impala-k1", "rule": "frame-pool", "workers": 2, "frames": FRAMES}
    configuration = RunConfiguration(**{**values, **changes}, backend=backend, ray_address=address)
    with tempfile.TemporaryDirectory() as folder:
        summary = run(configuration, folder)
        return Record.open(folder), summary.inaction_fraction


def milliseconds(seconds: Any) -> str:
    """Return p50 and p99 in words."""
    if isinstance(seconds, dict):
        return f"{1e3 * seconds['p50']:.2f} / {1e3 * seconds['p99']:.2f} ms"
    return f"{1e3 * np.quantile(seconds, 0.5):.2f} / {1e3 * np.quantile(seconds, 0.99):.2f} ms"


def infer(turn: int, backend: str, address: str | None) -> None:
    """Print what an inference takes."""
    record, inaction = play(backend, address)
    rows = record.inferences[~record.inferences["lost"]].iloc[SKIPPED:]
    begun = rows["dispatch"] - rows["observation_frame"] * record.meta["frame_time"]
    inside = record.meta.get("cluster", {}).get("inside")
    print(
        f"turn {turn}, {backend:5}: frame to begun {milliseconds(begun)}, inference "
        f"{milliseconds(rows['completion'] - rows['dispatch'])}"
        + ("" if inside is None else f", in the network {milliseconds(inside)}")
        + f"; inaction {100 * inaction:.2f} %",
        flush=True,
    )


def learn(turn: int, backend: str, address: str | None, policy: str) -> None:
    """Print what a learning step takes."""
    record, inaction = play(backend, address, policy=policy, workers=1, learners=1)
    rows = record.learning_steps.iloc[5:]
    told = record.meta.get("cluster", {}).get("gradients")
    print(
        f"turn {turn}, {backend:5}: {policy}, free to gradient {milliseconds(rows['ready'] - rows['began'])}"
        + ("" if told is None else f", in the network {milliseconds(told['inside'])}")
        + f"; {record.meta['learning']['updates']} updates, inaction {100 * inaction:.2f} %",
        flush=True,
    )


def main(address: str | None) -> None:
    """Print p50 and p99 in milliseconds for both backends."""
    for turn in range(TURNS):
        for backend in ("local", "ray"):
            infer(turn, backend, address if backend == "ray" else None)
    for turn in range(TURNS):
        for policy in ("nature", "impala-k1"):
            for backend in ("local", "ray"):
                learn(turn, backend, address if backend == "ray" else None, policy)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
