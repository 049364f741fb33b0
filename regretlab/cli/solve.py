"""The command on finite MDPs: ``solve``."""

from .options import Json, Whole, app
from .output import listed, print_facts, print_json

__all__ = ["solve"]


@app.command
def solve(*, mdp: str, delay: Whole = 0, every: Whole = 1, json: Json = False) -> int:
    """Solve a finite MDP exactly, with old observations and rare actions, against the optimum without either.

    Example: regretlab solve --mdp "shift-register(p=0.8, n=3)" --delay 3

    Parameters
    ----------
    mdp
        A family with its parameters, such as "ring(p=0.9, symbols=4)", "trap(p=0.9, length=3)", "lazy-walk(states=51)"
        or "riverswim(6)", or FILE.npz.
    delay
        Frames from observation to effect.
    every
        Frames between the agent's actions; the default behaviour of the MDP acts in those between.
    """
    from ..mdp import closed_form_regret, parse_mdp, solve_delayed

    process = parse_mdp(mdp)
    solution = solve_delayed(process, delay, every=every)
    closed_form = None if mdp.strip().endswith(".npz") else closed_form_regret(mdp, delay, every=every)
    if json:
        print_json(
            {
                "gain": solution.gain,
                "optimal_gain": solution.optimal_gain,
                "regret_per_frame": solution.regret_per_frame,
                "closed_form_regret": closed_form,
                "p_minimax": solution.p_minimax,
                "kappa": solution.kappa,
                "delay_frames": solution.delay_frames,
                "every": solution.every,
                "inaction_fraction": solution.inaction_fraction,
                "gain_error": solution.gain_error,
                "states": process.mdp.states,
                "actions": process.mdp.actions,
                "augmented_states": solution.augmented_states,
                "method": solution.method,
                "assumptions": list(solution.assumptions),
            }
        )
        return 0
    formula = "" if closed_form is None else f" (closed form {closed_form:.9g})"
    kappa = "not known" if solution.kappa is None else f"{solution.kappa:.6g}"
    size = f"{solution.augmented_states:,} states with what is in flight"
    facts = [
        ("regret per frame", f"{solution.regret_per_frame:.9g}{formula}"),
        ("gain", f"{solution.gain:.9g}"),
        ("optimal gain", f"{solution.optimal_gain:.9g} without delay, acting in every frame"),
        ("frames without an action", f"{100 * solution.inaction_fraction:.4g} %"),
        ("p_minimax", f"{solution.p_minimax:.6g}"),
        ("kappa", f"{kappa} over the delay"),
        ("method", f"exact (error at most {solution.gain_error:.1g}): {size}"),
        *listed("assuming", solution.assumptions),
    ]
    rhythm = "an action every frame" if every == 1 else f"an action every {every} frames"
    print_facts(f"{mdp}, delay {delay}, {rhythm}", facts)
    return 0
