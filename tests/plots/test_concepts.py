"""One colour, marker and line for each concept; drawing code states none of its own."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from regretlab.plots.concepts import CONCEPTS, GREY, INK, RAMP, look, look_of_rule, tint
from regretlab.rules import known_rules

ROOT = Path(__file__).parents[2]
DRAWS = sorted(
    file
    for folder in ("paper_figures", "regretlab/plots", "regretlab/explore", "regretlab/validation", "docs/images")
    for file in (ROOT / folder).glob("*.py")
    if file.name != "concepts.py"
)
OPTION = re.compile(r"(fill_|line_)?(color|colors|facecolor|facecolors|edgecolor|edgecolors|ecolor|markerfacecolor|"
                    r"markeredgecolor|c|cmap|fc|ec|marker|fmt)$")  # fmt: skip
FORMAT = re.compile(r"[osDv^<>PXpdhH8x+*.]?(-|--|-\.|:)?[osDv^<>PXpdhH8x+*.]?$")
NEUTRAL = {"white", "none", ""}
OF_BOKEH = {"diamond"}  # what Bokeh calls the marker of what takes effect
COLUMNS = {"colour", "edge"}  # of a Bokeh source


def own_looks(source: str) -> list[str]:
    """Return the colours and markers that code states itself."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(r"#[0-9A-Fa-f]{6}|C[0-9]", node.value):
                found.append(f"line {node.lineno}: {node.value}")
        elif isinstance(node, ast.Call):
            for option in node.keywords:
                either = option.value
                values = [either.body, either.orelse] if isinstance(either, ast.IfExp) else [either]
                stated = {str(each.value) for each in values if isinstance(each, ast.Constant)}
                stated -= NEUTRAL | OF_BOKEH | COLUMNS
                if option.arg and OPTION.match(option.arg) and stated:
                    found.append(f"line {node.lineno}: {option.arg}={min(stated)}")
            if getattr(node.func, "attr", "") in ("plot", "errorbar"):
                formats = [each.value for each in node.args if isinstance(each, ast.Constant)]
                found += [f"line {node.lineno}: {each}" for each in formats if each and FORMAT.match(str(each))]
    return found


@pytest.mark.parametrize("file", DRAWS, ids=lambda file: str(file.relative_to(ROOT)))
def test_drawing_code_states_no_look_of_its_own(file):
    allowed = {"regretlab/plots/regret.py": ["line 152: marker=|"]}  # a tick at the bound of each row
    found = own_looks(file.read_text())
    assert [each.split(": ")[1] for each in found] == [
        each.split(": ")[1] for each in allowed.get(str(file.relative_to(ROOT)), [])
    ], found


@pytest.mark.parametrize(
    "bad",
    ['axes.plot(x, y, "o")', 'axes.plot(x, y, color="C0")', 'axes.bar(x, y, color="black")', 'look = ("#0072B2", 1)',
     'axes.errorbar(x, y, fmt="s")', 'axes.plot(x, y, marker="s" if real else "o")', 'imshow(z, cmap="Blues")'],
)  # fmt: skip
def test_a_look_of_its_own_is_found(bad):
    assert own_looks(bad)


def _lab(colour: str) -> np.ndarray:
    """CIE 1976 L*a*b* of an sRGB colour, white point D65."""
    linear = np.array([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)])
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
                       [0.0193339, 0.119192, 0.9503041]])  # fmt: skip
    xyz = to_xyz @ linear / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_colours_of_two_concepts_are_far_apart():
    """At least 17 units, where 2.3 are just noticeable; black and grey serve several, values of a parameter one."""
    colours = {each.colour: name for name, each in CONCEPTS.items()}
    assert sum(each.colour not in (INK, GREY) for each in CONCEPTS.values()) == len(set(colours) - {INK, GREY})
    everything = colours | dict.fromkeys(RAMP, "a value of a parameter")
    for (one, first), (other, second) in itertools.combinations(everything.items(), 2):
        if first != second:
            assert np.linalg.norm(_lab(one) - _lab(other)) > 17, (first, second)
    assert np.all(np.diff([_lab(colour)[0] for colour in RAMP]) < -8)  # also in print without colour


def test_concepts_of_one_neutral_colour_differ_by_marker_or_line():
    looks = [(each.colour, each.marker, str(each.line), each.hollow) for each in CONCEPTS.values()]
    assert len(set(looks)) == len(looks)


def test_every_rule_has_a_look_and_those_of_others_share_one():
    rules = [rule.name for rule in known_rules()]
    assert {look_of_rule(name).marker for name in rules} == {look(name).marker for name in rules}
    assert look_of_rule("mine") == look_of_rule("yours")
    assert look_of_rule("mine").colour not in {each.colour for each in CONCEPTS.values()}
    with pytest.raises(ValueError, match="no look for 'blue': choose one of sequential"):
        look("blue")


def test_a_tint_is_the_colour_on_white_paper():
    assert tint("#000000", 0.0) == "#FFFFFF"
    assert tint("#0072B2", 1.0) == "#0072B2"
    assert tint("#0072B2", 0.5) == "#80B8D8"
