"""Training as pure functions: the step, the epoch, the state, the random keys."""
