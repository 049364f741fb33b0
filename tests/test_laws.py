"""Laws: the check values, each closed form against the series and against simulation, and every refusal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.laws import (
    constant,
    delay_frames,
    law_from_distribution,
    law_from_samples,
    parse_frame_time,
    parse_law,
)
from regretlab.laws.scipy_law import ScipyLaw

EXPONENTIAL, GAMMA = "expon(scale=2.5)", "gamma(4, scale=0.8)"


@pytest.mark.parametrize(
    ("text", "alignment", "loss"),
    [
        (EXPONENTIAL, "frame", 0.25207205843),
        (EXPONENTIAL, "continuous", 0.20848584801),
        (EXPONENTIAL, "uniform", 0.286981985393),
        ("expon(loc=1.3, scale=1.25)", "frame", 0.267682385329),
        (GAMMA, "frame", 0.313302853935),
        (GAMMA, "continuous", 0.276529655997),
        (f"lognorm(0.5, scale={math.exp(0.9)!r})", "frame", 0.28451726223),
    ],
)
def test_known_losses(text, alignment, loss):
    """1 - E p^delay at p = 0.9; two independent methods agreed on these to 4e-13."""
    assert 1 - parse_law(text).moment(0.9, 1.0, alignment=alignment).value == pytest.approx(loss, abs=1e-11)


def test_constant_from_a_uniform_phase():
    assert 1 - constant(3.2).moment(0.9, 1.0, alignment="uniform").value == pytest.approx(0.357022, abs=1e-12)


LAWS = [
    "constant(3.2)",
    "constant(3)",
    EXPONENTIAL,
    "expon(loc=1.3, scale=1.25)",
    GAMMA,
    "gamma(2.7, scale=0.8)",
    "gamma(0.5, scale=2)",
    "gamma(1, scale=2)",
    "gamma(9, loc=0.4, scale=0.3)",
    "lognorm(0.5, scale=2.46)",
    "uniform(1, 4)",
    "uniform(0.3, 0.2)",
    "weibull_min(1.5, scale=3)",
    "beta(2, 3, loc=1, scale=4)",
]


@pytest.mark.parametrize("text", LAWS)
@pytest.mark.parametrize("alignment", ["frame", "uniform"])
def test_moments_are_sums_over_the_delay_law(text, alignment):
    """Second method: sum over frames of pmf * p^n, from the tabulated delay law."""
    law = parse_law(text)
    pmf = law.frame_pmf(0.7, alignment=alignment, tail=1e-14)
    assert pmf[0] == 0.0
    assert abs(pmf.sum() - 1) < 1e-10
    for p in (0.2, 0.9, 0.999):
        moment = law.moment(p, 0.7, alignment=alignment).value
        assert moment == pytest.approx(float(pmf @ p ** np.arange(len(pmf))), abs=2e-11)
    mean = float(pmf @ np.arange(len(pmf)))
    assert law.mean_delay_frames(0.7, alignment=alignment) == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("text", LAWS)
def test_moments_are_means_over_samples(text):
    """Third method: Monte Carlo with |z| < 4 for all four ways to count the delay."""
    law, frame_time, p = parse_law(text), 0.7, 0.9
    random = np.random.default_rng(8)
    x = law.sample(random, 200_000) / frame_time
    u = random.random(len(x))
    draws = {
        "frame": p ** np.maximum(1, np.ceil(x - 1e-9)),
        "uniform": p ** np.ceil(u + x),
        "continuous": p**x,
        "poisson": p ** (1 + random.poisson(x)),
    }
    for alignment, values in draws.items():
        expected = law.moment(p, frame_time, alignment=alignment).value
        assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(len(x)) + 1e-12, alignment


@pytest.mark.parametrize("text", [EXPONENTIAL, "expon(loc=1.3, scale=1.25)", GAMMA, "gamma(12, scale=0.1)"])
def test_closed_forms_are_the_series(text):
    law = parse_law(text)
    assert isinstance(law, ScipyLaw)
    for p in (1e-3, 0.3, 0.9, 0.9999):
        estimate = law.moment(p, 0.37)
        assert estimate.method == "closed-form"
        assert estimate.value == pytest.approx(law._series_moment(p, 0.37, "frame"), abs=1e-12)


@given(st.sampled_from(LAWS), st.floats(0.01, 0.999), st.floats(0.05, 5.0))
def test_bounds_between_the_moments(text, p, frame_time):
    """p E p^x <= E p^D <= E p^x, and Jensen: E p^D >= p^(E D)."""
    law = parse_law(text)
    aligned = law.moment(p, frame_time).value
    smooth = law.moment(p, frame_time, alignment="continuous").value
    assert p * smooth - 1e-11 <= aligned <= smooth + 1e-11
    assert aligned >= p ** law.mean_delay_frames(frame_time) - 1e-11
    assert law.moment(0.0, frame_time).value == 0.0
    assert law.moment(1.0, frame_time).value == 1.0


def test_samples_are_their_empirical_law():
    law = law_from_samples([0.05, 0.2, 0.31])
    assert law.frame_pmf(0.1).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 0, 1 / 3])
    assert law.moment(0.5, 0.1).value == pytest.approx((0.5 + 0.25 + 0.0625) / 3)
    assert law.mean() == pytest.approx(0.56 / 3)
    assert law.scaled(2).maximum() == 0.62


def test_a_time_on_a_boundary_counts_for_it():
    assert delay_frames(3 * 0.1, 0.1) == 3  # 0.30000000000000004
    assert constant(3 * 0.1).moment(0.5, 0.1).value == 0.125


@pytest.mark.parametrize("text", ["0.1", "constant(0.1)", EXPONENTIAL, "uniform(1, 4)"])
def test_scaling(text):
    law = parse_law(text)
    assert law.scaled(3).mean() == pytest.approx(3 * law.mean())
    assert law.scaled(3).moment(0.9, 3.0).value == pytest.approx(law.moment(0.9, 1.0).value, abs=1e-13)


def test_summary_and_quantiles():
    summary = parse_law(EXPONENTIAL).summary(1.0)
    assert summary.mean == 2.5
    assert summary.quantiles[0.5] == pytest.approx(2.5 * math.log(2))
    assert summary.mean_delay_frames == pytest.approx(1 / -math.expm1(-0.4))


def test_frame_times():
    assert parse_frame_time("gameboy") == 1 / 59.7275
    assert parse_frame_time("atari") == 1 / 60
    assert parse_frame_time("0.02") == 0.02


def test_laws_from_frozen_distributions():
    from scipy import stats

    assert law_from_distribution(stats.gamma(4, scale=0.8)).text == "gamma(4, scale=0.8)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gamma(4, scael=1)", r"gamma has no parameter 'scael' \(allowed: a, loc, scale\)"),
        ("gama(4)", r"'gama' is no continuous distribution of scipy.stats \(did you mean gamma"),
        ("gamma(scale=1)", r"gamma also needs a \(allowed: a, loc, scale\)"),
        ("gamma(4, 0, 1, 2)", r"gamma takes at most 3 numbers \(a, loc, scale\)"),
        ("gamma(4, a=4)", r"parameter 'a' is given twice"),
        ("gamma(-4)", r"a=-4 is not allowed for gamma"),
        ("expon(scale=0)", r"scale must be positive, not 0"),
        ("expon(scale=nan)", r"every parameter must be a finite number, not 'nan'"),
        ("expon(scale=__import__('os'))", r"every parameter must be a finite number"),
        ("norm(1, 1)", r"gives P\(T <= 0\) = 0.159: inference times must be positive \(shift it with loc"),
        ("pareto(0.5)", r"has mean inf: a finite, positive mean is needed"),
        ("0", r"0"),
        ("-0.1", r"-0.1"),
        ("nan", r"nan"),
        ("inf", r"inf"),
        ("constant(0)", r"0"),
        ("constant(1, 2)", r"constant takes one number"),
        ("gamma 4", r"is not understood: give a number of seconds"),
        ("1 + 1", r"is not understood"),
        ("", r"is not understood"),
        ("poisson(3)", r"'poisson' is no continuous distribution"),
        ("@nowhere.csv", r"samples file 'nowhere.csv' does not exist"),
        ("@nowhere.txt", r"must end in .csv or .npy"),
    ],
)
def test_unusable_laws_are_refused_in_one_sentence(text, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_law(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"'s.csv' is empty"),
        ("seconds\n", r"there are no samples"),
        ("0.1\nfast\n", r"sample 2 is 'fast', not a number of seconds"),
        ("0.1\n-0.2\n", r"sample 1 is -0.2, every time must be positive"),
        ("0.1\n0\n", r"sample 1 is 0, every time must be positive"),
        ("a,b\n1,2\n", r"has 2 columns and none is headed 'seconds'"),
    ],
)
def test_unusable_sample_files_are_refused(content, message, tmp_path):
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        parse_law("@s.csv", base_directory=tmp_path)


def test_sample_files(tmp_path):
    (tmp_path / "a.csv").write_text("worker,seconds\n0,0.1\n1,0.3\n")
    np.save(tmp_path / "a.npy", np.array([0.1, 0.3]))
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    for name in ("a.csv", "a.npy"):
        assert parse_law(f"@{name}", base_directory=tmp_path).mean() == pytest.approx(0.2)
    for name in ("object.npy", "bad.npy"):
        with pytest.raises(InputError, match="cannot be read as numbers"):
            parse_law(f"@{name}", base_directory=tmp_path)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "nintendo"])
def test_unusable_frame_times_are_refused(text):
    with pytest.raises(InputError, match=f"frame time '{text}'"):
        parse_frame_time(text)
