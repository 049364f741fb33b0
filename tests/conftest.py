"""Shared settings: reproducible hypothesis runs."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "regretlab", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)
settings.load_profile("regretlab")

collect_ignore = ["oracles/rlberry_qlearning.py"]  # runs in an environment of its own, with rlberry
