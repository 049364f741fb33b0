"""Speed of the event simulator where nothing new is used, against another checkout, in turns: with ``python -m``.

    python -m tests.benchmarks.benchmark_outputs OTHER_CHECKOUT

Prints millions of frames a second of both and their ratio, and what kept outputs, chunks and cancelling cost here.
"""

import json
import os
import subprocess
import sys

TURNS = 7
CASES = {
    "free-running, 4 workers": {"workers": 4},
    "free-running, 24 workers": {"workers": 24},
    "max-time, 4 workers": {"workers": 4, "rule": "max-time"},
    "expected-time, 4 workers": {"workers": 4, "rule": "expected-time"},
    "frame-pool, 4 workers": {"workers": 4, "rule": "frame-pool"},
    "sequential": {"rule": "sequential"},
    "max-time, 4 workers, repeated actions": {"workers": 4, "rule": "max-time", "default_behaviour": "repeat"},
    "free-running, 4 workers, repeated actions": {"workers": 4, "default_behaviour": "repeat"},
}
NEW = {
    "keep": {"workers": 4, "unused": "keep"},
    "chunk inf": {"workers": 4, "chunk": "inf"},
    "cancel after 5 frames": {"workers": 4, "cancel_after": 5},
}
PROGRAM = """
import json, sys, time, regretlab as rl
cases = json.loads(sys.argv[1])
speeds = {}
for name, fields in cases.items():
    asked = rl.Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.9, **fields)
    rl.simulate(asked, frames=1000, replications=1, threads=1)
    begin = time.process_time()
    rl.simulate(asked, frames=2_000_000, replications=1, threads=1, seed=1)
    speeds[name] = 2.0 / (time.process_time() - begin)
print(json.dumps(speeds))
"""


def speeds(checkout, cases):
    """Million frames a second of CPU time in a process of its own."""
    environment = os.environ | {"PYTHONPATH": checkout, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(cases)], env=environment, cwd="/", capture_output=True, check=True
    )
    return json.loads(done.stdout)


def main():
    """Measure both in turns and print the medians of the ratios."""
    here = os.getcwd()
    if len(sys.argv) > 1:
        turns = [(speeds(sys.argv[1], CASES), speeds(here, CASES)) for _ in range(TURNS)]
        for name in CASES:
            pairs = sorted((new[name] / old[name], old[name], new[name]) for old, new in turns)
            ratio, old, new = pairs[len(pairs) // 2]
            print(
                f"{name}: {old:.2f} before, {new:.2f} now, ratio {ratio:.3f} ({pairs[0][0]:.3f} to {pairs[-1][0]:.3f})"
            )
    for name, speed in speeds(here, CASES | NEW).items():
        print(f"{name}: {speed:.2f} million frames a second")


if __name__ == "__main__":
    main()
