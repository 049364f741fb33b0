"""What each figure draws, against the theory: monotone where it says so, points within intervals of the curves."""

import itertools
import tomllib

import numpy as np
import pytest
from scipy import stats

from paper_figures.making import RESULTS
from paper_figures.paper_models import ATARI_DELAYS, GAME_BOY_DELAYS
from regretlab.experiments import read_results
from regretlab.mdp.delayed import solve_delayed
from regretlab.mdp.families import parse_mdp
from regretlab.results import interval_quantile

QUANTILE = interval_quantile(0.99)

EXPERIMENTS = RESULTS.parent / "experiments"
pytestmark = [pytest.mark.figures, pytest.mark.xdist_group("figures")]  # in one process, so that they are made once


def test_the_runs_of_the_regret_figure_confirm_its_curves(data_of):
    """Bonferroni over nine points: |z| < 4.5 has probability 0.99994 were the prediction exact and the error known."""
    points = data_of("regret")["points"]
    assert len(points) == 9
    for point in points:
        assert abs(point["regret"] - point["predicted"]) < 4.5 * point["standard_error"]
        assert point["standard_error"] < 0.02


def test_the_curves_of_the_regret_figure_say_what_the_paper_says(data_of):
    """Beyond a frame sequential play loses frames, staggered play none: it pays less at every inference time."""
    data = data_of("regret")
    curves = {curve["rule"]: curve for curve in data["curves"]}
    slow = [index for index, t in enumerate(curves["sequential"]["seconds"]) if t > 1.001 * data["frame_time"]]
    for index in slow:
        sequential, pool = curves["sequential"]["regret"][index], curves["frame-pool"]["regret"][index]
        assert pool < sequential
        frames = (1 - pool) / (1 - sequential)  # the actions of both are of one age, and sequential play serves 1 in D
        assert frames == pytest.approx(round(frames), abs=1e-6)


def test_schedules_are_drawn_from_consistent_records(data_of):
    """An action takes effect at the first boundary at or after its release; its age counts from its start's frame."""
    for panel in data_of("schedules")["panels"]:
        starts_of = {}
        for bar in panel["bars"]:
            assert bar["start"] < bar["completion"] <= bar["release"] + 1e-9
            assert 0 <= bar["effect"] - bar["release"] + 1e-6 < 1 + 2e-6
            if not bar["overwritten"]:
                starts_of[bar["effect"]] = bar["start"]
        for frame, delay in enumerate(panel["delays"]):
            if delay >= 0 and frame in starts_of:
                assert 0 <= starts_of[frame] - (frame - delay) + 1e-6 < 1 + 2e-6
    served = {panel["rule"]: panel["served_fraction"] for panel in data_of("schedules")["panels"]}
    assert served["sequential"] == pytest.approx(0.2, abs=0.01)
    assert served["max-time"] == 1.0


def test_decomposition_rises_with_time_and_stochasticity_and_meets_its_runs(data_of):
    data = data_of("decomposition")
    assert max(map(abs, data["z"])) < 4.5  # 30 points
    for panel in data["panels"]:
        assert all(a <= b + 1e-12 for a, b in itertools.pairwise(panel["inaction"])) or panel["rule"] == "max-time"
        for lower, higher in itertools.pairwise(panel["curves"]):
            assert all(high <= low + 1e-12 for low, high in zip(lower, higher, strict=True))
        for curve in panel["curves"]:
            assert all(share <= total + 1e-12 for share, total in zip(panel["inaction"], curve, strict=True))
    staggered = next(panel for panel in data["panels"] if panel["rule"] == "max-time")
    assert max(staggered["inaction"]) < 1e-12


def test_the_phase_diagram_turns_at_its_boundary(data_of):
    """Regions are computed by comparing three regrets; the line is Lambert's W: they must agree to a frame."""
    data = data_of("phase-diagram")
    for panel in data["panels"]:
        for row, edge in zip(panel["regions"], panel["boundary"], strict=True):
            for delay, regime in zip(data["delays"], row, strict=True):
                frames = max(1.0, -(-delay // 1))
                assert regime == (2 if frames > edge else 1 if frames > 1 else 0)
        assert all(point["chosen"] == point["predicted"] for point in panel["points"] if point["clear"])


def test_simulated_and_played_service_laws_meet_the_closed_forms(data_of):
    """Within 4.5/QUANTILE of the 99 % intervals. Max-time learns its longest time, so its fractions drift a little."""
    for panel in data_of("service-laws")["panels"]:
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
                assert abs(share - value) < 4.5 / QUANTILE * interval + 1e-3


def test_best_model_sizes_are_the_lowest_points_of_their_curves(data_of):
    data = data_of("model-size")
    for curve in data["curves"]:
        assert curve["best"]["regret"] <= min(curve["staggered"]) + 1e-9
        assert curve["best_sequential"]["regret"] <= min(curve["sequential"]) + 1e-9
        assert curve["searched_size"] == pytest.approx(curve["best"]["size"], rel=1e-5)
        assert all(abs(point["z"]) < 4.5 for point in curve["points"])
        assert all(late >= smooth - 1e-12 for late, smooth in zip(curve["in_frames"], curve["staggered"], strict=True))
        assert curve["best"]["regret"] <= curve["best_sequential"]["regret"]


def test_tolerable_times_keep_the_budget_and_no_more(data_of):
    data = data_of("tolerable-time")
    for curve in data["curves"]:
        for jump, frames in zip(data["jumps"], curve["constant"], strict=True):
            assert 1 - (1 - jump) ** frames <= curve["budget"] + 1e-12 < 1 - (1 - jump) ** (frames + 1) + 2e-12
        assert all(later <= earlier for earlier, later in itertools.pairwise(curve["constant"]))
    for place in data["placed"]:  # each of the paper's models where it costs just the budget
        assert place["frames"] == GAME_BOY_DELAYS[place["model"]]
        assert 1 - (1 - place["jump"]) ** place["frames"] == pytest.approx(place["budget"])


def test_the_numbers_of_workers_found_by_runs_are_those_of_the_remark(data_of):
    data = data_of("inference-workers")
    for point in data["searched"]:
        assert point["found"] == point["formula"]
        assert all(trial["inaction"] > 0 for trial in point["tried"][:-1])
    assert [network["parameters"] for network in data["networks"]] == sorted(
        network["parameters"] for network in data["networks"]
    )
    assert all(network["workers_mean"] <= network["workers_largest"] for network in data["networks"])


def test_the_numbers_of_learners_found_by_runs_are_those_of_the_formula(data_of):
    """Below N_L* the share is N_L / x, as predicted; at N_L* it is one, up to the first batch and the last steps."""
    data = data_of("learning-workers")
    for point in data["searched"]:
        assert point["found"] == point["formula"]
        for trial in point["tried"]:
            assert trial["share"] == pytest.approx(min(1, trial["learners"] / point["frames"]), abs=0.03)
    for network in data["networks"]:
        assert network["learners"] == -(-network["frames_mean"] // 1)


def test_learners_beyond_the_measured_networks_lie_on_the_fitted_line(data_of):
    """Line and prediction interval again, by NumPy's least squares and its covariance."""
    data = data_of("learning-workers")
    x, y = np.log([[network["parameters"], network["frames_mean"]] for network in data["networks"]]).T
    (slope, intercept), covariance = np.polyfit(x, y, 1, cov="unscaled")
    variance = ((y - slope * x - intercept) ** 2).sum() / (len(x) - 2)
    beyond = data["extrapolated"]
    at = np.array([np.log(beyond["parameters"]), 1.0])
    half = stats.t.ppf(0.975, len(x) - 2) * np.sqrt(variance * (1 + at @ covariance @ at))
    middle = at @ [slope, intercept]
    assert beyond["parameters"] > 1e9 > max(network["parameters"] for network in data["networks"])
    assert np.log([beyond["low"], beyond["frames"], beyond["high"]]) == pytest.approx(
        [middle - half, middle, middle + half]
    )
    assert beyond["learners"] == -(-beyond["frames"] // 1)


def test_the_measured_intervals_add_up(data_of):
    results = data_of("action-intervals")["results"]
    assert {rule["rule"] for rule in results["rules"]} == {"max-time", "expected-time", "frame-pool", "frame-hold"}
    for rule in results["rules"]:
        releases = rule["releases"]
        assert sum(releases["counts"]) + releases["longer"] == releases["number"]
        middles = [(low + high) / 2 for low, high in itertools.pairwise(results["edges"])]
        if not releases["longer"]:  # the histogram's mean is the mean to half a bin
            mean = sum(c * m for c, m in zip(releases["counts"], middles, strict=True)) / releases["number"]
            assert abs(mean - releases["mean"]) < results["edges"][1]


def test_learners_stay_above_the_bound_and_inaction_overtakes_learning(data_of):
    data = data_of("learning")
    for curve in data["bandit"]["curves"]:
        for value, error, bound in zip(curve["regret"], curve["error"], data["bandit"]["bound"], strict=True):
            assert value - QUANTILE * error > bound
        fit = data["bandit"]["slopes"][curve["name"]]
        assert abs(fit["slope"] - 0.5) < 0.02 + 4 * fit["error"]
    parts = {curve["name"]: curve["regret"] for curve in data["slow"]["curves"]}
    half = len(parts["learning"]) // 2
    assert parts["inaction"][-1] / parts["inaction"][half - 1] == pytest.approx(2, abs=0.01)
    assert parts["learning"][-1] / parts["learning"][half - 1] < 1.9
    assert data["slow"]["crossing"]["crossed"]
    assert 0.5 < data["slow"]["crossing"]["from_root"] / data["slow"]["crossing"]["measured"] < 2


def test_the_map_of_the_hold_says_what_its_simulations_found(data_of):
    data = data_of("hold")
    for cell in data["cells"]:
        rivals = cell["regret"]["max-time"], cell["regret"]["expected-time"]
        assert cell["saved"] == pytest.approx(min(rivals) - cell["regret"]["frame-hold"])
        assert cell["saved_free"] == pytest.approx(cell["regret"]["free-running"] - cell["regret"]["frame-hold"])
    for cell in data["cells"]:  # free-running has a closed form: 35 cells, |z| < 4.5
        assert abs(cell["regret"]["free-running"] - cell["free_exact"]) < 4.5 * cell["error"]["free-running"] + 1e-4


def test_four_routes_agree_on_what_holding_saves(data_of):
    """Within 4.5/QUANTILE of each 99 % interval of the closed form, or of the simulation where there is none."""
    cells = data_of("hold-routes")["cells"]
    assert {cell["law"] for cell in cells} == {"gamma", "lognormal", "k=7"}
    for cell in cells:
        for other, saved in cell["saved"].items():
            assert ("exact" in saved) == (other != "expected-time")
            exact = saved.get("exact", saved["simulated"])
            for route in ("simulated", "virtual", "realtime"):
                allowed = np.hypot(saved[route]["interval"], exact["interval"])
                assert allowed > 0
                assert abs(saved[route]["value"] - exact["value"]) < 4.5 / QUANTILE * allowed, (
                    cell["law"],
                    other,
                    route,
                )


PANELS = {
    ("stacker", 0): ("stacker", GAME_BOY_DELAYS),
    ("stacker", 1): ("stacker_fast", GAME_BOY_DELAYS),
    ("duel", 0): ("duel_battles_delay", {model: delay for model, delay in GAME_BOY_DELAYS.items() if delay < 100}),
    ("duel", 1): ("duel_catching_delay", {model: delay for model, delay in GAME_BOY_DELAYS.items() if delay < 100}),
    ("boxing", 0): ("boxing", ATARI_DELAYS["once as deep"]),
    ("boxing", 1): ("boxing", ATARI_DELAYS["twice as deep"]),
}


@pytest.mark.parametrize(("name", "place"), PANELS)
def test_rewards_against_model_size_are_those_of_the_committed_results(name, place, data_of):
    """Means and t-intervals computed here from the rows; sequential agents act once in delay + 1 frames."""
    file, delays = PANELS[name, place]
    rows = read_results(RESULTS / f"{file}.parquet")
    panel = data_of(name)["panels"][place]
    assert panel["models"] == list(delays)
    for way, points in panel["ways"].items():
        assert [delay for delay, _, _ in points] == list(delays.values())
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
            begun = own["episodes"].sum() + len(by_seed)
            assert (played - waited) / every - begun <= acted <= (played + waited) / every + begun


@pytest.mark.parametrize(
    ("file", "delays", "deep"),
    [
        ("stacker", GAME_BOY_DELAYS, ""),
        ("boxing", ATARI_DELAYS["once as deep"], ""),
        ("boxing", ATARI_DELAYS["twice as deep"], " deep"),
    ],
)
def test_the_models_of_the_figures_are_those_of_the_experiments(file, delays, deep):
    """The paper's size of the experiments and the figures' axis name the same delays."""
    cases = tomllib.loads((EXPERIMENTS / f"{file}.toml").read_text())["case"]
    for model, delay in delays.items():
        of_model = [case for case in cases if case["label"].removeprefix("dqn ") == model + deep]
        assert [case["delay"] for case in of_model] == [[delay]]


def test_what_is_learned_on_stacker_is_that_of_the_committed_results(data_of):
    """Means, t-intervals and paired differences computed here from the rows; both ways made equally many updates."""
    rows = read_results(RESULTS / "stacker_learned.parquet")
    data = data_of("stacker-learned")
    panel = data["panels"][0]
    end = int((rows["first_frame"] + rows["frames"]).max())
    late = rows[rows["first_frame"] >= 0.75 * end]
    means = {}
    for key, own in late.groupby(["case", "interaction", "delay"]):
        means[key] = own.groupby("seed")["reward"].sum() / own.groupby("seed")["frames"].sum()
    for way, points in panel["ways"].items():
        for delay, mean, half in points:
            by_seed = means["DQN", way, delay]
            assert mean == pytest.approx(by_seed.mean())
            assert half == pytest.approx(stats.t.ppf(0.975, len(by_seed) - 1) * stats.sem(by_seed))
    for delay, low, high in data["differences"]:
        apart = means["DQN", "asynchronous", delay] - means["DQN", "sequential", delay]
        half = stats.t.ppf(0.975, len(apart) - 1) * stats.sem(apart)
        assert (low, high) == (pytest.approx(apart.mean() - half), pytest.approx(apart.mean() + half))
    updates = (
        rows[rows["case"] == "DQN"].groupby(["interaction", "delay", "seed"])["updates"].max().unstack("interaction")
    )
    alike = updates["sequential"] / updates["asynchronous"]
    assert (alike.loc[[1, 5, 8, 70]] == 1).all()
    assert (alike.loc[596] > 0.85).all()  # its first five transitions take 3,000 frames, and learning waits for them
    assert panel["floors"]["Down held"][0] == pytest.approx(means["Down held", "asynchronous", 0].mean())


def test_the_distilled_networks_figure_is_that_of_the_committed_results(data_of):
    """Means, t-intervals and paired differences computed here from the rows, network and script apart."""
    rows = read_results(RESULTS / "stacker_distilled.parquet")
    data = data_of("stacker-distilled")
    sums = rows.groupby(["case", "interaction", "delay", "seed"])[["reward", "frames"]].sum()
    means = sums["reward"] / sums["frames"]
    for panel, case in zip(data["panels"], ("distilled", "script"), strict=True):
        for way, points in panel["ways"].items():
            for delay, mean, half in points:
                by_seed = means[case, way, delay]
                assert mean == pytest.approx(by_seed.mean())
                assert half == pytest.approx(stats.t.ppf(0.975, len(by_seed) - 1) * stats.sem(by_seed))
    for delay, low, high in data["differences"]:
        apart = means["distilled", "asynchronous", delay] - means["distilled", "sequential", delay]
        half = stats.t.ppf(0.975, len(apart) - 1) * stats.sem(apart)
        assert (low, high) == (pytest.approx(apart.mean() - half), pytest.approx(apart.mean() + half))
    for share, delay in zip(data["kept"], (1, 5, 8, 70, 596), strict=True):
        of_each = [means[case, "asynchronous", delay].mean() for case in ("distilled", "script")]
        assert share == pytest.approx(of_each[0] / of_each[1])


@pytest.mark.parametrize("setting", ["battles", "catching"])
def test_progress_on_duel_adds_up_the_committed_rewards(setting, data_of):
    """Sums and t-intervals computed here from the rows, and the ends of the curves."""
    rows = read_results(RESULTS / f"duel_{setting}.parquet")
    (panel,) = (panel for panel in data_of("duel")["progress"] if panel["title"] == setting)
    assert list(panel["curves"]) == [label for label in rows["case"].unique() if label != "no-op"]
    for label, curve in panel["curves"].items():
        own = rows[rows["case"] == label]
        assert curve["frames"][-1] == panel["frames"] == own.groupby("seed")["frames"].sum().unique().item()
        for frames, mean, half in zip(curve["frames"][1:], curve["mean"][1:], curve["half"][1:], strict=True):
            won = own[own["first_frame"] < frames].groupby("seed")["reward"].sum()
            assert len(won) >= 5
            assert mean == pytest.approx(won.mean())
            assert half == pytest.approx(stats.t.ppf(0.975, len(won) - 1) * stats.sem(won))
        assert curve["totals"] == own.groupby("seed")["reward"].sum().sort_index().tolist()


def test_a_script_on_duel_is_never_behind_where_actions_come_in_every_frame(data_of):
    for panel in data_of("duel")["panels"]:
        for (_, high, above), (_, low, below) in zip(
            panel["ways"]["asynchronous"], panel["ways"]["sequential"], strict=True
        ):
            assert high + above > low - below


def test_stacker_keeps_its_reward_where_actions_come_in_every_frame(data_of):
    """The paper's comparison: asynchronous play keeps more of it at every size, the intervals apart."""
    for panel in data_of("stacker")["panels"]:
        for (_, high, above), (_, low, below) in zip(
            panel["ways"]["asynchronous"], panel["ways"]["sequential"], strict=True
        ):
            assert high - above > low + below
            assert high > max(mean for mean, _ in panel["floors"].values())
        means = [mean for _, mean, _ in panel["ways"]["asynchronous"]]
        assert means == sorted(means, reverse=True)  # later decisions are worse ones


def test_the_prediction_from_staleness_is_exact_where_nothing_is_late(data_of):
    """Without delay every decision agrees with itself; with it the prediction is between its two ends."""
    for game in data_of("staleness")["games"].values():
        assert game["delays"][0] == 0
        assert game["predicted"][0] == pytest.approx(game["measured"][0])
        assert game["error"][0] == pytest.approx([0, 0], abs=1e-12)
        floor, best = game["random"][0], game["measured"][0][0]
        assert all(floor <= mean <= best + 1e-12 for mean, _ in game["predicted"])


def test_dqn_comes_to_the_oracles_reward(data_of):
    """At least 99 %, the goal; blocking learning and sequential inference stay below."""
    data = data_of("learning-progress")
    assert data["ratio"][0] >= 0.99
    staggered, half = data["late"]["staggered"]
    for name in ("sequential, blocking learning", "sequential, learning beside it"):
        assert data["late"][name][0] + data["late"][name][1] < staggered - half


def test_what_late_agents_earn_is_what_the_delayed_chain_allows(data_of):
    """The allowed reward by dynamic programming on the delayed ring; the oracle meets it; DQN meets the oracle.

    z-bound 4 on the oracle, with the correlation time of successes at most (1 + lambda) / (1 - lambda) frames. DQN's
    goal is 99 % of the oracle's reward when it acts in every frame.
    """
    data = data_of("agents-late")
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


def test_no_rule_of_the_figure_is_below_the_bound(data_of):
    """108 points at once: |z| = 4.5 in place of the 99 % interval that is drawn."""
    for panel in data_of("rules-and-bound")["panels"]:
        bounds = {number: bound for number, bound, _ in panel["bounds"]}
        assert all(sharper >= bound for _, bound, sharper in panel["bounds"])
        assert [bound for _, bound, _ in panel["bounds"]] == sorted(bounds.values(), reverse=True)
        for curve in panel["curves"]:
            for number, value, half in curve["points"]:
                assert value + 4.5 * half / QUANTILE > bounds[number], curve["rule"]
    kept, dropped = (
        {number: value for number, value, _ in curve["points"]}
        for name in ("free-running, outputs kept", "free-running")
        for curve in data_of("rules-and-bound")["panels"][0]["curves"]
        if curve["rule"] == name
    )
    assert all(kept[number] < dropped[number] - 0.01 for number in (2, 3, 4, 6, 8))


def test_the_algorithms_are_never_below_the_bound_and_far_from_it_where_times_vary(data_of):
    cells = data_of("algorithms-and-bound")["cells"]
    assert len(cells) == 90
    for cell in cells:
        assert cell["max-time"] >= cell["bound"] - 1e-9
        assert cell["expected-time"] >= cell["bound"] - 4.5 * cell["inaction_error"]
    for rule in ("max-time", "expected-time"):
        at = {(cell["spread"], cell["workers"], cell["p"]): cell[rule] / cell["bound"] for cell in cells}
        assert at[1.0, 6, 0.97] > 3.0 > 1.5 > at[0.05, 12, 0.97]
        assert at[1.0, 6, 0.99] > at[1.0, 6, 0.97] > at[1.0, 6, 0.9]


def test_keeping_comes_to_the_bound_and_dropping_to_its_own_limit(data_of):
    for panel in data_of("large-scale")["panels"]:
        first, last = panel["points"][0], panel["points"][-1]
        for point in panel["points"]:
            assert point["kept"][0] > point["bound"] - 4.5 * point["kept"][1] / QUANTILE
            assert point["dropped"][0] > point["kept"][0]
        assert last["kept"][0] - last["bound"] < 0.5 * (first["kept"][0] - first["bound"])
        # workers are whole numbers, so that r is met to 1/64 at s = 32
        assert last["dropped"][0] == pytest.approx(panel["limit_of_dropping"], abs=0.01)
        assert panel["limit_of_dropping"] > last["bound"] + 0.1


def test_chunks_in_the_figure_need_what_the_formula_says(data_of):
    data = data_of("chunk-length")
    constant = data["needed"][0]["workers"]
    assert constant == [None if h < 4 else -(-4 // (h - 3)) for h in range(1, 17)]
    for row in data["needed"]:
        numbers = [number for number in row["workers"] if number is not None]
        assert numbers == sorted(numbers, reverse=True)
        assert numbers[-1] == 1
    for curve in data["curves"]:
        assert all(value >= bound for value, bound in zip(curve["free_running"], curve["bound"], strict=True))
    for shorter, longer in itertools.pairwise(data["curves"]):
        assert all(s >= n - 1e-12 for s, n in zip(shorter["bound"], longer["bound"], strict=True))


def test_the_stretch_of_the_optimal_rule_follows_its_decisions(data_of):
    for panel in data_of("optimal-rule")["panels"]:
        decisions = {tuple(row["busy"]): row["starts"] for row in panel["decisions"]}
        assert panel["regret"][1] < panel["at_once"][0] + 4.5 * panel["at_once"][1] / QUANTILE
        for frame, age in enumerate(panel["ages"]):
            bars = panel["bars"]
            assert all(bar["end"] - bar["start"] in (1, 5) for bar in bars)
            seen = [bar for bar in bars if bar["end"] == frame]
            if frame > 5 and age <= 8:
                # what completes now is in force if it is fresher
                assert all(age <= frame - bar["start"] for bar in seen)
                busy = tuple(sorted(frame - bar["start"] for bar in bars if bar["start"] < frame < bar["end"]))
                started = sum(bar["start"] == frame for bar in bars)
                wanted = 0 if len(busy) == panel["workers"] else decisions[busy][age - 1]
                assert started == wanted, (panel["workers"], frame)


@pytest.mark.parametrize(("name", "kinds"), [("best-rule", 4), ("outputs", 4)])
def test_runs_on_both_clocks_lie_on_the_simulated_curves(data_of, name, kinds):
    """|z| < 4.5 for all runs at once; what the start of short realtime runs costs is at most 0.02."""
    data = data_of(name)
    bounds = dict(data["bound"])
    assert {run["clock"] for run in data["runs"]} == {"virtual", "real"}
    assert len({run["kind"] for run in data["runs"]}) == kinds == len(data["curves"])
    for run in data["runs"]:
        expected = dict(data["curves"][run["kind"]])[run["workers"]]
        assert abs(run["regret"] - expected) < 4.5 * run["half"] / QUANTILE + 0.02, run
    for kind, points in data["curves"].items():
        if kind in ("sequential", "max-time", "expected-time", "dropped", "kept"):
            assert all(value > bounds[number] - 0.01 for number, value in points)


def test_the_best_rule_is_below_both_algorithms_at_every_number_of_workers(data_of):
    curves = {kind: dict(points) for kind, points in data_of("best-rule")["curves"].items()}
    for number in (2, 3, 4, 6, 8):
        assert curves["kept"][number] < min(curves["max-time"][number], curves["expected-time"][number]) - 0.01


def test_the_automatic_threshold_is_near_the_best(data_of):
    for row in data_of("cancel-threshold")["rows"]:
        values = [value for value, _ in row["points"]]
        assert min(values[:-1]) < values[-1] - 0.05
        assert values[int(row["auto"]) - 1] < min(values) + 0.02  # thresholds of 1 to 6 frames are drawn one by one
        for (value, half), bound in zip(row["points"], row["bounds"], strict=True):
            assert value + 4.5 * half / QUANTILE > bound


def test_kept_outputs_act_in_frames_that_had_none(data_of):
    rows = data_of("buffer-ages")["rows"]
    assert [row["inaction"] for row in rows] == sorted((row["inaction"] for row in rows), reverse=True)
    for row in rows:
        assert row["inaction"] + sum(row["simulated"]) + row["older"] == pytest.approx(1.0)
        for share, played, half in zip(row["simulated"], row["played"], row["half"], strict=False):
            assert abs(share - played) < 4.5 * half / QUANTILE + 0.005
    fresher = [np.cumsum(row["simulated"]) for row in rows]
    assert (fresher[2] >= fresher[0] - 0.005).all()  # no age is served less
