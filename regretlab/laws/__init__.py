"""Inference-time laws: a number, any continuous ``scipy.stats`` distribution, or measured samples, seen as one thing.

A law answers what the theory asks of an inference time T: its distribution, the law of the delay in frames, the moments
E p^delay, and samples. ``parse_law`` reads one from text without evaluating it. Seconds at the surface; frames only
where a name says so. Nothing here imports SciPy before a distribution is used, so constants and samples stay light.
"""

from .constant_law import ConstantLaw, constant
from .law import FRAME_TOLERANCE, Law, LawSummary, MomentAlignment, delay_frames
from .parsing import FRAME_TIMES, as_law, parse_frame_time, parse_law, parse_seconds
from .sample_law import SampleLaw, law_from_samples
from .scipy_law import ScipyLaw, law_from_distribution

__all__ = [
    "FRAME_TIMES",
    "FRAME_TOLERANCE",
    "ConstantLaw",
    "Law",
    "LawSummary",
    "MomentAlignment",
    "SampleLaw",
    "ScipyLaw",
    "as_law",
    "constant",
    "delay_frames",
    "law_from_distribution",
    "law_from_samples",
    "parse_frame_time",
    "parse_law",
    "parse_seconds",
]
