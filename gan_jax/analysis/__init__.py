"""Numbers about runs, without drawing: groups of seeds, confidence intervals, tables."""
