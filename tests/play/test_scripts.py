"""A script that starts processes needs no ``if __name__ == "__main__"``: what it does besides happens once."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from pathlib import Path

with open("happened.txt", "a") as file:
    file.write("once\\n")
{body}
"""
RUN = """
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run

played = run(RunConfiguration(policy="oracle", workers=2, frames=20, emulate_latency="0.02"), "record")
print(played.frames)
"""
CONTENTION = """
from regretlab.policies.contention import measure_contention
from regretlab.policies.spec import PolicySpec

print(len(measure_contention(PolicySpec("nature", actions=5), [1, 2], rounds=3, samples=1).workers))
"""
EXPERIMENT = """
from regretlab.experiments import read_experiment, run_experiment

case = {"label": "told", "player": "script"}
settings = {"protocol": "simulated-delay", "environment": "regretlab/Beacon-v0", "frames": 50, "seeds": 2}
print(run_experiment(read_experiment({"experiment": settings, "case": [case]}), "results.parquet", cores=2).played)
"""
SWEEP = """
from regretlab.sweeps import read_configuration, run_sweep

fixed = {"inference_time": "0.02", "frame_time": "gameboy", "mode_probability": 0.9}
grid = {"sweep": {"command": "bound", "chunk": 1}, "fixed": fixed, "grid": {"workers": [1, 2]}}
print(run_sweep(read_configuration(grid), "sweep.nc", cores=2).computed)
"""


def _python(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(SCRIPT.format(body=script))
    return subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=900)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("body", "printed"),
    [(RUN, "20"), (CONTENTION, "2"), (EXPERIMENT, "2"), (SWEEP, "2")],
    ids=["realtime-run", "contention", "experiment", "sweep"],
)
def test_what_a_script_does_happens_once(tmp_path, body, printed):
    """Each starts processes: forked from a server, spawned, or joblib's."""
    done = _python(body, tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, [printed]), done.stderr
    assert (tmp_path / "happened.txt").read_text() == "once\n"


def test_an_environment_of_the_script_itself_is_refused_before_anything_starts(tmp_path):
    """Its process would not find it."""
    body = """
import gymnasium
class Own(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        return self.observation_space.low, {}
gymnasium.register("Own-v0", entry_point=Own)
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
run(RunConfiguration(environment="Own-v0", policy="random", frames=9, frame_time=0.02, default_action=0), "record")
"""
    done = _python(body, tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("regretlab.errors.InputError: environment 'Own-v0' is defined inside the script"), (
        done.stderr
    )
    assert not (tmp_path / "record").exists()


@pytest.mark.thorough
def test_an_environment_that_a_module_registered_is_played(tmp_path):
    """The environment's process registers it as the script's import did, and does not import the script."""
    (tmp_path / "mine.py").write_text("""
import gymnasium, numpy
class Mine(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        return numpy.zeros(1, numpy.float32), {}
    def step(self, action):
        return numpy.zeros(1, numpy.float32), 1.0, False, False, {}
gymnasium.register("Mine-v0", entry_point="mine:Mine")
""")
    body = """
import mine
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
run(RunConfiguration(environment="Mine-v0", policy="random", frames=9, frame_time=0.02, default_action=0), "record")
"""
    done = _python(body, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "happened.txt").read_text() == "once\n"
