"""Every figure: its data file draws it again to the byte, its caption says it all, the gallery shows it."""

import re
from pathlib import Path

import pytest
from markupsafe import escape

from paper_figures import FIGURES, figure_module, make_figures
from paper_figures.making import FORMS
from regretlab.errors import InputError

ROOT = Path(__file__).parents[2]
SEED = 0
pytestmark = [pytest.mark.figures, pytest.mark.xdist_group("figures")]  # in one process, so that they are made once


def test_all_figures_are_made(made):
    assert set(made) == set(FIGURES)
    for name, files in made.items():
        assert [file.name for file in files] == [f"{name}.{form}" for form in ("json", "txt", *FORMS)]
        assert all(file.stat().st_size > 100 for file in files)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_kept_data_are_drawn_again_to_the_byte_and_not_computed_again(name, made, monkeypatch):
    before = {file: file.read_bytes() for file in made[name]}

    def never(**settings):
        raise AssertionError("computed again")

    monkeypatch.setattr(figure_module(name), "compute", never)
    make_figures((name,), made[name][0].parent, quick=True, seed=SEED)
    assert {file: file.read_bytes() for file in made[name]} == before


def test_other_settings_and_damaged_files_are_computed_again(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        figure_module("tolerable-time"),
        "compute",
        lambda **settings: calls.append(settings) or {"caption": "c", "verdict": "v"},
    )
    monkeypatch.setattr(figure_module("tolerable-time"), "draw", lambda data: _empty())
    for seed in (0, 0, 1):
        make_figures(("tolerable-time",), tmp_path, quick=True, seed=seed)
    assert [call["seed"] for call in calls] == [0, 1]
    (tmp_path / "tolerable-time.json").write_text('{"half a fi')
    make_figures(("tolerable-time",), tmp_path, quick=True, seed=1)
    assert len(calls) == 3


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_every_figure_fits_into_a_column(name, made, tmp_path):
    """A picture is cut to what it shows: what sticks out of the page makes it wider than the column."""
    from PIL import Image

    from regretlab.plots.style import WIDTHS

    (tmp_path / made[name][0].name).write_bytes(made[name][0].read_bytes())
    picture = make_figures((name,), tmp_path, quick=True, seed=SEED, width="column")[name][3]
    with Image.open(picture) as shown:
        assert shown.width / 200 == pytest.approx(WIDTHS["column"], rel=0.01)


def test_an_unknown_width_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(InputError, match=r"unknown width 'wide': choose one of column, text, page"):
        make_figures(("schedules",), tmp_path / "new", width="wide")
    assert not (tmp_path / "new").exists()


def _empty():
    from matplotlib.figure import Figure

    return Figure()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_captions_hold_claim_seed_interval_and_verdict(name, made):
    title, claim, caption, verdict, *paper = made[name][1].read_text().strip().split("\n\n")
    module = figure_module(name)
    assert (title, claim) == (module.TITLE, f"Claim: {module.CLAIM}")
    if "Played on" in caption:  # committed results of experiments
        assert re.search(r"Played on .+ by `regretlab experiment \S+ paper_figures/experiments/\S+\.toml", caption)
        assert "95 % intervals" in caption
    elif getattr(module, "RESULTS_READ", ()):
        assert re.search(r"Measured 20\d\d-\d\d-\d\d on .+ by `python -m paper_figures\.\S+", caption)
    elif "nothing random" not in caption:
        assert re.search(rf"seeds? (from )?{SEED}\b", caption)
        assert "99 % interval" in caption or "no figure" in caption
    assert re.match(r"Verdict: .*\d", verdict)
    assert len(paper) == bool(getattr(module, "CLAIMS", ()))


@pytest.mark.parametrize("name", ["boxing", "duel", "stacker"])
def test_a_figure_of_a_script_names_its_counterpart_with_agents_that_learned(name, made):
    caption = made[name][1].read_text()
    assert "script" in caption
    named = [each for each in FIGURES if each.startswith(f"{name}-") and each in caption]
    assert named or re.search("no counterpart with agents that learned|No curve shows agents that learned", caption)
    assert sorted(named) == sorted(each for each in FIGURES if each.startswith(f"{name}-"))


def test_the_picture_of_the_readme_is_what_the_command_draws(tmp_path):
    """``regretlab figures best-rule``: the long runs, five seconds."""
    (shown,) = re.findall(r"^!\[.*\]\((.*)\)$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    drawn = make_figures(("best-rule",), tmp_path)["best-rule"][-1]
    assert drawn.read_text() == (ROOT / shown).read_text()


def test_the_gallery_shows_every_figure_with_its_files(made):
    folder = made["regret"][0].parent
    page = (folder / "index.html").read_text()
    for target in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert (folder / target).exists(), target
    assert all(escape(figure_module(name).TITLE) in page for name in FIGURES)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="unknown figure 'regert'"):
        make_figures(("regert",), tmp_path / "f")
    assert not (tmp_path / "f").exists()


def _entries(figure):
    """Yield (label, colour, marker) of every line, bar or mark that a legend names."""
    from matplotlib.colors import to_hex

    handles = [(axes, *pair) for axes in figure.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    for part in (figure, *figure.subfigs):
        for legend in part.legends:
            texts = [text.get_text() for text in legend.get_texts()]
            handles += [(None, *pair) for pair in zip(legend.legend_handles, texts, strict=True)]
    for _, handle, label in handles:
        drawn = next((each for each in getattr(handle, "lines", ()) if each is not None), handle)  # of an error bar
        drawn = drawn.patches[0] if getattr(drawn, "patches", None) else drawn  # of bars
        if hasattr(drawn, "get_color"):
            marker = drawn.get_marker() if hasattr(drawn, "get_marker") else ""
            yield label, to_hex(drawn.get_color()).upper(), marker
        elif drawn.get_hatch():
            yield label, to_hex(drawn.get_edgecolor()).upper(), ""
        else:
            yield label, to_hex(drawn.get_facecolor()).upper(), ""


WORDS = {
    "max-time": ("max-time", "maximum time", "Algorithm 1", "staggered", "ceil(x)", "undecided"),
    "sequential": ("sequential",),
    "expected-time": ("expected-time", "Algorithm 2"),
    "frame-pool": ("frame pool", "frame-pool"),
    "frame-hold": ("frame hold", "frame-hold"),
    "free-running": ("free-running", "unused outputs dropped", "limit of dropping"),
    "unstaggered": ("started together",),
    "sequential-strict": ("sequential, strict",),
    "kept": ("kept",),
    "cancelled": ("cancelled",),
    "chunks": ("chunk",),
    "inaction": ("inaction", "no action", "not to act", "default behaviour"),
    "learning": ("learning", "ceil(x)"),
    "inference": ("inference",),
    "held": ("held",),
    "takes effect": ("takes effect",),
    "age": ("age of the action",),
}
"""What a legend calls each concept whose colour is its own; others are called by their names."""
NEUTRAL = {
    "#000000": ("bound", "boundary", "virtual clock", "real time", "found by runs", "measured", "simulat", "emulator",
                "run on the virtual clock", "machine", "extrapolated", "of the mean time", "of the largest time",
                "auto", "best size", "free-running workers", "one frame"),
    "#7A828A": ("random", "no-op", "Down held", "fit", "predicted", "closed form", "allowed", "paper", "overwritten",
                "delays of whole frames", "exponential times, mean"),
}  # fmt: skip
"""What the two shared colours stand for: black for bounds and measurements, grey for what play is compared with."""


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_colour_means_one_thing_in_all_figures(name, data_of):
    from regretlab.plots.concepts import CONCEPTS, RAMP, tint
    from regretlab.plots.style import house_style

    with house_style():
        entries = list(_entries(figure_module(name).draw(data_of(name))))
    owners = {look.colour: WORDS.get(concept, (concept,)) for concept, look in CONCEPTS.items()} | NEUTRAL
    owners |= {tint(look.colour, 0.4): WORDS.get(concept, (concept,)) for concept, look in CONCEPTS.items()}
    values = set(RAMP)  # of a parameter
    for label, colour, marker in entries:
        assert colour in values or colour in owners, (label, colour)
        assert colour in values or any(word in label for word in owners[colour]), (label, colour)
        known = {look.marker for look in CONCEPTS.values() if look.colour == colour or colour in values}
        sources = {CONCEPTS[source].marker for source in ("virtual clock", "real time", "simulation", "the paper")}
        assert marker in known | sources | {"None", "none", ""} or label in ("auto", "free-running workers"), (
            label,
            marker,
        )


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_figures_use_one_word_for_one_thing(name, made):
    text = made[name][-1].read_text()  # the letters of an SVG are letters
    shown = re.findall(r"<text[^>]*>(.*?)</text>", text, re.DOTALL)
    assert shown
    shown.append(re.sub(r"`[^`]*`", "", made[name][1].read_text()))  # its caption, without names of commands and files
    for word in ("asynchronous", "modal", "p_minimax", "told", "beside"):
        assert not [each for each in shown if word in each.lower()], word
