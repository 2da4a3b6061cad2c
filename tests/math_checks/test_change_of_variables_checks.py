"""Every check of a map passes on correct maps, and a wrong log-determinant fails every check."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.errors import UserError
from math_checks import bijectors, cases
from math_checks import change_of_variables_checks as checks
from math_checks.change_of_variables_checks import Case


def with_log_det(case: Case, wrong: Callable) -> Case:
    bijector = bijectors.Formulas(case.bijector.forward, case.bijector.inverse, wrong)
    return dataclasses.replace(case, bijector=bijector)


def off_by_a_tenth(case: Case) -> Case:
    return with_log_det(case, lambda x: case.bijector.forward_log_det_jacobian(x) + 0.1)


def sign_flipped(case: Case) -> Case:
    return with_log_det(case, lambda x: -case.bijector.forward_log_det_jacobian(x))


def determinant_without_the_log(case: Case) -> Case:
    return with_log_det(case, lambda x: jnp.exp(case.bijector.forward_log_det_jacobian(x)))


def tilted(case: Case) -> Case:
    return with_log_det(case, lambda x: case.bijector.forward_log_det_jacobian(x) + 0.3 * jnp.tanh(x[0] + 0.5))


BUGS = (off_by_a_tenth, sign_flipped, determinant_without_the_log, tilted)


@pytest.fixture(scope="module")
def homework() -> Case:
    return cases.homework(np.random.default_rng(7))


@pytest.fixture(scope="module")
def coupling() -> Case:
    return cases.coupling(np.random.default_rng(8))


def names_of_failures(case: Case, *more: Callable) -> set[str]:
    found = checks.run(case) + [each(case) for each in more]
    return {check.name for check in found if not check.passed}


@pytest.mark.parametrize("make", [cases.homework, cases.affine, cases.polar, cases.sinh_arcsinh, cases.coupling])
def test_every_check_passes(make) -> None:
    case = make(np.random.default_rng(9))
    assert np.isfinite(case.sample).all()
    assert np.isfinite(case.image_sample).all()
    assert names_of_failures(case, *(checks.HOMEWORK if make is cases.homework else ())) == set()


@pytest.mark.parametrize("bug", BUGS)
def test_a_wrong_log_determinant_fails_every_check_of_the_homework(homework: Case, bug) -> None:
    expected = {*checks.ANY_MAP, *checks.HOMEWORK, checks.parallelogram_area, checks.density_in_closed_form}
    assert names_of_failures(bug(homework), *checks.HOMEWORK) == {check.__name__ for check in expected}


@pytest.mark.parametrize("bug", [off_by_a_tenth, tilted])
def test_a_wrong_log_determinant_fails_every_check_of_a_curved_map(coupling: Case, bug) -> None:
    expected = {*checks.ANY_MAP, checks.parallelogram_area_in_the_limit}
    assert names_of_failures(bug(coupling)) == {check.__name__ for check in expected}


def test_every_check_is_tested_with_a_wrong_log_determinant() -> None:
    tested = {*checks.ANY_MAP, *checks.HOMEWORK, checks.parallelogram_area, checks.density_in_closed_form}
    assert set(checks.CHECKS) == tested | {checks.parallelogram_area_in_the_limit}


def test_a_wrong_sample_fails_the_checks_by_sampling(homework: Case) -> None:
    # A tenth too wide: the distribution functions differ by 0.024, or 9.7 after scaling by sqrt(160 000).
    wide = dataclasses.replace(homework, sample=homework.sample * 1.1)
    assert names_of_failures(wide) == {
        checks.margins_by_kolmogorov_smirnov.__name__,
        checks.moments_of_the_sample.__name__,
        checks.histogram_of_the_sample.__name__,
    }


@pytest.mark.parametrize("shift", [[0.02, 0.02], [0.02, -0.02]], ids=["of U alone", "of V alone"])
def test_either_margin_alone_fails_kolmogorov_and_smirnov(homework: Case, shift: list[float]) -> None:
    # The other margin is unchanged; this one is shifted by 0.028 standard deviations: 0.0113 of its mass, or 4.5 after
    # scaling by sqrt(160 000).
    moved = dataclasses.replace(homework, sample=homework.sample + np.array(shift))
    assert not checks.margins_by_kolmogorov_smirnov(moved).passed


def test_a_correlation_fails_the_moments_though_both_margins_are_right(homework: Case) -> None:
    # X is wider and Y narrower by as much variance: U and V keep N(0, 2), but their correlation is 0.21.
    uneven = dataclasses.replace(homework, sample=homework.sample * np.sqrt([1.21, 0.79]))
    assert names_of_failures(uneven) == {
        checks.moments_of_the_sample.__name__,
        checks.histogram_of_the_sample.__name__,
    }


def test_a_log_determinant_wrong_in_its_last_digits_fails_every_identity(homework: Case) -> None:
    # Ten times the bound; mass, margins, moments and histogram have larger ones.
    slightly = with_log_det(homework, lambda x: homework.bijector.forward_log_det_jacobian(x) + 1e-11)
    assert names_of_failures(slightly, *checks.HOMEWORK) == {
        checks.log_det_agrees_with_jacfwd.__name__,
        checks.inverse_identity.__name__,
        checks.composition_with_the_inverse.__name__,
        checks.jacobian_of_the_homework.__name__,
        checks.density_of_two_independent_normals.__name__,
        checks.parallelogram_area.__name__,
        checks.density_in_closed_form.__name__,
    }


def test_areas_that_do_not_fall_to_zero_fail_the_limit(coupling: Case) -> None:
    # An error of 1e-7 dominates from half way down the sizes: the slope is neither 1 nor 0.
    slightly = with_log_det(coupling, lambda x: coupling.bijector.forward_log_det_jacobian(x) + 1e-7)
    assert not checks.parallelogram_area_in_the_limit(slightly).passed


def test_a_wrong_base_density_fails_the_mass_and_the_closed_form(homework: Case) -> None:
    heavy = dataclasses.replace(homework, base_log_density=lambda x: cases.standard_normal(x) + 1e-9)
    assert names_of_failures(heavy) == {checks.total_mass.__name__, checks.density_in_closed_form.__name__}


def test_a_curved_map_is_not_affine(coupling: Case) -> None:
    # Only the limit's check tells them apart: at each size a curved map's areas differ.
    assert not checks.parallelogram_area(coupling).passed


def test_a_wrong_inverse_is_refused_with_its_point(homework: Case) -> None:
    wrong = bijectors.Formulas(homework.bijector.forward, homework.bijector.forward, lambda x: 0 * x[0])
    with pytest.raises(UserError, match=r"not each other's inverse at \("):
        dataclasses.replace(homework, bijector=wrong)
