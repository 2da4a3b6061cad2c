"""Every check of the exercises, under the names that the notebook uses."""

from experiments.exercises.loss_checks import discriminator_loss, generator_losses, own_loss
from experiments.exercises.sample_checks import class_histogram, frechet_1d, optimal_discriminator
from experiments.exercises.training_checks import (
    discriminator_objective,
    iteration,
    latents,
    prediction,
    schedule,
    vanishing_gradient,
)

__all__ = [
    "class_histogram",
    "discriminator_loss",
    "discriminator_objective",
    "frechet_1d",
    "generator_losses",
    "iteration",
    "latents",
    "optimal_discriminator",
    "own_loss",
    "prediction",
    "schedule",
    "vanishing_gradient",
]
