"""``Scenario``: what it accepts, how it is written and read, and that every entry point has its defaults."""

import dataclasses
import inspect
import json
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import regretlab as rl
from regretlab.errors import InputError
from regretlab.laws import constant, law_from_samples, parse_frame_time, parse_law, parse_seconds
from regretlab.scenario import Scenario, meanings

FIELDS = {each.name: each for each in dataclasses.fields(Scenario)}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.1", 0.1),
        (0.1, 0.1),
        ("500ms", 0.5),
        ("500 ms", 0.5),
        ("20us", 20e-6),
        ("2s", 2.0),
        ("1/30", 1 / 30),
        (1, 1.0),
    ],
)
def test_times_are_read_alike_wherever_they_are_given(text, seconds):
    assert parse_seconds(text) == seconds
    assert parse_frame_time(text) == seconds
    assert Scenario(text).inference_time.mean() == seconds
    asked = Scenario(frame_time=text, maximum_time=text, horizon=text, cancel_after=text)
    assert (asked.frame_time, asked.maximum_time, asked.horizon, asked.cancel_after) == (seconds,) * 4


@pytest.mark.parametrize(
    "text", ["", "ms", "1/0", "0", "-1", "nan", "inf", "1/2/3", "1 minute", "__import__('os')", True]
)
def test_what_is_not_a_time_is_refused_in_one_sentence(text):
    for read in (parse_seconds, parse_frame_time, lambda value: Scenario(horizon=value)):
        with pytest.raises(InputError) as refused:
            read(text)
        assert "\n" not in str(refused.value)


def test_units_and_fractions_within_a_law():
    assert parse_law("gamma(4, scale=20ms)").mean() == parse_law("gamma(4, scale=0.02)").mean()
    assert parse_law("uniform(1/50, 1/30)").maximum() == pytest.approx(1 / 50 + 1 / 30)
    with pytest.raises(InputError, match="every parameter must be a finite number"):
        parse_law("gamma(4, scale=1/0)")


@pytest.mark.parametrize(
    "time",
    [0.08, "0.08", "80ms", constant(0.08), parse_law("80ms"), law_from_samples([0.08] * 3), [0.08], np.full(2, 0.08)],
)
def test_laws_are_numbers_text_or_objects(time):
    assert Scenario(time).inference_time.mean() == pytest.approx(0.08)


def test_frozen_distributions_are_laws():
    asked = Scenario(scipy.stats.gamma(4, scale=0.02))
    assert asked.inference_time.text == "gamma(4.0, scale=0.02)"
    assert Scenario.from_toml(asked.to_toml()).inference_time.mean() == asked.inference_time.mean()


VALUES = {
    "inference_time": st.sampled_from(["0.1", "constant(0.1)", "gamma(4, scale=20ms)", 0.25, "1/30"]),
    "frame_time": st.sampled_from(["gameboy", "atari", "20ms", "1/30", 0.5]),
    "mode_probability": st.floats(0.5, 1),
    "symbols": st.integers(2, 40),
    "mode": st.sampled_from(["stays", "moves"]),
    "gap_default": st.floats(0, 3),
    "gap_delay": st.floats(0, 3),
    "actions": st.integers(1, 9),
    "workers": st.one_of(st.integers(1, 99), st.sampled_from(["inf", math.inf, "7"])),
    "rule": st.sampled_from(["max-time", "frame-hold", "sequential", "free-running"]),
    "hold": st.one_of(st.integers(1, 99), st.just("auto")),
    "alignment": st.sampled_from(["frame", "uniform"]),
    "maximum_time": st.floats(0.001, 10),
    "cores": st.floats(0.5, 64),
    "chunk": st.one_of(st.integers(1, 99), st.just("inf")),
    "unused": st.sampled_from(["drop", "keep", "keep:4"]),
    "age_limit": st.one_of(st.integers(1, 99), st.just("auto")),
    "cancel_after": st.one_of(st.floats(0.001, 10), st.just("auto")),
    "horizon": st.floats(0.1, 1e6),
}


@given(st.fixed_dictionaries({}, optional=VALUES))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back(values):
    asked = Scenario(**values)
    for again in (
        Scenario.from_toml(asked.to_toml()),
        Scenario.from_json(json.dumps(asked.to_json(), allow_nan=False)),
        Scenario.from_json(asked.to_json()),
        asked.replace(),
    ):
        assert again == asked
        assert hash(again) == hash(asked)
        assert repr(again) == repr(asked)


def test_files(tmp_path):
    asked = Scenario(0.1, fps=60, workers=3)
    (tmp_path / "s.toml").write_text(asked.to_toml())
    (tmp_path / "s.json").write_text(json.dumps(asked.to_json()))
    assert Scenario.from_toml(tmp_path / "s.toml") == Scenario.from_toml(str(tmp_path / "s.toml")) == asked
    assert Scenario.from_json(tmp_path / "s.json") == asked
    for read, name in ((Scenario.from_toml, "s.json"), (Scenario.from_json, "s.toml"), (Scenario.from_toml, "no.toml")):
        with pytest.raises(InputError):
            read(tmp_path / name)


def test_samples_in_memory_have_no_text():
    asked = Scenario([0.1, 0.2])
    assert asked == asked.replace()
    with pytest.raises(InputError, match="inference time samples cannot be written as text"):
        asked.to_toml()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"workers": 2.5}, "workers must be a whole number of at least 1 or inf, not 2.5"),
        ({"workers": "many"}, "workers must be a whole number of at least 1 or inf, not 'many'"),
        ({"workers": True}, "workers must be a whole number of at least 1 or inf, not True"),
        ({"rule": "magic"}, "unknown staggering rule 'magic'"),
        ({"hold": 0}, "hold must be a whole number of frames, at least 1, or auto, not 0"),
        ({"hold": 2**23}, "hold must be at most 4194304 frames, not 8388608"),
        ({"mode_probability": 1.5}, r"mode probability must lie in \[0, 1\], not 1.5"),
        ({"mode": "jumps"}, "mode must be one of stays, moves, not 'jumps'"),
        ({"default_behaviour": "sleep"}, "default behaviour must be one of noop, repeat, random, not 'sleep'"),
        ({"unused": "keep:0"}, "unused must be drop, keep or keep:M with M outputs at most, not 'keep:0'"),
        ({"age_limit": "old"}, "age limit must be a whole number of frames, at least 1, or auto, not 'old'"),
        ({"chunk": 0}, "chunk must be a whole number of frames, at least 1, or inf, not 0"),
        ({"cancel_after": -1}, "cancel after must be a positive, finite number of seconds, not -1"),
        ({"cores": 0}, "cores must be a positive, finite number, not 0"),
        ({"actions": "two"}, "actions must be a whole number of at least 1, not two"),
        ({"gap_default": math.nan}, "gap of the default behaviour must be a finite number of at least 0, not nan"),
        ({"frame_time": 0.1, "fps": 10}, "give frame time or fps, not both: they are 0.1 and 10"),
        ({"fps": 0}, "fps must be a positive, finite number of frames per second, not 0"),
        ({"frame_time": None}, "frame time must be given, not None"),
        ({"chunk": 3, "default_behaviour": "repeat"}, "default_behaviour cannot be 'repeat'"),
    ],
)
def test_each_value_is_checked_when_the_scenario_is_made(values, message):
    with pytest.raises(InputError, match=message):
        Scenario(**values)


def test_unknown_names_are_named():
    for make in (
        lambda: Scenario(0.1, wrkers=3),
        lambda: Scenario(0.1).replace(wrkers=3),
        lambda: Scenario.from_toml("wrkers = 3"),
    ):
        with pytest.raises(InputError, match=r"a scenario has no 'wrkers' \(did you mean workers\?\)"):
            make()


def test_the_service_model_follows_from_the_other_fields():
    assert Scenario().service_model == "once"
    assert Scenario(default_behaviour="repeat").service_model == "repeat"
    assert Scenario(chunk=4).service_model == "chunk"


def test_every_field_is_explained():
    assert set(meanings(Scenario)) == {*FIELDS, "fps", "execution_horizon"}


# Each default is written once: what every entry point takes if nothing is given is the scenario's.


def test_the_command_line_has_the_defaults_of_the_scenario():
    from regretlab.cli.compare import _World
    from regretlab.cli.run import Served
    from regretlab.cli.scenario import PlanningWorld, ScenarioOptions

    seen = set()
    for group in (_World, Served, PlanningWorld, ScenarioOptions):
        for option in dataclasses.fields(group):
            if option.name not in ("fps", "execution_horizon") and option.default is not dataclasses.MISSING:
                seen.add(option.name)
                default = FIELDS[option.name].default
                assert option.default == (default if default is None or isinstance(option.default, float) else
                                          type(option.default)(default))  # fmt: skip
    assert seen >= {"rule", "workers", "hold", "alignment", "frame_time", "gap_default", "default_behaviour", "mode"}


def test_runs_and_sweeps_have_the_defaults_of_the_scenario():
    from regretlab.needs import absent

    if absent("play"):
        pytest.skip("runs need the extra play")
    from regretlab.play.configuration import RunConfiguration
    from regretlab.sweeps.commands import COMMANDS

    models = [RunConfiguration, *(COMMANDS[name].parameters for name in ("bound", "simulate", "run"))]
    for model in models:
        shared = set(model.model_fields) & set(FIELDS) - {"frame_time", "inference_time", "mode_probability"}
        assert {"workers", "rule", "hold", "alignment"} <= shared
        for name in shared:
            assert model.model_fields[name].default == FIELDS[name].default, (model, name)
    played, swept = RunConfiguration.model_fields, COMMANDS["run"].parameters.model_fields
    assert (swept["policy"].default, swept["frames"].default) == (played["policy"].default, played["frames"].default)
    simulated = inspect.signature(rl.simulate).parameters
    for name in ("frames", "replications"):
        assert COMMANDS["simulate"].parameters.model_fields[name].default == simulated[name].default


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicas": 0}, "replicas must be a whole number of at least 1, not 0"),
        ({"batch_law": "0.1"}, "batch law must be two times .alpha, beta. in seconds, both positive, not '0.1'"),
        ({"batch_law": (0.1, -1)}, "batch law must be two times .alpha, beta. in seconds, both positive"),
    ],
)
def test_what_racing_and_batches_take(options, message):
    assert rl.Scenario(0.1, batch_law=("10ms", 0.002)).batch_law == "0.01, 0.002"
    with pytest.raises(InputError, match=message):
        rl.Scenario(0.1, **options)


def test_a_number_says_where_it_comes_from():
    asked = rl.Scenario("expon(scale=0.05)", mode_probability=0.9, workers=2, rule="frame-pool")
    assert rl.bound(asked).regret.estimate().method == "exact"
    assert rl.bound(asked.replace(rule="free-running")).regret.estimate().method == "series"
    simulated = rl.simulate(asked, frames=1000, replications=2)
    assert (simulated.regret.estimate().method, simulated.regret.learning) == ("simulation", None)
    least = rl.lower_bound(asked)
    assert least.regret.total == pytest.approx(least.regret_per_frame)
    assert least.over_horizon is None
    assert rl.lower_bound(asked.replace(horizon=60)).over_horizon == pytest.approx(60 * least.regret_per_second)


def test_one_question_has_one_answer(answer_of_the_command_line):
    """The same fields through Python, command line and a sweep: the same number."""
    from regretlab.theory.realtime import bound

    asked = Scenario("gamma(4, scale=20ms)", mode_probability=0.95, workers=4)
    expected = bound(asked).regret.total
    words = ["--inference-time", "gamma(4, scale=0.02)", "--mode-probability", "0.95", "--workers", "4"]
    assert answer_of_the_command_line("bound", *words)["regret_per_frame"]["total"] == expected
    from regretlab.sweeps.commands.bound import BOUND

    point = {name: field.default for name, field in BOUND.parameters.model_fields.items()}
    point |= {"inference_time": "gamma(4, scale=0.02)", "workers": 4}
    found = BOUND.evaluate(point, {"mode_probability": [0.95]}, [0])
    assert float(np.atleast_1d(found["regret"])[0]) == pytest.approx(expected, abs=1e-15)


@pytest.fixture
def answer_of_the_command_line(capsys):
    from regretlab.cli import main

    def answer(*words):
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return answer
