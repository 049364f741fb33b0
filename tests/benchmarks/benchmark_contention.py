"""Does the contention that a profile measures predict runs? Inference times of real runs beside T(N) of the profile.

Run ``python -m tests.benchmarks.benchmark_contention [--policy impala-k7] [--workers 1,2,4] [--frames 3600]`` on a
machine that does nothing else. Each number of workers plays beacon under ``free-running``, where all of them infer all
the time if an inference lasts longer than a frame, as they did when the contention was measured (shorter ones wait for
the next frame: the run is then faster than promised). Printed: T(N) of the line and of the measured times, what
inference took in the run with its 95 % interval, their ratio, how many times as long as with the first number both
took (which a load that changes in between leaves alone), and the regret that the profile promises beside that of
the run.
"""

import argparse
import tempfile
from pathlib import Path

from regretlab.laws import parse_frame_time
from regretlab.laws.fitting import fit_laws
from regretlab.laws.measured import read_profile
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.policies import PolicySpec
from regretlab.policies.contention import measure_contention
from regretlab.policies.profile import profile_policy
from regretlab.results import interval_quantile
from regretlab.scenario import Scenario
from regretlab.theory.realtime import bound

SYMBOLS, MODE = 15, 0.95


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--policy", default="impala-k7")
    options.add_argument("--workers", default="1,2,4")
    options.add_argument("--frames", type=int, default=3600)
    options.add_argument("--samples", type=int, default=300)
    asked = options.parse_args()
    numbers = [int(number) for number in asked.workers.split(",")]
    spec = PolicySpec(asked.policy, actions=SYMBOLS + 1, channels_last=True)
    with tempfile.TemporaryDirectory() as folder:
        measured = profile_policy(spec, samples=asked.samples)
        shared = measure_contention(spec, numbers, samples=asked.samples)
        found = {"fits": [vars(fit) for fit in fit_laws(measured.seconds)], "contention": vars(shared)}
        profile = read_profile(measured.save(Path(folder) / "profile.npy", found))
        line = profile.contention
        print(f"chi = {line.share:.3f} in [{line.lower:.3f}, {line.upper:.3f}], on a line: p = {line.line_p_value}")
        alone = None
        print(
            "workers  line, ms  measured, ms  in the run, ms       run/measured  slowdown measured, run  "
            "regret promised  played"
        )
        for number in numbers:
            configuration = RunConfiguration(
                environment_options={"symbols": SYMBOLS, "mode_probability": MODE},
                policy=asked.policy,
                rule="free-running",
                workers=number,
                frames=asked.frames,
            )
            summary = run(configuration, Path(folder) / f"run-{number}")
            # Ratios of the concurrent measurement, on the lone time of its own: one moment, one load.
            straight = 1e3 * shared.lone_time * (1 + line.share * (number - 1))
            times = 1e3 * shared.means[shared.workers.index(number)]
            took, half = (
                1e3 * summary.inference_time["mean"],
                1e3 * interval_quantile(0.95) * summary.standard_error["inference_time"],
            )
            alone = alone or took
            law = profile.law().scaled(line.slowdown(number))
            settings = {"rule": "free-running", "workers": number, "symbols": SYMBOLS}
            promised = bound(
                Scenario(law, frame_time=parse_frame_time("gameboy"), mode_probability=MODE, **settings)
            ).regret.total
            played, error = (
                1 - summary.reward_per_frame,
                interval_quantile(0.95) * (summary.standard_error["reward_per_frame"] or float("nan")),
            )
            print(
                f"{number:7}  {straight:8.2f}  {times:12.2f}  {took:8.2f} +- {half:<7.2f}  {took / times:12.3f}  "
                f"{times / (1e3 * shared.means[0]):17.3f}, {took / alone:.3f}  "
                f"{promised:15.4f}  {played:.4f} +- {error:.4f}"
            )


if __name__ == "__main__":
    main()
