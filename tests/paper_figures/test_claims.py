"""The paper's claims: each has a figure and a judgement made from data, and judgements can come out either way."""

import re

import pytest
from scipy import stats

from paper_figures import FIGURES, duel, figure_module
from paper_figures.claims import CLAIMS, OUTCOMES, judge_growth, judgement
from paper_figures.delays import WAYS, judge_sizes, said_verdict
from paper_figures.differences import difference, sign

pytestmark = pytest.mark.xdist_group("figures")  # so that they are made once


def test_each_of_the_ten_claims_has_a_figure():
    named = {number for name in FIGURES for number in getattr(figure_module(name), "CLAIMS", ())}
    assert list(CLAIMS) == list(range(1, 11))
    assert named == set(CLAIMS)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_judges_the_claims_it_names(name, data_of):
    judged = data_of(name).get("judged", {})
    assert {int(number) for number in judged} == set(getattr(figure_module(name), "CLAIMS", ()))
    for entry in judged.values():
        assert entry["outcome"] in OUTCOMES
        assert re.search(r"\d", entry["because"])


def test_the_gallery_has_a_row_for_each_claim_with_its_figures(made, data_of):
    page = (made["regret"][0].parent / "index.html").read_text()
    rows = re.findall(r"<tr>(.*?)</tr>", page.split("<tbody>")[1].split("</tbody>")[0], re.DOTALL)
    assert len(rows) == len(CLAIMS)
    for number, row in enumerate(rows, start=1):
        assert f"<td>{number}</td>" in row
        wanted = {name for name in FIGURES if number in getattr(figure_module(name), "CLAIMS", ())}
        assert set(re.findall(r'href="#([^"]+)"', row)) == wanted
        for name in wanted:
            assert data_of(name)["judged"][str(number)]["outcome"] in row


@pytest.mark.parametrize(
    ("slope", "half", "outcome"),
    [(1.02, 0.05, "holds"), (1.2, 0.05, "holds in part"), (0.4, 0.1, "does not hold"), (1.7, 0.1, "does not hold")],
)
def test_growth_is_linear_where_the_interval_holds_one(slope, half, outcome):
    assert judge_growth({"slope": slope, "interval": half}, "N", 95)["outcome"] == outcome


def _panel(*pairs):
    """Pairs of means, each of three seeds 0.1 apart; random play earns about nothing."""
    seeds = {way: [[pair[index] + d for d in (-0.1, 0.0, 0.1)] for pair in pairs] for index, way in enumerate(WAYS)}
    return {
        "title": "t",
        "models": [str(index) for index in range(len(pairs))],
        "ways": {way: [[1, own[1], 0.1] for own in of_way] for way, of_way in seeds.items()},
        "floors": {"random": [0.0, 0.1]},
        "by_seed": {"ways": seeds, "floors": {"random": [-0.05, 0.0, 0.05]}},
    }


@pytest.mark.parametrize(
    ("pairs", "outcome", "ahead", "clear"),
    [
        (((1.0, 0.5), (0.8, 0.1)), "holds on a stand-in", 2, 2),
        (((1.0, 0.5), (0.8, 0.7)), "holds in part", 1, 1),
        (((1.0, 0.5), (0.1, -0.9)), "holds in part", 2, 1),
        (((1.0, 0.95), (0.8, 0.7)), "not told apart", 0, 0),
        (((0.5, 1.0), (0.8, 0.1)), "does not hold", 1, 1),
    ],
)
def test_the_comparison_by_size_counts_differences_told_from_zero_and_from_the_floors(pairs, outcome, ahead, clear):
    judged = judge_sizes([_panel(*pairs)], "nobody")
    assert judged["outcome"] == outcome
    assert f"ahead in {ahead} of 2 pairs ({clear} of them clear of random play and no-op)" in judged["because"]


def test_differences_are_told_apart_where_single_intervals_overlap():
    """Of five seeds each, means 2.1 standard deviations of a seed apart: t-intervals meet, that of the difference is
    above zero (both worked out by hand from the t quantiles 2.776 and 2.306)."""
    low, high = [-1.0, -0.5, 0.0, 0.5, 1.0], [0.66, 1.16, 1.66, 2.16, 2.66]
    spread = (0.625 / 5) ** 0.5
    assert 1.66 - 2.776 * spread < 0 + 2.776 * spread
    ends = difference(high, low)
    assert ends == pytest.approx((1.66 - 2.306 * 2**0.5 * spread, 1.66 + 2.306 * 2**0.5 * spread), abs=2e-3)
    assert sign(ends) == 1
    assert sign(difference(low, high)) == -1
    assert sign(difference(low, low)) == 0


def test_the_interval_of_a_difference_is_welchs():
    first, second = [0.3, 1.9, 0.7, 2.2, 1.1], [0.1, 0.4, 0.2]
    interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert difference(first, second) == pytest.approx((interval.low, interval.high))


def test_values_that_never_vary_differ_by_what_they_differ():
    assert difference([1.0, 1.0], [0.25, 0.25]) == (0.75, 0.75)


def _progress(staggered, sequential, random):
    totals = {
        "staggered": staggered,
        "sequential": sequential,
        "sequential, learning beside it": sequential,
        "random, staggered": random,
        "random, sequential": random,
    }
    curves = {label: {"mean": [sum(own) / len(own)], "half": [0.0], "totals": own} for label, own in totals.items()}
    return {"title": "t", "frames": 1, "curves": curves}


LOW, HIGH, WIDE = [1.0, 2.0, 1.0, 2.0, 1.5], [5.0, 6.0, 5.0, 6.0, 5.5], [0.0, 9.0, 1.0, 5.0, 2.0]


@pytest.mark.parametrize(
    ("pairs", "outcome"),
    [
        (((HIGH, LOW), (HIGH, LOW)), "holds on a stand-in"),
        (((HIGH, LOW), (WIDE, LOW)), "holds in part"),
        (((WIDE, LOW), (WIDE, LOW)), "not told apart"),
        (((LOW, HIGH), (WIDE, LOW)), "does not hold"),
    ],
)
def test_progress_on_duel_is_judged_by_the_interval_of_the_difference(pairs, outcome):
    judged = duel._judged([_progress(*pair, random=LOW) for pair in pairs])
    assert judged["outcome"] == outcome
    assert "random" not in judged["because"]


def test_agents_below_random_play_are_named():
    judged = duel._judged([_progress(LOW, LOW, random=HIGH)])
    assert judged["because"].endswith(
        "fewer than random play by the same rule: staggered (t), sequential, learning beside it (t)"
    )


def test_the_verdict_says_where_sequential_is_ahead_and_where_it_cannot_tell():
    said = said_verdict(_panel((1.0, 0.5), (0.8, 0.7), (0.1, 0.9)))
    parts = said.split("; ")
    assert parts[0].endswith("0.5 ± 0.1")
    assert parts[1].endswith("not told apart")
    assert parts[2].endswith("sequential is ahead, asynchronous not clear of the floors")


def test_other_outcomes_are_refused():
    with pytest.raises(AssertionError):
        judgement("proved", "1")
