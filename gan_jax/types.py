"""Types that both the configuration and the numerics speak of; importing them loads no library."""

from typing import Literal

Precision = Literal["float32", "tensorfloat32", "bfloat16"]  # of the operands of matrix products

# {"params": {layer: {"kernel": float32 (fan_in, features), "bias": float32 (features,)}}}; with spectral normalization,
# besides, {"singular": {layer: float32 (features,)}}, the vectors of `models.spectral_norm`.
Params = dict
