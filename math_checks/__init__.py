"""Ridge regression and the change of variables: derivations, computations, checks and figures."""
