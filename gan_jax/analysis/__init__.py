"""Analysis of runs, without drawing: groups of seeds, confidence intervals, tables, data of charts."""
