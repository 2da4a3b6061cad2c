"""The checks applied to distrax's bijectors, an independent implementation."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from math_checks import cases
from math_checks import change_of_variables_checks as checks

with warnings.catch_warnings():
    # tensorflow-probability, on which distrax depends, uses names that JAX has deprecated.
    warnings.simplefilter("ignore")
    try:
        import distrax
    except (ImportError, AttributeError) as error:
        pytest.skip(f"distrax does not load beside this JAX: {error}", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

POINT_BY_POINT = (
    checks.log_det_agrees_with_jacfwd,
    checks.inverse_identity,
    checks.composition_with_the_inverse,
    checks.parallelogram_area_in_the_limit,
)


def case(bijector, affine: bool = False, half_width: float = 30.0) -> checks.Case:
    sample = np.random.default_rng(3).standard_normal((cases.NUM_DRAWS, 2))
    return checks.Case(type(bijector).__name__, bijector, cases.standard_normal, sample, half_width, affine=affine)


def diagonal() -> "distrax.Bijector":
    return distrax.Block(distrax.ScalarAffine(shift=jnp.array([1.0, -1.0]), scale=jnp.array([0.5, 2.0])), 1)


def masked_couplings() -> "distrax.Bijector":
    """Return two couplings, each of which keeps what the other changes: one alone preserves areas at every size."""

    def conditioner(x):
        kept = x.sum()  # distrax sets the other coordinate to 0
        return jnp.stack([jnp.tanh(kept - 0.3) + 0 * x, jnp.sin(kept) / 3 + 0 * x])

    def inner(parameters):
        return distrax.ScalarAffine(shift=parameters[0], log_scale=parameters[1])

    masks = jnp.array([[True, False], [False, True]])
    return distrax.Chain([distrax.MaskedCoupling(mask, conditioner, inner) for mask in masks])


def spline() -> "distrax.Bijector":
    parameters = jnp.asarray(np.random.default_rng(0).normal(size=(2, 16)))
    return distrax.Block(distrax.RationalQuadraticSpline(parameters, range_min=-4.0, range_max=4.0), 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: case(distrax.UnconstrainedAffine(jnp.array([[1.0, 0.4], [-0.3, 0.8]]), jnp.array([0.5, -1.0])), True),
        lambda: case(
            distrax.Block(distrax.ScalarAffine(shift=jnp.array([1.0, -1.0]), scale=jnp.array([0.5, 2.0])), 1), True
        ),
        lambda: case(masked_couplings()),
    ],
    ids=["UnconstrainedAffine", "ScalarAffine", "MaskedCoupling"],
)
def test_every_check_passes(make) -> None:
    found = checks.run(make())
    assert [check for check in found if not check.passed] == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: distrax.Block(distrax.Tanh(), 1),
        lambda: distrax.Block(distrax.Sigmoid(), 1),
        lambda: distrax.Chain([distrax.Block(distrax.Tanh(), 1), masked_couplings()]),
        spline,
    ],
    ids=["Tanh", "Sigmoid", "Chain", "RationalQuadraticSpline"],
)
def test_point_by_point_checks_pass(make) -> None:
    # Bounded images and splines have densities with corners, on which quadrature is not exact.
    subject = case(make())
    assert np.isfinite(subject.image_sample).all()
    assert [check for check in (each(subject) for each in POINT_BY_POINT) if not check.passed] == []
