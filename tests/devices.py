"""Run in a process of its own with four virtual devices by tests/test_sharding.py; prints a JSON object.

    python -m tests.devices [options]

For 1, 2 and 4 devices it compiles an epoch of three iterations, and one of four seeds, of narrow networks. On 1 and 2
it runs them, too: more that wait for each other on two cores would take minutes. With "options" it compiles an epoch
with penalties on D's slopes, and what else a setting has, for 2.
"""

import json
import re
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gan_jax import players
from gan_jax.config import Setting
from gan_jax.data.datasets import ARCHIVES, load_archives
from gan_jax.players import init_state
from gan_jax.sharding import BATCH, SEEDS, local, mesh_of, place, tracing_for
from gan_jax.training import train_epoch, train_epoch_of_seeds
from tests.narrow import networks

COLLECTIVE = re.compile(r" (all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)(?:-start)?\(")
SETTING, STEPS = Setting(batch_size=64), 2
SLOPES = Setting(
    batch_size=64, loss="relativistic", r1=1.0, r2=1.0, gradient_penalty=1.0, instance_noise=0.1, averaging=0.9,
    cosine_epochs=5, packing=2, minibatch_deviation=4, spectral_normalisation=True,
)  # fmt: skip
OPTIONS = {"slopes": SLOPES, "DRAGAN": Setting(batch_size=64, dragan=1.0)}


def values(tree) -> list:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]).astype(np.float64).tolist()


def collectives(setting: Setting, mesh: Mesh | None, images: jax.Array) -> list[str]:
    """Those of an epoch's program."""
    with tracing_for(mesh):
        state = place(init_state(jax.random.key(0), setting), mesh)
        program: Any = train_epoch.lower(
            state, place(images, mesh), setting=setting, discriminator_steps=STEPS
        ).compile()
        return COLLECTIVE.findall(program.as_text())


def found_on(devices: int, images: jax.Array, train: bool) -> dict[str, Any]:
    """Return what a test compares of so many devices."""
    mesh = mesh_of(devices, BATCH)
    with tracing_for(mesh):
        state, placed = place(init_state(jax.random.key(0), SETTING), mesh), place(images, mesh)
        program: Any = train_epoch.lower(state, placed, setting=SETTING, discriminator_steps=STEPS).compile()
        found: dict[str, Any] = {"collectives": COLLECTIVE.findall(program.as_text())}
        if train:
            before = [leaf.sharding for leaf in jax.tree.leaves(state)]
            state, infos = program(state, placed)
            after = [leaf.sharding for leaf in jax.tree.leaves(state)]
            found["placed_alike"] = all(now.is_equivalent_to(was, 2) for now, was in zip(after, before, strict=True))
            found |= {"infos": values(local(infos)), "generator": values(local(state.generator))[::1000]}
    mesh = mesh_of(devices, SEEDS)
    with tracing_for(mesh):
        states, placed = [init_state(jax.random.key(seed), SETTING) for seed in range(4)], place(images, mesh)
        states = tuple(place(state, mesh) for state in states)
        program = train_epoch_of_seeds.lower(states, placed, setting=SETTING, discriminator_steps=STEPS).compile()
        text = program.as_text()
        found["collectives_in_the_loops_of_seeds"] = COLLECTIVE.findall(text[: text.index("\nENTRY ")])
        if train:
            states, _ = program(states, placed)
            found["generators_of_seeds"] = [values(local(state.generator))[::1000] for state in states]
    return found


def main(options: bool) -> None:
    images = jnp.asarray(load_archives(ARCHIVES).train_images[:200])
    if options:
        mesh = mesh_of(2, BATCH)
        found: dict[Any, Any] = {name: collectives(setting, mesh, images) for name, setting in OPTIONS.items()}
    else:
        players.networks = networks
        found = {devices: found_on(devices, images, train=devices <= 2) for devices in (1, 2, 4)}
    print(json.dumps(found))


if __name__ == "__main__":
    main("options" in sys.argv)
