"""Types shared by the configuration and the numerics; importing them loads no library."""

from typing import Literal

Precision = Literal["float32", "tensorfloat32", "bfloat16"]  # of the operands of matrix products

# {"params": {layer: {"kernel": float32 (fan_in, features), "bias": float32 (features,)}}}; D with spectral
# normalization also has {"singular": {layer: float32 (features,)}}, see `models.spectral_norm`.
Params = dict
Pretrained = Literal["part_best", "part_a"]  # runs whose networks are part of the package
DEFAULT_PRETRAINED: Pretrained = "part_best"
