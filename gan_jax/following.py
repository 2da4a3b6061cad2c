"""What the hosts beside host 0 do: they take its orders, compute its epochs along with it, and write nothing."""

from collections.abc import Callable, Sequence

import jax

from gan_jax import checkpoints
from gan_jax.config import Config
from gan_jax.exchange import exchange, from_host_0, require_alike
from gan_jax.interrupts import deferred
from gan_jax.keeping import Source
from gan_jax.runs import advance, initial_state, require_devices, stop_if_asked
from gan_jax.sharding import local, mesh_for, place


def follow(
    configs: Sequence[Config], source: Source, say: Callable[[str], None], *, together: bool, devices: int
) -> None:
    """Train along with host 0, which has called `runs.train` with the same, and tell the hash of each run's parameters.

    Raises:
        UserError: if the data or the devices do not fit, or on any host something has gone wrong.
        StoppedError: after SIGTERM or Ctrl-C on any host.
    """
    require_devices(devices, configs, together)
    while (order := exchange()[0]["order"]) is not None:
        require_alike(data=source.dataset.sha256())
        group, done = [configs[index] for index in order["runs"]], order["done"]
        with deferred() as request:
            mesh = mesh_for(devices, len(group))
            states = tuple(place(from_host_0(initial_state(config)), mesh) for config in group)
            images = place(source.dataset.train_images, mesh)
            stop_if_asked(exchange(signal=request.signal), group[0], done)
            for epoch in range(done + 1, group[0].epochs + 1):
                states, _ = advance(states, images, group[0], epoch, mesh)
                told = exchange(signal=request.signal)
                if "abandoned" in told[0]:
                    break
                exchange()  # host 0 has saved what was to be saved
                stop_if_asked(told, group[0], epoch)
            else:
                for config, state in zip(group, states, strict=True):
                    digest = checkpoints.params_sha256(local(state))
                    say(f"host {jax.process_index()}: {config.name}: SHA-256 of the parameters: {digest}")
