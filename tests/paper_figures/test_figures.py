"""Every figure: its points lie where theory says, its data file draws it again to the byte, its caption says it all."""

import itertools
import json
import re

import pytest
from scipy import stats

from paper_figures import FIGURES, figure_module, make_figures
from paper_figures.making import FORMS, RESULTS
from regretlab.errors import InputError
from regretlab.experiments import read_results
from regretlab.mdp.delayed import solve_delayed
from regretlab.mdp.families import parse_mdp

SEED = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make every figure once, quickly."""
    return make_figures((), tmp_path_factory.mktemp("figures"), quick=True, seed=SEED)


def data_of(made, name):
    return json.loads(made[name][0].read_text())["data"]


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


def _empty():
    from matplotlib.figure import Figure

    return Figure()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_captions_hold_claim_seed_interval_and_verdict(name, made):
    title, claim, caption, verdict = made[name][1].read_text().strip().split("\n\n")
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


def test_the_gallery_shows_every_figure_with_its_files(made):
    folder = made["regret"][0].parent
    page = (folder / "index.html").read_text()
    for target in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert (folder / target).exists(), target
    assert all(figure_module(name).TITLE in page for name in FIGURES)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="unknown figure 'regert'"):
        make_figures(("regert",), tmp_path / "f")
    assert not (tmp_path / "f").exists()


# ---- what is drawn, against the theory


def test_the_runs_of_the_regret_figure_confirm_its_curves(made):
    """Bonferroni over nine points: |z| < 4.5 has probability 0.99994 were the prediction exact and the error known."""
    points = data_of(made, "regret")["points"]
    assert len(points) == 9
    for point in points:
        assert abs(point["regret"] - point["predicted"]) < 4.5 * point["standard_error"]
        assert point["standard_error"] < 0.02


def test_the_curves_of_the_regret_figure_say_what_the_paper_says(made):
    """Beyond a frame sequential play loses frames, staggered play none: it pays less at every inference time."""
    data = data_of(made, "regret")
    curves = {curve["rule"]: curve for curve in data["curves"]}
    slow = [index for index, t in enumerate(curves["sequential"]["seconds"]) if t > 1.001 * data["frame_time"]]
    for index in slow:
        sequential, pool = curves["sequential"]["regret"][index], curves["frame-pool"]["regret"][index]
        assert pool < sequential
        frames = (1 - pool) / (1 - sequential)  # the actions of both are of one age, and sequential play serves 1 in D
        assert frames == pytest.approx(round(frames), abs=1e-6)


def test_schedules_are_drawn_from_consistent_records(made):
    """An action takes effect at the first boundary at or after its release; its age counts from its start's frame."""
    for panel in data_of(made, "schedules")["panels"]:
        starts_of = {}
        for bar in panel["bars"]:
            assert bar["start"] < bar["completion"] <= bar["release"] + 1e-9
            assert 0 <= bar["effect"] - bar["release"] + 1e-6 < 1 + 2e-6
            if not bar["overwritten"]:
                starts_of[bar["effect"]] = bar["start"]
        for frame, delay in enumerate(panel["delays"]):
            if delay >= 0 and frame in starts_of:
                assert 0 <= starts_of[frame] - (frame - delay) + 1e-6 < 1 + 2e-6
    served = {panel["rule"]: panel["served_fraction"] for panel in data_of(made, "schedules")["panels"]}
    assert served["sequential"] == pytest.approx(0.2, abs=0.01)
    assert served["max-time"] == 1.0


def test_decomposition_rises_with_time_and_stochasticity_and_meets_its_runs(made):
    data = data_of(made, "decomposition")
    assert max(map(abs, data["z"])) < 4.5  # 30 points
    for panel in data["panels"]:
        assert all(a <= b + 1e-12 for a, b in itertools.pairwise(panel["inaction"])) or panel["rule"] == "max-time"
        for lower, higher in itertools.pairwise(panel["curves"]):
            assert all(high <= low + 1e-12 for low, high in zip(lower, higher, strict=True))
        for curve in panel["curves"]:
            assert all(share <= total + 1e-12 for share, total in zip(panel["inaction"], curve, strict=True))
    staggered = next(panel for panel in data["panels"] if panel["rule"] == "max-time")
    assert max(staggered["inaction"]) < 1e-12


def test_the_phase_diagram_turns_at_its_boundary(made):
    """Regions are computed by comparing three regrets; the line is Lambert's W: they must agree to a frame."""
    data = data_of(made, "phase-diagram")
    for panel in data["panels"]:
        for row, edge in zip(panel["regions"], panel["boundary"], strict=True):
            for delay, regime in zip(data["delays"], row, strict=True):
                frames = max(1.0, -(-delay // 1))
                assert regime == (2 if frames > edge else 1 if frames > 1 else 0)
        assert all(point["chosen"] == point["predicted"] for point in panel["points"] if point["clear"])


def test_simulated_and_played_service_laws_meet_the_closed_forms(made):
    """Within 4.5/2.576 of the 99 % intervals. Max-time learns its longest time, so its fractions drift a little."""
    for panel in data_of(made, "service-laws")["panels"]:
        for source in ("simulated", "played"):
            shares = [panel[source]["inaction"], *panel[source]["delay_law"]]
            assert sum(shares) == pytest.approx(1, abs=1e-9)
        if panel["closed"] is None or panel["rule"] == "max-time":
            continue
        exact = [panel["closed"]["inaction"], *panel["closed"]["delay_law"]]
        for source in ("simulated", "played"):
            shares = [panel[source]["inaction"], *panel[source]["delay_law"]]
            intervals = [panel[source]["inaction_interval"], *panel[source]["intervals"]]
            for value, share, interval in zip(exact, shares, intervals, strict=True):
                assert abs(share - value) < 4.5 / 2.576 * interval + 1e-3


def test_best_model_sizes_are_the_lowest_points_of_their_curves(made):
    data = data_of(made, "model-size")
    for curve in data["curves"]:
        assert curve["best"]["regret"] <= min(curve["staggered"]) + 1e-9
        assert curve["best_sequential"]["regret"] <= min(curve["sequential"]) + 1e-9
        assert curve["searched_size"] == pytest.approx(curve["best"]["size"], rel=1e-5)
        assert all(abs(point["z"]) < 4.5 for point in curve["points"])
        assert curve["best"]["regret"] <= curve["best_sequential"]["regret"]


def test_tolerable_times_keep_the_budget_and_no_more(made):
    data = data_of(made, "tolerable-time")
    for curve in data["curves"]:
        for jump, frames in zip(data["jumps"], curve["constant"], strict=True):
            assert 1 - (1 - jump) ** frames <= curve["budget"] + 1e-12 < 1 - (1 - jump) ** (frames + 1) + 2e-12
        assert all(later <= earlier for earlier, later in itertools.pairwise(curve["constant"]))


def test_the_numbers_of_workers_found_by_runs_are_those_of_the_remark(made):
    data = data_of(made, "inference-workers")
    for point in data["searched"]:
        assert point["found"] == point["formula"]
        assert all(trial["inaction"] > 0 for trial in point["tried"][:-1])
    assert [network["parameters"] for network in data["networks"]] == sorted(
        network["parameters"] for network in data["networks"]
    )
    assert all(network["workers_mean"] <= network["workers_largest"] for network in data["networks"])


def test_the_numbers_of_learners_found_by_runs_are_those_of_the_formula(made):
    """Below N_L* the share is N_L / x, as predicted; at N_L* it is one, up to the first batch and the last steps."""
    data = data_of(made, "learning-workers")
    for point in data["searched"]:
        assert point["found"] == point["formula"]
        for trial in point["tried"]:
            assert trial["share"] == pytest.approx(min(1, trial["learners"] / point["frames"]), abs=0.03)
    for network in data["networks"]:
        assert network["learners"] == -(-network["frames_mean"] // 1)


def test_the_measured_intervals_add_up(made):
    results = data_of(made, "action-intervals")["results"]
    assert {rule["rule"] for rule in results["rules"]} == {"max-time", "expected-time", "frame-pool", "frame-hold"}
    for rule in results["rules"]:
        releases = rule["releases"]
        assert sum(releases["counts"]) + releases["longer"] == releases["number"]
        middles = [(low + high) / 2 for low, high in itertools.pairwise(results["edges"])]
        if not releases["longer"]:  # the histogram's mean is the mean to half a bin
            mean = sum(c * m for c, m in zip(releases["counts"], middles, strict=True)) / releases["number"]
            assert abs(mean - releases["mean"]) < results["edges"][1]


def test_learners_stay_above_the_bound_and_inaction_overtakes_learning(made):
    data = data_of(made, "learning")
    for curve in data["bandit"]["curves"]:
        for value, error, bound in zip(curve["regret"], curve["error"], data["bandit"]["bound"], strict=True):
            assert value - 2.576 * error > bound
        fit = data["bandit"]["slopes"][curve["name"]]
        assert abs(fit["slope"] - 0.5) < 0.02 + 4 * fit["error"]
    parts = {curve["name"]: curve["regret"] for curve in data["slow"]["curves"]}
    half = len(parts["learning"]) // 2
    assert parts["inaction"][-1] / parts["inaction"][half - 1] == pytest.approx(2, abs=0.01)
    assert parts["learning"][-1] / parts["learning"][half - 1] < 1.9
    assert data["slow"]["crossing"]["crossed"]
    assert 0.5 < data["slow"]["crossing"]["from_root"] / data["slow"]["crossing"]["measured"] < 2


def test_the_map_of_the_hold_says_what_its_simulations_found(made):
    data = data_of(made, "hold")
    for cell in data["cells"]:
        rivals = cell["regret"]["max-time"], cell["regret"]["expected-time"]
        assert cell["saved"] == pytest.approx(min(rivals) - cell["regret"]["frame-hold"])
        assert cell["saved_free"] == pytest.approx(cell["regret"]["free-running"] - cell["regret"]["frame-hold"])
    for cell in data["cells"]:  # free-running has a closed form: 35 cells, |z| < 4.5
        assert abs(cell["regret"]["free-running"] - cell["free_exact"]) < 4.5 * cell["error"]["free-running"] + 1e-4


@pytest.mark.parametrize(("name", "file"), [("stacker", "stacker"), ("stacker", "stacker_fast"), ("boxing", "boxing")])
def test_rewards_against_delay_are_those_of_the_committed_results(name, file, made):
    """Means and t-intervals computed here from the rows; sequential agents act once in delay + 1 frames."""
    rows = read_results(RESULTS / f"{file}.parquet")
    panel = data_of(made, name)["panels"][file == "stacker_fast"]
    for way, points in panel["ways"].items():
        assert [delay for delay, _, _ in points] == [1, 5, 8, 70]
        for delay, mean, half in points:
            own = rows[(rows["case"] == "script") & (rows["delay"] == delay) & (rows["interaction"] == way)]
            by_seed = own.groupby("seed")["reward"].sum() / own.groupby("seed")["frames"].sum()
            assert len(by_seed) >= 5
            assert mean == pytest.approx(by_seed.mean())
            assert half == pytest.approx(stats.t.ppf(0.975, len(by_seed) - 1) * stats.sem(by_seed))
            # in each episode the first action comes delay frames late, then one a frame or one in delay + 1
            played, acted = own["frames"].sum(), (own["acted"] * own["frames"]).sum()
            waited = delay * (own["episodes"].sum() + len(by_seed))
            every = 1 if way == "asynchronous" else delay + 1
            assert (played - waited) / every - 1e-6 <= acted <= (played + waited) / every + 1e-6


def test_stacker_keeps_its_reward_where_actions_come_in_every_frame(made):
    """The paper's comparison: from 5 frames of delay on the intervals do not touch; and floors lie below."""
    for panel in data_of(made, "stacker")["panels"]:
        for (delay, high, above), (_, low, below) in zip(
            panel["ways"]["asynchronous"], panel["ways"]["sequential"], strict=True
        ):
            if delay >= 5:
                assert high - above > low + below
            assert high - above > max(mean + half for mean, half in panel["floors"].values())


def test_the_prediction_from_staleness_is_exact_where_nothing_is_late(made):
    """Without delay every decision agrees with itself; with it the prediction is between its two ends."""
    for game in data_of(made, "staleness")["games"].values():
        assert game["delays"][0] == 0
        assert game["predicted"][0] == pytest.approx(game["measured"][0])
        assert game["error"][0] == pytest.approx([0, 0], abs=1e-12)
        floor, best = game["random"][0], game["measured"][0][0]
        assert all(floor <= mean <= best + 1e-12 for mean, _ in game["predicted"])


def test_dqn_comes_to_the_oracles_reward(made):
    """At least 99 %, the goal; blocking learning and sequential inference stay below."""
    data = data_of(made, "learning-progress")
    assert data["ratio"][0] >= 0.99
    staggered, half = data["late"]["staggered"]
    for name in ("sequential, blocking learning", "sequential, learning beside it"):
        assert data["late"][name][0] + data["late"][name][1] < staggered - half


def test_what_late_agents_earn_is_what_the_delayed_chain_allows(made):
    """The allowed reward by dynamic programming on the delayed ring; the oracle meets it; DQN meets the oracle.

    z-bound 4 on the oracle, with the correlation time of successes at most (1 + lambda) / (1 - lambda) frames. DQN's
    goal is 99 % of the oracle's reward when it acts in every frame.
    """
    data = data_of(made, "agents-late")
    symbols, stay, counted = 4, 0.95, 5 * 750
    rate = 1 - (1 - stay) * symbols / (symbols - 1)
    for index, delay in enumerate(data["delays"]):
        ring = parse_mdp(f"ring(p={stay}, symbols={symbols})")
        exact = solve_delayed(ring, delay).gain
        assert data["allowed"]["asynchronous"][index] == pytest.approx(exact)
        assert data["allowed"]["sequential"][index] == pytest.approx(exact / (delay + 1))  # a pause earns nothing
        oracle = data["points"]["oracle"]["asynchronous"][index][0]
        error = (exact * (1 - exact) / counted * (1 + rate) / (1 - rate)) ** 0.5
        assert abs(oracle - exact) < 4 * error
        assert data["points"]["DQN"]["asynchronous"][index][0] >= 0.99 * oracle
