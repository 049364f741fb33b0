"""What a cluster adds to an inference: ``python -m tests.benchmarks.benchmark_cluster [ADDRESS]``.

The same run with local workers and with workers behind Ray, in turns: seconds from the frame's deadline to the start
of the inference, of the inference as the rule sees it, and inside the network. Without an address Ray runs on this
machine, so what is added is Ray's part; a real network adds its round trip.
"""

import sys
import tempfile

import numpy as np

from regretlab.harness.configuration import RunConfiguration
from regretlab.harness.run import run
from regretlab.records import Record

FRAMES, TURNS = 1200, 2


def one(backend: str, address: str | None) -> tuple[np.ndarray, np.ndarray, dict[str, float] | None, float]:
    """Play; return times to begin, times of inference, quantiles inside the network (Ray), and inaction."""
    configuration = RunConfiguration(
        policy="impala-k1", rule="frame-pool", workers=2, frames=FRAMES, backend=backend, ray_address=address
    )
    with tempfile.TemporaryDirectory() as folder:
        summary = run(configuration, folder)
        record = Record.open(folder)
        rows = record.inferences[~record.inferences["lost"]].iloc[50:]
        begun = rows["dispatch"] - rows["observation_frame"] * record.meta["frame_time"]
        inside = record.meta.get("cluster", {}).get("inside")
        return begun.to_numpy(), (rows["completion"] - rows["dispatch"]).to_numpy(), inside, summary.inaction_fraction


def main(address: str | None) -> None:
    """Print p50 and p99 in milliseconds for both backends."""
    for turn in range(TURNS):
        for backend in ("local", "ray"):
            begun, took, inside, inaction = one(backend, address if backend == "ray" else None)
            told = "" if inside is None else f"; in the network {1e3 * inside['p50']:.2f} / {1e3 * inside['p99']:.2f}"
            print(
                f"turn {turn}, {backend:5}: frame to begun {1e3 * np.quantile(begun, 0.5):.2f} / "
                f"{1e3 * np.quantile(begun, 0.99):.2f} ms, inference {1e3 * np.quantile(took, 0.5):.2f} / "
                f"{1e3 * np.quantile(took, 0.99):.2f} ms{told}; inaction {100 * inaction:.2f} %",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
