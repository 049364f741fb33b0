"""Fitted laws: the right family is found, its parameters recovered, and a wrong one is found out."""

import numpy as np
import pytest
from scipy import stats

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.laws.fitting import FAMILIES, fit_laws


@pytest.mark.parametrize(
    ("family", "law"),
    [
        ("lognorm", stats.lognorm(0.8, scale=0.05)),
        ("uniform", stats.uniform(0.05, 0.02)),
        ("expon", stats.expon(0.02, 0.05)),
    ],
)
def test_the_family_that_made_the_samples_fits(family, law):
    fits = fit_laws(law.rvs(1500, random_state=np.random.default_rng(1)), bootstrap=39)
    best = next(fit for fit in fits if fit.family == family)
    assert best.aic - fits[0].aic < 10  # close families may be as good
    assert fits[0].p_value > 0.01
    assert best.distance < 1.63 / np.sqrt(1500)  # the 99 % point for a law given in advance, which fitting only lowers


def test_two_clusters_fit_no_family():
    random = np.random.default_rng(2)
    both = np.concatenate([random.normal(0.02, 0.0005, 300), random.normal(0.05, 0.0005, 300)])
    fits = fit_laws(both, bootstrap=39)
    assert fits[0].p_value == pytest.approx(1 / 40)
    assert all(fit.is_rejected for fit in fits)


def test_families_are_judged_up_to_the_first_that_is_not_rejected():
    """A uniform law has finite distances (it once printed "Anderson-Darling inf, p = 1")."""
    data = np.random.default_rng(8).gamma(2, 0.02, 400)
    fits = fit_laws(data, bootstrap=39)
    judged = [fit.is_rejected for fit in fits if fit.is_rejected is not None]
    assert judged == [True] * (len(judged) - 1) + [False]
    uniform = next(fit for fit in fit_laws(np.random.default_rng(9).uniform(0.01, 0.02, 60)) if fit.family == "uniform")
    assert np.isfinite(uniform.anderson_darling)
    assert uniform.is_rejected in (None, False)


def test_the_text_reads_back_as_the_law():
    data = np.random.default_rng(3).gamma(4, 0.02, 800)
    for fit in fit_laws(data, bootstrap=0):
        law = parse_law(fit.text)
        assert fit.family in FAMILIES
        if fit.family != "uniform":  # whose mean is that of the least and the largest sample
            assert law.mean() == pytest.approx(data.mean(), rel=0.1)


def test_distances_are_scipys():
    data = np.random.default_rng(4).gamma(4, 0.02, 300)
    for fit in fit_laws(data, bootstrap=0):
        law = parse_law(fit.text)
        assert fit.distance == pytest.approx(stats.kstest(data, law.cdf).statistic, abs=1e-5)


def test_anderson_darling_is_its_integral():
    """n times the integral of (F_n - F)^2 / (F (1 - F)) over F, piece by piece between the samples."""
    from scipy.integrate import quad

    data = np.sort(np.random.default_rng(5).gamma(4, 0.02, 25))
    for fit in fit_laws(data, bootstrap=0):
        steps = np.concatenate([[0.0], parse_law(fit.text).cdf(data), [1.0]])
        integral = sum(
            quad(lambda u, level=index / 25: (level - u) ** 2 / (u * (1 - u)), steps[index], steps[index + 1])[0]
            for index in range(26)
        )
        assert fit.anderson_darling == pytest.approx(25 * integral, rel=1e-3)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.one_in(3)
def test_p_values_and_the_limits_of_distances_say_the_same(seed):
    """Beyond the upper limit (one of 199 in forty) the p-value is at most (199 / 40 + 2) / 200; below it is larger."""
    random = np.random.default_rng(seed)
    data = random.uniform(0.01, 0.02, 80) if seed % 2 else random.exponential(0.02, 80) + 0.01
    data[:seed] *= 4
    fit = fit_laws(data, bootstrap=199, seed=seed)[0]
    for distance, limits, p_value in (
        (fit.distance, fit.distance_if_true, fit.p_value),
        (fit.anderson_darling, fit.anderson_darling_if_true, fit.anderson_darling_p_value),
    ):
        assert limits[0] <= limits[1]
        if distance > limits[1]:
            assert p_value <= (199 / 40 + 2) / 200
        elif distance < limits[1]:
            assert p_value >= (199 / 40) / 200
    assert fit_laws(data, bootstrap=0)[0].distance_if_true is None


def test_a_heavy_tail_is_what_anderson_darling_sees():
    """One sample in a hundred takes twenty times as long: judged far off by both, further by Anderson-Darling."""
    random = np.random.default_rng(6)
    data = random.gamma(4, 0.02, 1000)
    slow = np.where(random.random(1000) < 0.01, 20 * data, data)
    clean, tailed = (next(f for f in fit_laws(d, bootstrap=0) if f.family == "gamma") for d in (data, slow))
    assert tailed.anderson_darling / clean.anderson_darling > tailed.distance / clean.distance > 1
    judged = fit_laws(data, bootstrap=39)[0]
    assert judged.anderson_darling_p_value > 0.01


def test_what_cannot_be_fitted():
    with pytest.raises(InputError, match="at least 20 samples, not to 3"):
        fit_laws([0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="positive, finite"):
        fit_laws([0.0] * 30)
