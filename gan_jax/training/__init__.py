"""Training as pure functions: step, epoch, state and random keys."""
