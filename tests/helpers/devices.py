"""Prints a JSON object of training on four virtual devices, for tests/distributed/test_sharding.py.

    python -m tests.helpers.devices [options]

For 1, 2 and 4 devices it compiles an epoch of three iterations, and one of four seeds, of narrow networks. On 1 and 2
devices it runs them, too; more devices that wait for each other on two cores would take minutes. With "options" it
compiles, for 2 devices, an epoch with penalties on D's input gradients and with the other options.
"""

import json
import re
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gan_jax.config import Hyperparameters
from gan_jax.data.datasets import ARCHIVES, load_archives
from gan_jax.distributed.sharding import BATCH, SEEDS, make_mesh, replicate, to_local, tracing_for
from gan_jax.training import apply_fns, state
from gan_jax.training.state import init_state
from gan_jax.training.train_epoch import train_epoch, train_epoch_vmapped
from tests.helpers.narrow import networks

COLLECTIVE = re.compile(r" (all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)(?:-start)?\(")
HPARAMS, STEPS = Hyperparameters(batch_size=64), 2
SLOPES = Hyperparameters(
    batch_size=64, loss="relativistic", r1=1.0, r2=1.0, gradient_penalty=1.0, instance_noise_std=0.1, ema_decay=0.9,
    cosine_decay_epochs=5, pack_size=2, minibatch_stddev=4, spectral_norm=True,
)  # fmt: skip
OPTIONS = {"slopes": SLOPES, "DRAGAN": Hyperparameters(batch_size=64, dragan=1.0)}


def values(tree) -> list:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]).astype(np.float64).tolist()


def collectives(hparams: Hyperparameters, mesh: Mesh | None, images: jax.Array) -> list[str]:
    """Return the collectives in an epoch's program."""
    with tracing_for(mesh):
        state = replicate(init_state(jax.random.key(0), hparams), mesh)
        program: Any = train_epoch.lower(
            state, replicate(images, mesh), hparams=hparams, discriminator_steps=STEPS
        ).compile()
        return COLLECTIVE.findall(program.as_text())


def found_on(devices: int, images: jax.Array, train: bool) -> dict[str, Any]:
    """Return what a test compares for this number of devices."""
    mesh = make_mesh(devices, BATCH)
    with tracing_for(mesh):
        state, placed = replicate(init_state(jax.random.key(0), HPARAMS), mesh), replicate(images, mesh)
        program: Any = train_epoch.lower(state, placed, hparams=HPARAMS, discriminator_steps=STEPS).compile()
        found: dict[str, Any] = {"collectives": COLLECTIVE.findall(program.as_text())}
        if train:
            before = [leaf.sharding for leaf in jax.tree.leaves(state)]
            state, infos = program(state, placed)
            after = [leaf.sharding for leaf in jax.tree.leaves(state)]
            found["placed_alike"] = all(now.is_equivalent_to(was, 2) for now, was in zip(after, before, strict=True))
            found |= {"infos": values(to_local(infos)), "generator": values(to_local(state.generator))[::7]}
    mesh = make_mesh(devices, SEEDS)
    with tracing_for(mesh):
        states, placed = [init_state(jax.random.key(seed), HPARAMS) for seed in range(4)], replicate(images, mesh)
        states = tuple(replicate(state, mesh) for state in states)
        program = train_epoch_vmapped.lower(states, placed, hparams=HPARAMS, discriminator_steps=STEPS).compile()
        text = program.as_text()
        found["collectives_in_the_loops_of_seeds"] = COLLECTIVE.findall(text[: text.index("\nENTRY ")])
        if train:
            states, _ = program(states, placed)
            found["generators_of_seeds"] = [values(to_local(state.generator))[::7] for state in states]
    return found


def main(options: bool) -> None:
    images = jnp.asarray(load_archives(ARCHIVES).train_images[:200])
    if options:
        mesh = make_mesh(2, BATCH)
        found: dict[Any, Any] = {name: collectives(hparams, mesh, images) for name, hparams in OPTIONS.items()}
    else:
        apply_fns.networks = state.networks = networks
        found = {devices: found_on(devices, images, train=devices <= 2) for devices in (1, 2, 4)}
    print(json.dumps(found))


if __name__ == "__main__":
    main("options" in sys.argv)
