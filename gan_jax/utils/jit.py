"""Compilation of functions whose results must be bitwise reproducible."""

from functools import partial

import jax

# `jax.jit`, without the GPU kernels whose order of summation varies from call to call.
deterministic_jit = partial(jax.jit, compiler_options={"xla_gpu_deterministic_ops": True})
