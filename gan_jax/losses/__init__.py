"""Losses of the two networks: adversarial losses and gradient penalties, one table each."""
