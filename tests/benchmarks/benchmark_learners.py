"""Updates per second against the number of learners, on the wall clock.

``python -m tests.benchmarks.benchmark_learners`` prints two tables: with learning steps emulated to 60 ms, where many
learners can be exercised on few cores and u = min(1, N_L B tau_I / (rho tau_L)) is at hand to compare, and as fast as
this machine learns, where the cores are the limit.
"""

import tempfile

from regretlab.harness.configuration import RunConfiguration
from regretlab.harness.processes import process_pool
from regretlab.harness.run import run

FRAME = 1 / 59.7275
STEP = 0.060


def one_run(learners: int, step: str | None, batch: int, ratio: float | None) -> dict[str, float]:
    """Play ten seconds with that many learners."""
    configuration = RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.9},
        policy="nature",
        workers=2,
        rule="frame-pool",
        emulate_latency=f"constant({1.5 * FRAME:.9f})",
        learners=learners,
        emulate_learning=step,
        learning={"batch": batch, "replay": 5000, "replay_ratio": ratio},
        frames=600,
    )
    with tempfile.TemporaryDirectory() as folder:
        summary = run(configuration, folder, overwrite=True)
    return {**summary.learning, "late": summary.deadline_lateness["p99"], "inaction": summary.inaction_fraction}


def main() -> None:
    """Print both tables."""
    with process_pool():
        print(f"emulated: {STEP} s a step, one update asked for in each frame; N_L* = {STEP / FRAME:.2f} rounded up")
        print("learners  updates/s  share   predicted   frames without action   lateness p99 (ms)")
        for learners in (1, 2, 3, 4, 5, 8, 16):
            told = one_run(learners, f"constant({STEP})", 2, None)
            interaction_time = FRAME / (1 - told["inaction"])
            expected = min(1.0, learners * interaction_time / STEP)
            print(
                f"{learners:8d}  {told['updates_per_second']:9.2f}  {told['share']:.4f}  {expected:.4f}      "
                f"{told['inaction']:.4f}                  {1e3 * told['late']:.3f}",
                flush=True,
            )
        print("measured: as fast as this machine learns (nature, batch 32), no limit by the replay ratio")
        print("learners  updates/s   frames without action   lateness p99 (ms)")
        for learners in (1, 2, 3, 4):
            told = one_run(learners, None, 32, 1e6)
            print(
                f"{learners:8d}  {told['updates_per_second']:9.2f}   {told['inaction']:.4f}                  "
                f"{1e3 * told['late']:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
