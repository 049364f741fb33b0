"""The command that plays tabular learners: ``learn``."""

from dataclasses import replace
from typing import Any, Literal

from ..errors import InputError
from ..scenario import Scenario
from .options import Flag, Json, Whole, app
from .output import listed, print_json, print_rows, show_progress, write

__all__ = ["learn"]


@app.command
def learn(
    *,
    mdp: str,
    learner: Literal["ucrl2", "q-epsilon", "q-ucb", "thompson", "ucb"] = "ucrl2",
    inference_time: str | None = None,
    frame_time: str = Scenario.frame_time,  # type: ignore[assignment]
    workers: str | None = None,
    rule: str | None = None,
    hold: Whole | None = None,
    learners: Whole | None = None,
    batch_time: str | None = None,
    batch_size: Whole = 1,
    replay_ratio: float = 1.0,
    credit: Literal["observation", "state"] = "observation",
    learning_bound: str | None = None,
    epsilon: float | None = None,
    discount: float | None = None,
    step: float | None = None,
    bonus: float | None = None,
    height: float | None = None,
    confidence: float | None = None,
    mean_rewards: Flag = False,
    frames: Whole = 100_000,
    checkpoints: Whole = 10,
    replications: Whole = 16,
    seed: Whole = 0,
    threads: Whole | None = None,
    json: Json = False,
) -> int:
    """Play a tabular learner through slow inference: its regret against the horizon, and the bound under it.

    Example: regretlab learn --mdp "riverswim(6)" --learner ucrl2 --inference-time 0.05 --workers 3 --frames 50000

    Parameters
    ----------
    mdp
        A family with its parameters, such as "riverswim(6)" or "ring(p=0.9, noop_gap=1)", or FILE.npz.
    learner
        ucrl2, q-epsilon (epsilon-greedy), q-ucb (optimistic), and for one state thompson or ucb.
    inference_time
        Law of the inference time in seconds; without one the environment waits for every action.
    frame_time
        Seconds of a frame, or gameboy, or atari.
    workers
        Number of inference workers, or inf; 1 if not given.
    rule
        Staggering rule, as for simulate.
    hold
        Frames that a rule that holds its outputs holds them to.
    learners
        Number of learner processes, N_L; all interactions are learned from if not given.
    batch_time
        Time that a learner takes for a batch: seconds, or 20ms.
    batch_size
        Interactions in a batch.
    replay_ratio
        How often each interaction is replayed.
    credit
        What an action is learned about: the observation it was chosen for, or the state it was applied in.
    learning_bound
        Bound to print with the learning part: bernoulli-bandit, bernoulli-bandit-published (one state) or finite-mdp.
        It holds for the worst problem of its class, which need not be this one.
    epsilon
        Chance of a random action, of q-epsilon.
    discount
        Discount factor of q-epsilon, below 1.
    step
        Step of q-epsilon, constant, in (0, 1].
    bonus
        Factor of the optimism of q-ucb.
    height
        Effective horizon of q-ucb in frames.
    confidence
        Chance that the confidence sets of ucrl2 fail.
    mean_rewards
        Receive the mean rewards instead of drawing 0 or 1.
    frames
        Longest horizon, in frames.
    checkpoints
        How many horizons to report, evenly spaced.
    replications
        Replications, each with random numbers of its own.
    seed
        The same seed gives the same figures on any number of threads.
    threads
        Threads to use; all cores if not given.
    """
    from ..laws import parse_seconds
    from ..mdp import AsynchronousMDP, parse_mdp
    from ..simulation.learning import learner_named, simulate_learning
    from ..theory.learning import learners_to_keep_up, processed_share

    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}")
    if learning_bound is not None and mean_rewards:
        raise InputError(
            "learning bounds are for rewards drawn as 0 or 1: leave out --mean-rewards or --learning-bound"
        )
    if inference_time is None:
        for option, value in (("--workers", workers), ("--rule", rule), ("--hold", hold)):
            if value is not None:
                raise InputError(f"{option} {value} has no effect without an --inference-time: the environment waits")
    asked = Scenario(
        inference_time,
        frame_time=frame_time,
        workers=workers or Scenario.workers,
        rule=rule or Scenario.rule,
        hold=hold,
    )
    names = ("epsilon", "discount", "step", "bonus", "height", "confidence")
    given = dict(zip(names, (epsilon, discount, step, bonus, height, confidence), strict=True))
    chosen = learner_named(learner, **{name: value for name, value in given.items() if value is not None})
    process = parse_mdp(mdp)
    if not isinstance(process, AsynchronousMDP):
        process = AsynchronousMDP(process)
    if learning_bound is not None:
        _check_bound(learning_bound, process.mdp.states)
    process = replace(process, frame_time=asked.frame_time)
    share, keep_up = 1.0, None
    if learners is None and batch_time is None:
        for option, given_one, usual in (("--batch-size", batch_size, 1), ("--replay-ratio", replay_ratio, 1.0)):
            if given_one != usual:
                raise InputError(f"{option} {given_one} has no effect without --learners and --batch-time")
    if (learners is None) != (batch_time is None):
        raise InputError("learners and batch time go together: give both or neither")
    if learners is not None and batch_time is not None:
        interval = _interval(asked)
        seconds = parse_seconds(batch_time, "batch time")
        share = processed_share(learners, seconds, interval, batch_size=batch_size, replay_ratio=replay_ratio)
        keep_up = learners_to_keep_up(seconds, interval, batch_size=batch_size, replay_ratio=replay_ratio)
        if share <= 0:
            raise InputError(f"learners must be at least 1 to learn anything, not {learners}")
    with show_progress() as tell:
        curves = simulate_learning(
            process,
            chosen,
            None if asked.inference_time is None else asked.replace(hold=hold),
            share=share,
            credit=credit,
            frames=frames,
            checkpoints=checkpoints,
            bernoulli=not mean_rewards,
            replications=replications,
            seed=seed,
            threads=threads,
            progress=tell,
        )
    bounds, reason = (None, None)
    if learning_bound is not None:
        bounds, reason = _bounds(curves, learning_bound, process.mdp, share)
    if json:
        print_json(
            {
                "learner": learner,
                "parameters": dict(chosen.parameters),
                "frames": curves.frames.tolist(),
                **{
                    name: getattr(curves, name).tolist()
                    for name in ("regret", "inaction", "delay", "learning", "interactions", "processed", "reward")
                },
                "standard_errors": {
                    name: getattr(curves, f"{name}_error").tolist()
                    for name in ("regret", "inaction", "delay", "learning")
                },
                "learning_bound": bounds,
                "learning_bound_reason": reason,
                "learning_bound_scope": None if learning_bound is None else _SCOPES[learning_bound],
                "delay_method": curves.delay_method,
                "informed_agent": curves.informed,
                "optimal_gain": curves.gain,
                "share": share,
                "learners_to_keep_up": keep_up,
                "replications": curves.replications,
            }
        )
        return 0
    rows = []
    heads = ["frames", "regret", "inaction", "delay", "learning"]
    for index, frame in enumerate(curves.frames):
        rows.append(
            [
                f"{frame:,}",
                _with_error(curves.regret[index], curves.regret_error[index]),
                f"{curves.inaction[index]:.5g}",
                f"{curves.delay[index]:.5g}",
                _with_error(curves.learning[index], curves.learning_error[index]),
            ]
        )
    if bounds is not None:
        heads.append("bound")
        for row, bound in zip(rows, bounds, strict=True):
            row.append("-" if bound is None else f"{bound:.4g}")
    print_rows(
        f"{learner} on {mdp}, {curves.replications} replications: cumulative regret (± one standard error)",
        heads,
        rows,
        len(heads) - 1,
    )
    said = [f"what the informed agent plays: {curves.informed}"]
    if curves.delay_method != "exact":
        said.append("the delay part is at most what is shown, and learning at least: the best agent is not known here")
    if learning_bound is not None:
        said.append(f"the bound is {_SCOPES[learning_bound]}")
    for name, text in listed("note:", said) + listed("learning bound:", [reason] if reason else []):
        write(f"{name} {text}\n")
    return 0


def _interval(asked: Scenario) -> float:
    """Return the mean time between agent actions; simulated where there is no closed form."""
    from ..rules.service.service import NoClosedForm
    from ..simulation import simulate
    from ..theory.realtime import bound

    if asked.inference_time is None:
        return asked.frame_time
    asked = asked.replace(mode_probability=0.5)  # which states are visited does not change who serves the frames
    try:
        return bound(asked).interaction_time
    except NoClosedForm:
        return simulate(asked).interaction_time


_SCOPES = {
    "bernoulli-bandit": "for the worst bandit with so many arms and rewards of 0 and 1, which need not be this one",
    "bernoulli-bandit-published": "for the worst bandit with so many arms and rewards of 0 and 1, which need not be "
    "this one",
    "finite-mdp": "for the worst MDP with so many states, actions and this diameter, which need not be this one",
}


def _check_bound(name: str, states: int) -> None:
    if name not in _SCOPES:
        raise InputError(
            f"unknown learning bound '{name}' for learn, whose rewards are 0 or 1 and which plays no episodes: choose "
            f"one of {', '.join(_SCOPES)}"
        )
    if name != "finite-mdp" and states != 1:
        raise InputError(f"learning bound '{name}' is for one state, and this MDP has {states}: use finite-mdp")


def _bounds(curves: Any, name: str, mdp: Any, share: float) -> tuple[list[float | None], str | None]:
    """Return the lower bound at each horizon (None outside its conditions), and why where there is none."""
    from ..mdp import diameter
    from ..theory.learning import learning_bound

    size: dict[str, Any] = {"actions": mdp.actions, "share": share}
    if name == "finite-mdp":  # the diameter in interactions
        wide = float(diameter(mdp))
        if wide == float("inf"):
            return [None] * len(curves.frames), (
                "learning bound 'finite-mdp' needs all states reachable from one another: the diameter is infinite"
            )
        size |= {"states": mdp.states, "diameter": wide * float(curves.interactions[-1]) / float(curves.frames[-1])}
    values: list[float | None] = []
    reason = None
    for interactions in curves.interactions:
        try:
            values.append(learning_bound(name, interactions=float(interactions), **size).value)
        except InputError as error:
            values.append(None)
            reason = str(error)
    return values, reason


def _with_error(value: float, error: float) -> str:
    return f"{value:.5g} ± {error:.2g}" if error > 1e-9 * abs(value) else f"{value:.5g}"
