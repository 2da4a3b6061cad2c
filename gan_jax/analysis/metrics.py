"""Metrics of a run, epoch by epoch."""

from collections.abc import Mapping

import numpy as np

Metrics = Mapping[str, np.ndarray]  # the columns of metrics.csv, float64 (epochs,) each
