"""Before a run: what the environment is, and a policy with weights that fits it. Everything wrong is found here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..actions import ActionRow
from ..errors import InputError
from ..games import action_row, make_game, registration
from ..policies import PolicySpec, check_policy_fits, parse_network_name
from ..reaper import ended
from ..rules.rule import HoldObjective
from .latencies import LatencyStream

if TYPE_CHECKING:
    from ..policies.policy import Policy
from .configuration import RunConfiguration

__all__ = [
    "EnvironmentDescription",
    "Prepared",
    "describe_environment",
    "hold_of",
    "prepare",
    "specify_policy",
    "with_chunk",
]

_FACTS = ("symbols", "mode_probability", "rotating", "sticky", "rom_sha256", "memory_map_sha256", "reward_source")


@dataclass(frozen=True)
class EnvironmentDescription:
    """What the harness must know of an environment before it starts it.

    Attributes
    ----------
    actions
        Number of discrete actions; where an action is a row of numbers, how many they are.
    frame_shape, frame_dtype
        Shape and element type of an observation.
    frame_time
        Seconds of a frame.
    details
        What the environment says of itself for the record (for Beacon: symbols, realised mode probability).
    tells_symbol
        Whether its ``info`` holds the true symbol.
    default_action
        The action that does nothing; None if the environment does not say which does.
    action_row
        What the numbers of an action may be; None where it is one of ``actions``.
    """

    actions: int
    frame_shape: tuple[int, ...]
    frame_dtype: np.dtype[Any]
    frame_time: float
    details: dict[str, Any]
    tells_symbol: bool = False
    default_action: Any = None
    action_row: ActionRow | None = None

    @property
    def numbers(self) -> int:
        """Numbers of an action; 0 where it is one of ``actions``."""
        return 0 if self.action_row is None else self.action_row.count


def describe_environment(
    environment: str, options: dict[str, Any], frame_time: float | None = None
) -> EnvironmentDescription:
    """Open the environment once and ask it; a frame time that is given goes before its own.

    Raises
    ------
    InputError
        If it cannot be made, or its spaces are none the harness can play.
    """
    game = make_game(environment, **options)
    try:
        row = action_row(game.action_space, environment)
        shape, dtype = game.observation_space.shape, game.observation_space.dtype
        if shape is None or dtype is None:
            raise InputError(
                f"environment '{environment}' has observations {game.observation_space}; it must be arrays"
            )
        unwrapped = game.unwrapped
        rate = game.metadata.get("render_fps")
        frame_time = frame_time or getattr(unwrapped, "frame_time", None) or (1.0 / rate if rate else None)
        if frame_time is None:
            raise InputError(
                f"environment '{environment}' does not say how long a frame is (metadata['render_fps']): give "
                "--frame-time"
            )
        details = {
            name: value for name in _FACTS if isinstance(value := getattr(unwrapped, name, None), int | float | str)
        }
        _, info = game.reset(seed=0)
        return EnvironmentDescription(
            row.count if row is not None else int(game.action_space.n),
            tuple(shape),
            np.dtype(dtype),
            float(frame_time),
            details,
            tells_symbol="symbol" in info,
            default_action=getattr(unwrapped, "default_action", None),
            action_row=row,
        )
    finally:
        game.close()


@dataclass(frozen=True)
class Prepared:
    """An environment's description and a policy that fits it; ``resume`` names the run whose weights it has.

    ``latencies``, a stream for each worker, and ``learning_latencies``, one for each learner, take the place of those
    drawn from the laws (virtual clock).
    """

    environment: EnvironmentDescription
    policy: PolicySpec
    resume: str | None = None
    latencies: tuple[LatencyStream, ...] = ()
    learning_latencies: tuple[LatencyStream, ...] = ()

    @property
    def parameter_count(self) -> int:
        """How many float32 numbers the policy's weights take."""
        from ..policies.parameters import parameter_count

        return parameter_count(self.policy)

    def load_parameters(self, out: NDArray[np.float32]) -> None:
        """Put the weights into ``out``, shape (parameter_count,)."""
        from ..policies.weights import load_parameters

        if self.resume is not None:
            from .learning.checkpoints import load_checkpoint

            out[:] = load_checkpoint(self.resume, self.policy).weights
        elif self.policy.has_network:
            load_parameters(self.policy, out=out)

    def build_policies(self, workers: int) -> "list[Policy]":
        """Return a policy for each worker of one process; all share one network."""
        from ..policies.policy import build_policy

        parameters = np.zeros(self.parameter_count, np.float32)
        self.load_parameters(parameters)
        if self.policy.has_network:
            return [build_policy(self.policy, parameters=parameters)] * workers
        return [build_policy(policy_of_worker(self.policy, worker)) for worker in range(workers)]


def with_chunk(configuration: RunConfiguration, policy: PolicySpec) -> RunConfiguration:
    """Return the configuration with the chunk that the answers of a policy server, or of a policy of one's own, allow.

    Entry i of an answer is for i frames after the observation, so that H entries serve ages 1 to H - 1.
    """
    if policy.horizon == 1 or configuration.default_behaviour == "repeat":
        return configuration
    most = policy.horizon - 1
    chunk = most if configuration.chunk is None else min(float(configuration.chunk), most)
    return configuration.model_copy(update={"chunk": int(chunk)})


def policy_of_worker(policy: PolicySpec, worker: int) -> PolicySpec:
    """Return the policy that one worker runs: the same network, but a random player of its own."""
    return policy if policy.has_network else replace(policy, seed=policy.seed * 100_003 + worker)


def prepare(configuration: RunConfiguration, progress: Callable[[str], None] = lambda text: None) -> Prepared:
    """Describe the environment, check that the policy fits, and fit its readout if it has none yet.

    Raises
    ------
    InputError
        If environment and policy do not go together.
    """
    if configuration.device != "cpu":
        from ..policies.policy import check_device

        check_device(configuration.device)
    # On the real clock others than this process will play.
    trial = ended if configuration.clock == "real" else nullcontext
    with trial() if ":" in configuration.environment else nullcontext():
        environment = describe_environment(
            configuration.environment, configuration.environment_options, configuration.frame_time
        )
    if configuration.clock == "real":
        registration(configuration.environment)
    if "reward_source" in environment.details:
        progress(f"reward: {environment.details['reward_source']}")
    policy = _specify(configuration, environment)
    check_policy_fits(policy, environment.actions)
    hold_of(configuration, environment.details)
    if policy.is_served:
        from ..policies.serving.client import inspect_server

        limit = None if configuration.cancel_after is None else configuration.given_threshold
        policy = inspect_server(
            policy, key=configuration.observation_key, cancel_after=limit, form=configuration.request_form
        )
    if policy.observes_symbol and not environment.tells_symbol:
        raise InputError(
            f"policy '{policy.name}' needs the environment's symbol, which '{configuration.environment}' does "
            "not report"
        )
    if environment.frame_shape != policy.frame_shape or environment.frame_dtype != policy.frame_dtype:
        raise InputError(
            f"policy '{policy.name}' looks at frames of shape {policy.frame_shape} ({policy.frame_dtype}); environment "
            f"'{configuration.environment}' shows {environment.frame_shape} ({environment.frame_dtype})"
        )
    _check_default(configuration, environment)
    if policy.is_own and not policy.is_served:
        with trial():
            policy = _tried(policy)
    if configuration.learns or configuration.resume is not None:
        _check_learnable(configuration, policy)
    elif policy.weights is not None:
        from ..policies.weights import load_parameters

        load_parameters(policy)
    elif policy.has_network and not environment.tells_symbol:
        progress(f"{policy.name} plays with random weights: no weights are given, and no symbol to fit a readout to")
    elif policy.has_network:
        from ..policies.fitted import fitted_readout

        progress(f"fitting (or loading) the readout of {policy.name}")
        # Fitted on the same screens with as many changes as possible, so the fit serves every mode probability.
        options = dict(configuration.environment_options)
        if "mode_probability" in environment.details:
            options["mode_probability"] = 1.0 / environment.details["symbols"]
        policy = fitted_readout(
            policy,
            lambda: make_game(configuration.environment, **options),
            {
                "environment": configuration.environment,
                "options": options,
                "rom_sha256": environment.details.get("rom_sha256"),
            },
        ).spec
    return Prepared(environment, replace(policy, device=configuration.device), configuration.resume)


def specify_policy(name: str, environment: EnvironmentDescription, **settings: Any) -> PolicySpec:
    """Return a policy's specification: networks for frames look at 84x84 bytes, the others at whatever is shown."""
    network = parse_network_name(name)
    frames = network is not None and network.family != "mlp"
    seen = {} if frames else {"frame_shape": environment.frame_shape, "frame_dtype": str(environment.frame_dtype)}
    acted = {"actions": environment.actions, "action_row": environment.action_row}
    return PolicySpec(name, **acted, **seen, **settings)  # type: ignore[arg-type]


def _specify(configuration: RunConfiguration, environment: EnvironmentDescription) -> PolicySpec:
    return specify_policy(
        configuration.policy,
        environment,
        seed=configuration.seed,
        weights=configuration.weights,
        channels_last=configuration.channels_last,
    )


def _check_default(configuration: RunConfiguration, environment: EnvironmentDescription) -> None:
    """Refuse a no-op that is not one of the actions, or that was not named."""
    chosen, behaviour, row = configuration.default_action, configuration.default_behaviour, environment.action_row
    place, known = f"'{configuration.environment}'", environment.default_action is not None
    if row is None:
        possible = f"0 to {environment.actions - 1}"
        if chosen is not None and not (isinstance(chosen, int) and 0 <= chosen < environment.actions):
            raise InputError(f"default action {chosen} is out of range: {place} has {possible}")
    else:
        possible, known = str(row), known or row.nothing is not None
        if chosen is not None and not _is_action(row, chosen):
            raise InputError(f"default action {chosen} is out of range: in {place} it is {possible}")
        if behaviour == "random" and not row.is_bounded:
            raise InputError(f"default behaviour random needs bounds, and in {place} an action is {possible}")
        if configuration.backend != "local":
            raise InputError(f"backend 'ray' plays discrete actions, and in {place} an action is {possible}")
    if chosen is None and not known and behaviour == "noop":
        raise InputError(
            f"environment {place} does not say which of its actions does nothing: give --default-action {possible}, "
            "or --default-behaviour repeat or random"
        )


def _is_action(row: ActionRow, chosen: int | Sequence[float]) -> bool:
    try:
        return bool((row.checked(chosen) == np.array(chosen)).all())
    except ValueError:
        return False


def _tried(policy: PolicySpec) -> PolicySpec:
    """Ask a person's own policy once, so that what is wrong with it is found before anything starts.

    Returns its specification with the number of actions that it answered.
    """
    from ..policies.policy import build_policy
    from .loop import checked_answer

    try:
        answer = build_policy(policy).act(np.zeros(policy.frame_shape, policy.frame_dtype))
        checked = checked_answer(answer, policy.actions, policy.action_row)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"policy '{policy.name}' fails on an observation of zeros: {text}") from error
    return policy if isinstance(checked, int) else replace(policy, chunk=len(checked))


def _check_learnable(configuration: RunConfiguration, policy: PolicySpec) -> None:
    if not policy.has_network:
        what = "learning" if configuration.learns else "a checkpoint"
        raise InputError(
            f"{what} needs a policy with a network, and '{policy.name}' has none: give nature or impala-kN"
        )
    if configuration.resume is not None:
        from .learning.checkpoints import load_checkpoint

        load_checkpoint(configuration.resume, policy)


def hold_of(configuration: RunConfiguration, told: Mapping[str, object]) -> int | HoldObjective:
    """Return the hold in frames (0 for rules without), or the objective of hold "auto".

    Parameters
    ----------
    configuration
        What to run.
    told
        What the environment says of itself.

    Raises
    ------
    InputError
        If the hold is to be learned and it is not known how fast the environment changes.
    """
    if not configuration.staggering_rule.holds:
        return 0
    if isinstance(configuration.hold, int):
        return configuration.hold
    gaps = {"gap_default": configuration.gap_default, "gap_delay": configuration.gap_delay}
    if configuration.hold_probability is not None:
        return HoldObjective(configuration.hold_probability, **gaps)
    symbols, probability = told.get("symbols"), told.get("mode_probability")
    if isinstance(symbols, int) and isinstance(probability, float):
        return HoldObjective.of_ring(probability, symbols, **gaps)
    raise InputError(
        f"hold 'auto' needs the mode probability a frame of '{configuration.environment}', which does not report it: "
        "give hold_probability (--hold-probability), or a hold in frames"
    )
