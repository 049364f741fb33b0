"""Every figure: its points lie where theory says, its data file draws it again to the byte, its caption says it all."""

import json

import pytest

from paper_figures import FIGURES, make_figures
from regretlab.errors import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make every figure once, quickly."""
    return make_figures((), tmp_path_factory.mktemp("figures"), quick=True, seed=3)


def test_all_figures_are_made(made):
    assert set(made) == set(FIGURES)
    for name, files in made.items():
        assert [file.name for file in files] == [f"{name}.{form}" for form in ("json", "txt", "pdf", "svg")]
        assert all(file.stat().st_size > 100 for file in files)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_the_data_draws_the_figure_again(name, made, tmp_path, monkeypatch):
    data = json.loads(made[name][0].read_text())
    monkeypatch.setattr(FIGURES[name], "compute", lambda **settings: data)
    again = make_figures((name,), tmp_path)[name]
    for old, new in zip(made[name], again, strict=True):
        assert old.read_bytes() == new.read_bytes()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_the_caption_names_parameters_and_seed(name, made):
    data = json.loads(made[name][0].read_text())
    assert made[name][1].read_text() == data["caption"] + "\n"
    assert f"seeds from {data['seed']}" in data["caption"]
    assert f"{data['frames']:,} frames" in data["caption"]


def test_the_runs_of_the_regret_figure_confirm_its_curves(made):
    """Bonferroni over nine points: |z| < 4.5 has probability 0.99994 were the prediction exact and the error known."""
    data = json.loads(made["regret"][0].read_text())
    assert len(data["points"]) == 9
    for point in data["points"]:
        assert abs(point["regret"] - point["predicted"]) < 4.5 * point["standard_error"]
        assert point["standard_error"] < 0.02


def test_the_curves_of_the_regret_figure_say_what_the_paper_says(made):
    """Beyond a frame sequential play loses frames, staggered play none: it pays less at every inference time."""
    data = json.loads(made["regret"][0].read_text())
    curves = {curve["rule"]: curve for curve in data["curves"]}
    slow = [index for index, t in enumerate(curves["sequential"]["seconds"]) if t > 1.001 * data["frame_time"]]
    for index in slow:
        sequential, pool = curves["sequential"]["regret"][index], curves["frame-pool"]["regret"][index]
        assert pool < sequential
        frames = (1 - pool) / (1 - sequential)  # the actions of both are of one age, and sequential play serves 1 in D
        assert frames == pytest.approx(round(frames), abs=1e-6)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="unknown figure 'regert'"):
        make_figures(("regert",), tmp_path / "f")
    assert not (tmp_path / "f").exists()
