"""Does a measured delay curve predict play? Curve -> predicted return under rules and workers -> virtual runs.

``python -m tests.benchmarks.benchmark_prediction [GAME ...]`` writes ``results/predictions.csv``, a row for each game,
rule and number of workers: what was predicted from the curve, what from the staleness of the policy's choices, and what
runs on the virtual clock earned, with 99 % intervals. CartPole's policy is PPO, trained here for 40,000 steps; those of
the other games are scripts. LunarLander needs Box2D, which nothing else here does: ``pip install box2d``.
"""

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import regretlab as rl
from regretlab.mdp import estimate_staleness
from regretlab.play.configuration import RunConfiguration
from regretlab.play.undelayed import play_undelayed

OUT = Path(__file__).parent / "results" / "predictions.csv"
TOLD = "tests.benchmarks.games_of_scripts:tests/Told-{}-v0"
SCRIPT = f"module:{Path(__file__).with_name('scripts_as_policies.py')}:{{}}"
LAW = "uniform(1, 2)"  # one to three frames
DELAYS = (0, 1, 2, 3, 4)
RULES = ("free-running", "max-time", "frame-pool")
WORKERS = (2, 4)
SHORT = {"runs": 5, "run_frames": 1500}  # of an emulator


@dataclass(frozen=True)
class Game:
    """A game, its policy, and how long it is played."""

    env: str
    policy: str
    default: dict
    frames: int
    replications: int = 24
    episodes: int = 1
    per: str = "episode"
    runs: int = 8
    run_frames: int = 4000
    options: dict = field(default_factory=dict)


def trained(folder):
    """Return the file of a PPO policy for CartPole, trained on one core."""
    from stable_baselines3 import PPO

    path = Path(folder) / "cartpole.zip"
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=1024, seed=1, device="cpu")
    model.learn(40_000)
    model.save(path)
    return f"sb3:{path}"


def games(folder):
    """Return the games by name; what is trained is trained when it is asked for."""
    noop, drawn = {"default_behaviour": "noop"}, {"default_behaviour": "random"}
    still = noop | {"default_action": 0}  # of environments that do not say which action does nothing
    return {
        "cartpole": lambda: Game("CartPole-v1", trained(folder), drawn, 500),
        "obstacles": lambda: Game(
            "minigrid:MiniGrid-Dynamic-Obstacles-6x6-v0", SCRIPT.format("obstacles"), drawn, 500, episodes=8
        ),
        "stacker": lambda: Game(TOLD.format("Stacker"), SCRIPT.format("stacker"), noop, 800, 12, per="frame", **SHORT),
        "duel": lambda: Game(
            TOLD.format("Duel"), SCRIPT.format("duel"), noop, 4000, episodes=20, per="frame", run_frames=8000
        ),
        "pong": lambda: Game(
            "ale_py:ALE/Pong-v5",
            SCRIPT.format("pong"),
            still,
            3000,
            episodes=20,
            per="frame",
            options={"obs_type": "ram"},
        ),
        "lander": lambda: Game("LunarLander-v3", SCRIPT.format("lander"), still, 4000, episodes=4, run_frames=8000),
    }


def staleness_rates(game, curve, seed):
    """Return reward and ends per frame by age if a choice that is no longer made counts as no action."""
    played = play_undelayed(
        RunConfiguration(
            environment=game.env, environment_options=game.options, policy=game.policy, seed=seed, frame_time=1.0,
            frames=min(4000, 4 * game.frames), **game.default,
        )
    )  # fmt: skip
    same = estimate_staleness(played.actions, DELAYS[1:], ended=played.ended)
    kept = np.array([1.0, *(point.value for point in same)])
    rates = [np.array(values) for values in (curve.rewards, curve.ends)]
    return [kept * values[0] + (1 - kept) * values[-1] for values in rates], [values[-1] for values in rates]


def played(game, scenario, folder):
    """Return sums of reward, frames and ended episodes of each virtual run."""
    sums = []
    for seed in range(100, 100 + game.runs):
        record = rl.run(
            scenario, env=game.env, environment_options=game.options, policy=game.policy, clock="virtual", seed=seed,
            frames=game.run_frames, default_action=game.default.get("default_action"), out=Path(folder) / "run",
            overwrite=True,
        )  # fmt: skip
        frames = record.frames
        ended = np.asarray(frames["terminated"]) | np.asarray(frames["truncated"])
        sums.append((float(np.sum(frames["reward"])), len(ended), int(ended.sum())))
    return np.array(sums, float)


def ratio(over, under):
    """Return a ratio of sums and half of its 99 % interval (linearised, Student's t)."""
    value = over.mean() / under.mean()
    error = (over - value * under).std(ddof=1) / under.mean() / np.sqrt(len(over))
    return value, stats.t.ppf(0.995, len(over) - 1) * error


def rows_of(name, game, folder):
    """Yield the rows of a game."""
    curve = rl.delay_curve(
        game.env, policy=game.policy, delays=DELAYS, frames=game.frames, episodes=game.episodes, per=game.per,
        replications=game.replications, seed=7, options=game.options, **game.default,
    )  # fmt: skip
    print(curve, flush=True)
    known = curve.loss_curve
    stale, idle = staleness_rates(game, known, 7)
    for rule in RULES:
        for workers in WORKERS:
            scenario = rl.Scenario(
                LAW, frame_time=1, workers=workers, rule=rule, loss=known if known.gap_default > 0 else None
            )
            service = rl.bound(scenario).service
            reward, returned = curve.predict(service.delay_law, service.inaction_fraction)
            found = reward if game.per == "frame" else returned
            low, high = found.interval(0.99)
            shares = np.append(service.delay_law, np.zeros(len(DELAYS)))[: len(DELAYS)]
            phi = service.inaction_fraction
            by_stale = [float(shares @ rates) + phi * last for rates, last in zip(stale, idle, strict=True)]
            sums = played(
                game, scenario.replace(loss=None, default_behaviour=game.default["default_behaviour"]), folder
            )
            measured, half = ratio(sums[:, 0], sums[:, 1] if game.per == "frame" else sums[:, 2])
            yield {
                "game": name,
                "per": game.per,
                "rule": rule,
                "workers": workers,
                "inaction": service.inaction_fraction,
                "without delay": float(known.rewards[0] / (1 if game.per == "frame" else known.ends[0])),
                "default alone": float(known.rewards[-1] / (1 if game.per == "frame" else known.ends[-1])),
                "predicted": found.value,
                "predicted_half": (high - low) / 2,
                "stale": by_stale[0] if game.per == "frame" else by_stale[0] / by_stale[1],
                "played": measured,
                "played_half": half,
                "checks_agree": sum(check["agrees"] for check in curve.checks()),
            }
            print(name, rule, workers, f"{found.value:.4g} {measured:.4g} ± {half:.2g}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        known = games(folder)
        for name in sys.argv[1:] or known:
            rows = list(rows_of(name, known[name](), folder))
            kept = pd.read_csv(OUT) if OUT.exists() else pd.DataFrame({"game": []})
            kept = pd.concat([kept[kept["game"] != name], pd.DataFrame(rows)], ignore_index=True)
            kept.to_csv(OUT, index=False, float_format="%.6g")
