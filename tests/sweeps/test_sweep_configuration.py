"""The TOML of a sweep: what is read, and what is refused with its place."""

import math

import pytest

from regretlab.errors import InputError
from regretlab.sweeps import read_configuration

GOOD = """
[sweep]
command = "bound"
seed = 7

[fixed]
rule = "frame-pool"
frame_time = 1

[grid]
workers = [1, 2, inf]
inference_time = { template = "expon(scale={})", start = 1, stop = 100, num = 3, spacing = "log" }
mode_probability = { start = 0.8, stop = 1, num = 5 }
"""


def test_lists_ranges_and_templates(tmp_path):
    (tmp_path / "sweep.toml").write_text(GOOD)
    sweep = read_configuration(tmp_path / "sweep.toml")
    assert sweep.shape == (3, 3, 5)
    assert sweep.points == 45
    workers, times, probabilities = sweep.axes
    assert workers.values == (1, 2, math.inf)
    assert times.values == ("expon(scale=1.0)", "expon(scale=10.0)", "expon(scale=100.0)")
    assert times.labels == (1.0, 10.0, 100.0)
    assert (times.unit, times.template) == ("s", "expon(scale={})")
    assert probabilities.values == (0.8, 0.85, 0.9, 0.95, 1.0)
    assert sweep.settings.seed == 7


def test_the_digest_tells_sweeps_apart_and_ignores_the_chunks():
    base = {"sweep": {"command": "solve"}, "fixed": {"mdp": "ring(p=0.9)"}, "grid": {"delay": [0, 1]}}
    same = base | {"sweep": {"command": "solve", "chunk": 3}}
    other = base | {"grid": {"delay": [0, 2]}}
    assert read_configuration(base).digest() == read_configuration(same).digest()
    assert read_configuration(base).digest() != read_configuration(other).digest()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[grid]", "[grud]"), r"sweep\.toml: unknown section 'grud'"),
        (('command = "bound"', ""), r"sweep\.toml: sweep\.command: is missing"),
        (('command = "bound"', 'command = "bond"'), r"sweep\.command: .*'bound', 'simulate', 'solve' or 'run'"),
        (("seed = 7", "seed = 7.5"), r"sweep\.toml: sweep\.seed: must be a whole number, not 7\.5"),
        (("seed = 7", "sed = 7"), r"sweep\.toml: sweep\.sed: unknown key"),
        (("seed = 7", "seed = -1"), r"sweep\.toml: sweep\.seed: must be at least 0, not -1"),
        (("frame_time = 1", "frametime = 1"), r"sweep\.toml: fixed\.frametime: command 'bound' has no such parameter"),
        (('rule = "frame-pool"', "rule = 3"), r"sweep\.toml: fixed\.rule: must be text, not 3"),
        (("[1, 2, inf]", '[1, "two"]'), r"sweep\.toml: grid\.workers\[1\]: .*not 'two'"),
        (("[1, 2, inf]", "[]"), r"sweep\.toml: grid\.workers: is empty"),
        (("[1, 2, inf]", "[1, 1]"), r"sweep\.toml: grid\.workers\[1\]: 1 is there twice"),
        (("seed = 7", f"seed = {10**30}"), r"sweep\.toml: sweep\.seed: .*less than 9223372036854775808"),
        (("[1, 2, inf]", "3"), r"sweep\.toml: grid\.workers: must be a list or a range"),
        (("num = 5", "num = 0"), r"sweep\.toml: grid\.mode_probability\.num: must be at least 1, not 0"),
        (("num = 5", "steps = 5"), r"sweep\.toml: grid\.mode_probability\.steps: unknown key"),
        ((", num = 5", ""), r"sweep\.toml: grid\.mode_probability: a range needs start, stop and num"),
        (("stop = 1,", "stop = nan,"), r"sweep\.toml: grid\.mode_probability: a range needs finite ends"),
        (("start = 1, stop = 100", "start = 0, stop = 100"), r"logarithmic range needs positive ends"),
        (
            ('template = "expon(scale={})"', 'template = "expon()"'),
            r"grid\.inference_time\.template: must hold \{\} once",
        ),
        (("frame_time = 1", "workers = 2"), r"'workers' is fixed and in the grid"),
        (("mode_probability = {", "gap_delay = {"), r"command 'bound' needs 'mode_probability'"),
        (("[sweep]", "[sweep"), r"sweep\.toml' is not TOML: .*line 2"),
        (("num = 5", "num = 100000000"), r"mode_probability\.num: must be at most 10000000, not 100000000"),
        (("num = 3,", "num = 40000,"), r"the grid has 3,600,000,000 points"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change, message, tmp_path):
    text = GOOD.replace(*change)
    if "40000" in text:  # one axis alone is small enough
        text = text.replace("num = 5", "num = 30000")
    (tmp_path / "sweep.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_configuration(tmp_path / "sweep.toml")


def test_an_empty_grid_and_a_missing_file(tmp_path):
    (tmp_path / "sweep.toml").write_text(GOOD.split("[grid]")[0] + "[grid]\n")
    with pytest.raises(InputError, match=r"sweep\.toml: the grid is empty"):
        read_configuration(tmp_path / "sweep.toml")
    with pytest.raises(InputError, match=r"none\.toml' cannot be read: No such file"):
        read_configuration(tmp_path / "none.toml")
