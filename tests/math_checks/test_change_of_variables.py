"""The change of variables: closed forms, random maps, JAX transformations, and refusals."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from gan_jax.errors import UserError
from math_checks import bijectors
from math_checks.change_of_variables import (
    jacobian,
    log_abs_det,
    pull_back_log_density,
    push_forward_log_density,
    require_inverse,
    round_trip_error,
)
from math_checks.precision import EPS

pytestmark = pytest.mark.numeric

# A few dozen operations on numbers below 100.
IDENTITY = 1e-12
# Central differences with step h err by h^2 = 1e-10 in truncation and eps / h = 2e-11 in rounding, times 100.
DIFFERENCES, STEP = 1e-8, 1e-5

# Every example is compiled.
property_test = settings(settings.get_profile("math_checks"), max_examples=6)


def standard_normal(x):
    return jnp.sum(jax.scipy.stats.norm.logpdf(x))


@st.composite
def random_maps(draw: st.DrawFn) -> tuple[bijectors.Bijector, np.ndarray]:
    """Draw a chain of random affine, sinh-arcsinh and coupling maps of (d,), and points (16, d)."""
    d = draw(st.sampled_from([2, 5]))
    seed = draw(st.integers(0, 2**32 - 1))
    kinds = draw(st.lists(st.sampled_from(["affine", "sinh_arcsinh", "coupling", "flip"]), min_size=1, max_size=2))
    generator = np.random.default_rng(seed)
    maps = []
    for kind in kinds:
        if kind == "affine":
            # An orthogonal matrix times [1/2, 2]: condition at most 4.
            orthogonal = np.linalg.qr(generator.standard_normal((d, d)))[0]
            maps.append(bijectors.affine(orthogonal * generator.uniform(0.5, 2, d), generator.standard_normal(d)))
        elif kind == "sinh_arcsinh":
            maps.append(bijectors.sinh_arcsinh(generator.uniform(-0.5, 0.5, d), generator.uniform(0.7, 1.2, d)))
        elif kind == "coupling":
            maps.append(bijectors.coupling(bijectors.random_conditioner(generator, d // 2, d - d // 2)))
        else:
            maps.append(bijectors.flip())
    points = generator.standard_normal((16, d))
    assert np.isfinite(points).all()
    return bijectors.chain(*maps), points


@property_test
@given(random_maps())
def test_random_maps_and_their_inverses(map_and_points) -> None:
    bijector, points = map_and_points
    claimed = jax.jit(jax.vmap(bijector.forward_log_det_jacobian))(points)
    images = jax.jit(jax.vmap(bijector.forward))(points)
    assert np.isfinite(claimed).all()
    assert np.isfinite(images).all()
    np.testing.assert_allclose(log_abs_det(bijector.forward, points), claimed, rtol=0, atol=IDENTITY)
    np.testing.assert_allclose(log_abs_det(bijector.inverse, images), -claimed, rtol=0, atol=IDENTITY)
    assert round_trip_error(bijector.forward, bijector.inverse, points).max() < IDENTITY
    # Pulling back the push-forward gives the density itself.
    pushed = push_forward_log_density(standard_normal, bijector.inverse)
    returned = pull_back_log_density(pushed, bijector.forward)(points)
    np.testing.assert_allclose(returned, jax.vmap(standard_normal)(points), rtol=0, atol=IDENTITY)


@property_test
@given(random_maps())
def test_jacobian_agrees_with_finite_differences(map_and_points) -> None:
    bijector, points = map_and_points
    steps = STEP * np.eye(points.shape[1])
    forward = jax.jit(jax.vmap(bijector.forward))
    columns = [(forward(points + step) - forward(points - step)) / (2 * STEP) for step in steps]
    differences = np.stack(columns, axis=-1)
    assert np.isfinite(differences).all()
    found = jacobian(bijector.forward, points)
    np.testing.assert_allclose(found, differences, rtol=0, atol=DIFFERENCES * (1 + np.abs(differences).max()))


def test_the_homeworks_map() -> None:
    homework = bijectors.sum_and_difference()
    np.testing.assert_array_equal(jacobian(homework.inverse, np.array([3.0, -1.0])), [[0.5, 0.5], [0.5, -0.5]])
    assert abs(log_abs_det(homework.inverse, np.zeros(2)) + np.log(2)) < IDENTITY
    grid = np.random.default_rng(0).normal(size=(50, 2))
    found = push_forward_log_density(standard_normal, homework.inverse)(grid)
    np.testing.assert_allclose(found, scipy.stats.norm.logpdf(grid, scale=np.sqrt(2)).sum(axis=1), atol=IDENTITY)


def test_log_normal_in_one_dimension_by_scipy() -> None:
    points = np.linspace(0.1, 5, 20)[:, None]
    found = push_forward_log_density(standard_normal, jnp.log)(points)
    np.testing.assert_allclose(found, scipy.stats.lognorm.logpdf(points[:, 0], 1.0), atol=IDENTITY)


def test_rectangular_jacobian_has_outputs_as_rows() -> None:
    # Rows are outputs, columns inputs: (xy, x + y, x) at (2, 3).
    found = jacobian(lambda p: jnp.stack([p[0] * p[1], p[0] + p[1], p[0]]), np.array([2.0, 3.0]))
    np.testing.assert_array_equal(found, [[3, 2], [1, 1], [1, 0]])


def test_a_batch_equals_its_points_one_by_one() -> None:
    polar = bijectors.polar()
    points = np.array([[1.0, 0.5], [2.0, -2.0], [0.1, 3.0]])
    alone = [log_abs_det(polar.forward, point) for point in points]
    np.testing.assert_allclose(log_abs_det(polar.forward, points), alone, rtol=0, atol=4 * EPS)


def test_densities_can_be_mapped_and_differentiated() -> None:
    density = push_forward_log_density(standard_normal, bijectors.sum_and_difference().inverse)
    point = np.array([1.0, -2.0])
    # log p = const - |w|^2 / 4
    np.testing.assert_allclose(jax.grad(density)(point), -point / 2, atol=IDENTITY)
    np.testing.assert_allclose(jax.jit(jax.vmap(density))(point[None]), density(point[None]), atol=IDENTITY)


def test_float64_in_a_float32_process() -> None:
    with jax.enable_x64(False):
        found = log_abs_det(lambda x: 3 * x, np.ones(2))
        assert found.dtype == np.float64
        assert abs(found - 2 * np.log(3)) < IDENTITY


REGULAR = np.array([[1.0, 2.0], [0.5, 0.25]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: log_abs_det(lambda p: jnp.stack([p.sum(), 2 * p.sum()]), REGULAR),
            r"singular at \(1, 2\)",
        ),
        (lambda: log_abs_det(lambda p: p**2, np.array([[1.0, 1.0], [3.0, 0.0]])), r"singular at \(3, 0\)"),
        (lambda: log_abs_det(bijectors.polar().forward, np.zeros(2)), r"singular at \(0, 0\)"),
        (lambda: jacobian(jnp.sqrt, np.array([[1.0], [0.0]])), r"no finite derivative at \(0\)"),
        (lambda: log_abs_det(lambda p: p[:1], np.ones(2)), "from 2 to 1 dimensions has no determinant"),
        (lambda: jacobian(jnp.sin, np.array([[1.0], [np.nan]])), r"must be finite at \(nan\)"),
        (lambda: jacobian(jnp.sin, np.float64(1.0)), r"points must be \(d,\) or \(n, d\), not \(\)"),
        (lambda: require_inverse(jnp.square, jnp.sqrt, np.array([[2.0], [-3.0]])), r"inverse at \(-3\): .* away"),
        (lambda: require_inverse(jnp.exp, jnp.log, np.array([[1.0], [1e3]])), r"no finite inverse at \(1000\)"),
        (
            lambda: push_forward_log_density(standard_normal, jnp.log)(np.array([[1.0], [-1.0]])),
            r"density is not a number at \(-1\)",
        ),
        (
            lambda: push_forward_log_density(standard_normal, lambda u: 0 * u)(np.array([1.0, 2.0])),
            r"singular at \(1, 2\)",
        ),
    ],
)
def test_refusals_name_the_point(call, message) -> None:
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(5))
def test_singular_up_to_rounding_is_refused(seed: int) -> None:
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((5, 4)) @ generator.standard_normal((4, 5))
    with pytest.raises(UserError, match="Jacobian is singular"):
        log_abs_det(lambda x: matrix @ x, np.ones(5))


def test_a_chain_adds_each_log_determinant_where_its_map_acts() -> None:
    # sinh acts on exp's output: 1 at x = 0, not 0.
    exponential = bijectors.Formulas(jnp.exp, jnp.log, jnp.sum)
    hyperbolic = bijectors.Formulas(jnp.sinh, jnp.arcsinh, lambda x: jnp.log(jnp.cosh(x)).sum())
    found = bijectors.chain(exponential, hyperbolic).forward_log_det_jacobian(np.zeros(1))
    assert abs(found - np.log(np.cosh(1.0))) < IDENTITY


def test_sinh_arcsinh_does_not_overflow_at_large_arguments() -> None:
    # Here cosh is beyond float64: tails of weight 50 at 1e10. log cosh(t) = t - log 2 there.
    bent = np.arcsinh(1e10) * 50
    found = bijectors.sinh_arcsinh(np.zeros(1), np.full(1, 50.0)).forward_log_det_jacobian(np.full(1, 1e10))
    assert abs(found - (np.log(50) + bent - np.log(2) - np.log(1e10))) < IDENTITY * bent


def test_one_wrong_coordinate_is_not_an_inverse() -> None:
    # An error of a hundred times the tolerance, in the second coordinate alone.
    with pytest.raises(UserError, match=r"not each other's inverse at \(1, 1\)"):
        require_inverse(lambda x: x, lambda y: y + jnp.array([0.0, 2e-6]), np.ones((1, 2)))


def test_badly_scaled_is_not_singular() -> None:
    # Singularity is relative to the columns' own lengths, not to 1.
    found = log_abs_det(lambda p: p * jnp.array([1e-200, 1e200]), np.ones(2))
    assert abs(found) < IDENTITY * 200 * np.log(10)
