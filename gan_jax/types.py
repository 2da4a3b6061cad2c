"""Types that both the configuration and the numerics speak of; importing them loads no library."""

from typing import Literal

Precision = Literal["float32", "tensorfloat32", "bfloat16"]  # of the operands of matrix products
