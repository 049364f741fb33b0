"""Inference times of the IMPALA networks on this machine, one frame at a time, one thread.

``python -m paper_figures.measurements.inference_times`` (a few minutes; the billion-parameter network needs 5 GB).
"""

import argparse
import sys
from pathlib import Path

from .provenance import RESULTS, provenance, write_results

__all__ = ["NAME", "measure"]

NAME = "inference_times"
ACTIONS = 6
SAMPLES = {
    "impala-k1": 1500,
    "impala-k2": 800,
    "impala-k4": 500,
    "impala-k7": 300,
    "impala-k14": 120,
    "impala-k29": 60,
    "impala-k98": 8,
}
WARM_UP = 50, 2  # at most so many, at least so many; a tenth of the samples between


def measure(policies: list[str], folder: Path = RESULTS) -> Path:
    """Measure the given networks and write the results file."""
    from regretlab.policies.profile import profile_policy
    from regretlab.policies.spec import PolicySpec

    networks = []
    for policy in policies:
        spec = PolicySpec(policy, actions=ACTIONS)
        profile = profile_policy(
            spec, samples=SAMPLES[policy], warm_up=min(WARM_UP[0], max(WARM_UP[1], SAMPLES[policy] // 10))
        )
        seconds = sorted(float(f"{value:.6g}") for value in profile.seconds)
        networks.append({"policy": policy, "parameters": profile.parameters, "seconds": seconds})
        print(
            f"{policy}: {profile.parameters:,} parameters, mean {1e3 * profile.seconds.mean():.2f} ms", file=sys.stderr
        )
    command = f"python -m paper_figures.measurements.{NAME}"
    return write_results(NAME, {"provenance": provenance(command), "actions": ACTIONS, "networks": networks}, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure inference times on this machine.")
    parser.add_argument("--policies", default=",".join(SAMPLES), help="comma-separated")
    print(measure(parser.parse_args().policies.split(",")))
