"""Inference time of the networks, contiguous against channels-last weights, interleaved so that both see the same load.

Run ``python -m tests.benchmarks.benchmark_policies [NAME ...]``. Prints parameters, median milliseconds a frame in both
layouts, and the ratio.
"""

import sys
import time

import numpy as np

from regretlab.policies import PolicySpec
from regretlab.policies.parameters import parameter_count
from regretlab.policies.policy import build_policy

NAMES = ("nature", "impala-k1", "impala2x-k1", "impala-k7")
SAMPLES = 60


def medians(name):
    """Median seconds of one ``act`` with contiguous and with channels-last weights."""
    policies = [build_policy(PolicySpec(name, actions=6, channels_last=layout)) for layout in (False, True)]
    frame = np.random.default_rng(0).integers(0, 256, (84, 84)).astype(np.uint8)
    seconds = np.empty((SAMPLES + 5, 2))
    for row in seconds:
        for column, policy in enumerate(policies):
            began = time.perf_counter()
            policy.act(frame)
            row[column] = time.perf_counter() - began
    return np.median(seconds[5:], axis=0)


def main():
    for name in sys.argv[1:] or NAMES:
        contiguous, channels_last = 1e3 * medians(name)
        count = parameter_count(PolicySpec(name, actions=6))
        print(
            f"{name:14s} {count:11,d} parameters: {contiguous:8.2f} ms contiguous, {channels_last:8.2f} ms "
            f"channels-last, ratio {contiguous / channels_last:.2f}"
        )


if __name__ == "__main__":
    main()
