"""The paper's claims: each has a figure and a judgement made from data, and judgements can come out either way."""

import re

import pytest
from scipy import stats

from paper_figures import FIGURES, duel, figure_module
from paper_figures.claims import CLAIMS, OUTCOMES, judge_growth, judgement
from paper_figures.delays import WAYS, judge_sizes, said_verdict
from paper_figures.differences import difference, sign

pytestmark = [pytest.mark.figures, pytest.mark.xdist_group("figures")]  # in one process, so that they are made once


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
    luck = {WAYS[0]: (-0.1, 0.0, 0.1), WAYS[1]: (0.0, 0.1, -0.1)}  # Student's t of the differences: 0.43 to each side
    seeds = {way: [[pair[index] + d for d in luck[way]] for pair in pairs] for index, way in enumerate(WAYS)}
    return {
        "title": "t",
        "models": [str(index) for index in range(len(pairs))],
        "ways": {way: [[1, pair[index], 0.1] for pair in pairs] for index, way in enumerate(WAYS)},
        "floors": {"random": [0.0, 0.1]},
        "by_seed": {"ways": seeds, "floors": {"random": [0.05, 0.0, -0.05]}},
    }


@pytest.mark.parametrize(
    ("pairs", "outcome", "ahead", "clear"),
    [
        (((1.0, 0.5), (0.8, 0.1)), "holds on a stand-in", 2, 2),
        (((1.0, 0.5), (0.8, 0.7)), "holds in part", 1, 1),
        (((1.0, 0.5), (0.1, -0.9)), "holds in part", 2, 1),
        (((0.1, -0.5), (0.1, -0.9)), "undecided", 2, 0),
        (((1.0, 0.95), (0.8, 0.7)), "undecided", 0, 0),
        (((0.5, 1.0), (0.8, 0.1)), "does not hold", 1, 1),
    ],
)
def test_the_comparison_by_size_counts_differences_told_from_zero_and_from_the_floors(pairs, outcome, ahead, clear):
    judged = judge_sizes([_panel(*pairs)], "nobody")
    assert judged["outcome"] == outcome
    assert f"ahead in {ahead} of 2 pairs ({clear} of them clear of random play and no-op)" in judged["because"]


def test_differences_are_told_apart_where_single_intervals_overlap():
    """The luck that two players share by their seed is not in their difference."""
    low = [-1.0, -0.5, 0.0, 0.5, 1.0]
    high = [value + apart for value, apart in zip(low, (0.3, 0.5, 0.4, 0.5, 0.3), strict=True)]
    interval = stats.ttest_rel(high, low).confidence_interval(0.95)
    ends = difference(high, low)
    assert ends == pytest.approx((interval.low, interval.high))
    assert stats.sem(low) * stats.t.ppf(0.975, 4) > 0.4  # each mean's own interval is wider than what lies between
    assert sign(ends) == 1
    assert sign(difference(low, high)) == -1
    assert sign(difference(low, low)) == 0


def test_a_difference_that_never_varies_is_known():
    assert difference([1.0, 2.0], [0.25, 1.25]) == (0.75, 0.75)


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


LOW, HIGH, WIDE = [1.0, 2.0, 1.0, 2.0, 1.5], [5.0, 6.0, 5.0, 6.0, 5.3], [0.0, 9.0, 1.0, 5.0, 2.0]
NOTHING = [0.0, 0.0, 0.1, 0.0, 0.0]


@pytest.mark.parametrize(
    ("pairs", "outcome"),
    [
        (((HIGH, LOW), (HIGH, LOW)), "holds on a stand-in"),
        (((HIGH, LOW), (WIDE, LOW)), "holds in part"),
        (((WIDE, LOW), (WIDE, LOW)), "undecided"),
        (((LOW, HIGH), (WIDE, LOW)), "does not hold"),
    ],
)
def test_progress_on_duel_is_judged_by_the_interval_of_the_difference(pairs, outcome):
    judged = duel._judged([_progress(*pair, random=NOTHING) for pair in pairs])
    assert judged["outcome"] == outcome
    assert "fewer than random" not in judged["because"]


def test_more_than_sequential_play_is_not_enough_without_more_than_random_play():
    judged = duel._judged([_progress(HIGH, LOW, random=WIDE)])
    assert judged["outcome"] == "undecided"
    assert "nowhere win more than random play by the same rule" in judged["because"]


def test_agents_below_random_play_are_named():
    judged = duel._judged([_progress(LOW, LOW, random=HIGH)])
    assert judged["because"].endswith(
        "fewer than random play by the same rule: staggered (t), sequential, concurrent learning (t)"
    )


def test_the_verdict_says_where_sequential_is_ahead_and_where_it_cannot_tell():
    said = said_verdict(_panel((1.0, 0.5), (0.8, 0.7), (0.1, 0.9)))
    parts = said.split("; ")
    assert parts[0].endswith("1 ± 0.1 against 0.5 ± 0.1")
    assert parts[1].endswith("undecided")
    assert parts[2].endswith("sequential is ahead, staggered play not clear of the floors")


def test_other_outcomes_are_refused():
    with pytest.raises(AssertionError):
        judgement("proved", "1")
