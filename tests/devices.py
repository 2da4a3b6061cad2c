"""Run in a process with eight virtual devices by tests/test_sharding.py; prints a JSON object.

It trains an epoch of three iterations on so many devices as its argument says, and of eight seeds over them.
"""

import json
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.config import Setting
from gan_jax.data.datasets import ARCHIVES, load_archives
from gan_jax.sharding import BATCH, SEEDS, local, mesh_of, place, tracing_for
from gan_jax.training import init_state, train_epoch, train_epoch_of_seeds

COLLECTIVE = re.compile(r" (all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)(?:-start)?\(")
SETTING, STEPS = Setting(batch_size=64), 2


def values(tree) -> list:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]).astype(np.float64).tolist()


def main(devices: int) -> None:
    images = jnp.asarray(load_archives(ARCHIVES).train_images[:200])
    options = dict(setting=SETTING, discriminator_steps=STEPS)
    mesh = mesh_of(devices, BATCH)
    with tracing_for(mesh):
        state, placed = place(init_state(jax.random.key(0), SETTING), mesh), place(images, mesh)
        text = str(train_epoch.lower(state, placed, **options).compile().as_text())
        before = [leaf.sharding for leaf in jax.tree.leaves(state)]
        state, infos = train_epoch(state, placed, **options)
    after = [leaf.sharding for leaf in jax.tree.leaves(state)]
    found = {
        "collectives": COLLECTIVE.findall(text),
        "placed_alike": all(now.is_equivalent_to(was, 2) for now, was in zip(after, before, strict=True)),
        "infos": values(local(infos)),
        "generator": values(local(state.generator))[::1000],
    }
    mesh = mesh_of(devices, SEEDS)
    with tracing_for(mesh):
        states = tuple(place(init_state(jax.random.key(seed), SETTING), mesh) for seed in range(8))
        text = str(train_epoch_of_seeds.lower(states, place(images, mesh), **options).compile().as_text())
        states, _ = train_epoch_of_seeds(states, place(images, mesh), **options)
    found["collectives_in_the_loops_of_seeds"] = COLLECTIVE.findall(text[: text.index("\nENTRY ")])
    found["generators_of_seeds"] = [values(local(state.generator))[::1000] for state in states]
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
