"""Malformed files of a run directory: tables by defect of functions that damage a run."""

import io
import json
import os
import shutil
import struct
import zlib
from pathlib import Path

from PIL import Image

from tests.malformed.run_folder import CONFIG, config, content, hparams, json_of, manifest, metrics, replaced, text

DEEP = "[" * 100_000


def png(width: int, height: int, pixels: bytes, kind: bytes = b"IDAT") -> bytes:
    """Return a gray PNG whose header has this size, with these pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(kind, pixels) + chunk(b"IEND", b"")


def image(kind: str, size: tuple[int, int] = (242, 242)) -> bytes:
    written = io.BytesIO()
    Image.new("L", size).save(written, kind)
    return written.getvalue()


CONFIGS = {
    "config empty": text("config.json", ""),
    "config cut short": text("config.json", '{"name": "part_a"'),
    "config with a comment": text("config.json", '{"name": "part_a"} // mine'),
    "config binary": content("config.json", bytes(range(256))),
    "config in UTF-16": content("config.json", json.dumps(CONFIG.to_json()).encode("utf-16")),
    "config of NULs": content("config.json", bytes(1000)),
    "config a list": json_of("config.json", [CONFIG.to_json()]),
    "config null": json_of("config.json", None),
    "config a number": json_of("config.json", 3),
    "config an empty object": json_of("config.json", {}),
    "config deep": text("config.json", DEEP),
    "config deep inside": text("config.json", '{"name": ' + DEEP),
    "config huge": text("config.json", '{"name": "' + "x" * 2_000_000 + '"}'),
    "config a folder": replaced("config.json", Path.mkdir),
    "config a pipe": replaced("config.json", os.mkfifo),
    "config a device": replaced("config.json", lambda path: path.symlink_to("/dev/zero")),
    "config a link to itself": replaced("config.json", lambda path: path.symlink_to("config.json")),
    "extra key": config(colour="red"),
    "key that is code": config(**{"__class__": "os"}),
    "name that climbs": config(name="../../x"),
    "name absolute": config(name="/etc/passwd"),
    "name empty": config(name=""),
    "name a number": config(name=3),
    "name a list": config(name=["part_a"]),
    "name with an escape": config(name="\x1b[2J"),
    "name with mathematics": config(name="$\\frac$"),
    "name of a formula": config(name="=1+1"),
    "data by a path": config(dataset="../mnist"),
    "data a list": config(dataset=["mnist"]),
    "seed a fraction": config(seed=0.5),
    "seed whole but a float": config(seed=1.0),
    "seed true": config(seed=True),
    "seed in words": config(seed="0"),
    "seed null": config(seed=None),
    "seed negative": config(seed=-1),
    "seed huge": config(seed=10**30),
    "seed too long to read": text("config.json", '{"name": "part_a", "seed": ' + "9" * 5000 + "}"),
    "epochs not a number": config(epochs=float("nan")),
    "epochs infinite": config(epochs=float("inf")),
    "epochs a fraction": config(epochs=2.5),
    "epochs huge": config(epochs=10**300),
    "schedule a number": config(discriminator_steps=1),
    "schedule null": config(discriminator_steps=None),
    "schedule deep": config(discriminator_steps="1/" * 100_000),
    "schedule that ends": config(discriminator_steps="1: 4"),
    "hparams missing": config(setting={"loss": "mse"}),
    "hparams null": config(setting=None),
    "hparams a list": config(setting=[1, 2]),
    "hparams in text": config(setting="loss"),
    "unknown loss": hparams(loss="mse"),
    "loss a dictionary": hparams(loss={}),
    "unknown precision": hparams(precision="float8"),
    "batch a fraction": hparams(batch_size=512.5),
    "batch whole but a float": hparams(batch_size=512.0),
    "batch true": hparams(batch_size=True),
    "batch negative": hparams(batch_size=-512),
    "width a float": hparams(width=1.0),
    "width huge": hparams(width=10**9),
    "learning rate in words": hparams(learning_rate="fast"),
    "learning rate null": hparams(learning_rate=None),
    "learning rate not a number": hparams(learning_rate=float("nan")),
    "learning rate huge": hparams(learning_rate=10**400),
    "learning rate true": hparams(learning_rate=True),
    "target in words": hparams(real_target="1"),
    "dropout a list": hparams(dropout_rate=[0.3]),
}
MANIFESTS = {
    "manifest empty": text("manifest.json", ""),
    "manifest binary": content("manifest.json", bytes(range(256))),
    "manifest a list": json_of("manifest.json", [1]),
    "manifest deep": text("manifest.json", DEEP),
    "manifest a pipe": replaced("manifest.json", os.mkfifo),
    "data's hash a number": manifest(data_sha256=3),
    "trainer a list": manifest(trainer=["jax"]),
    "earlier in text": manifest(earlier="before"),
    "earlier of numbers": manifest(earlier=[1, 2]),
    "earlier without its end": manifest(earlier=[{}]),
    "earlier in itself": manifest(earlier=[{"until_epoch": 1, "earlier": []}]),
    "versions a list": manifest(versions=["jax"]),
    "seeds together in words": manifest(seeds_together=["0"]),
}
METRICS = {
    "metrics binary": content("metrics.csv", bytes(range(256)) * 10),
    "metrics in UTF-16": lambda run: (run / "metrics.csv").write_bytes("epoch\n1\n".encode("utf-16")),
    "metrics of NULs": text("metrics.csv", "\0" * 99),
    "metrics of one long cell": text("metrics.csv", "x" * 500_000),
    "metrics with an open quote": metrics(lambda table: '"' + table + "\n" * 200_000),
    "metrics with words": metrics(lambda table: table.replace("0.5", "half", 1)),
    "metrics not a number": metrics(lambda table: table.replace("0.5", "nan", 1)),
    "metrics infinite": metrics(lambda table: table.replace("0.5", "inf", 1)),
    "metrics beyond float32": metrics(lambda table: table.replace("0.5", "1e300", 1)),
    "metrics with a cell too many": metrics(lambda table: table.replace("\n2,", "\n2,0.5,")),
    "metrics cut short": metrics(lambda table: table[:-20]),
    "metrics without a column": metrics(lambda table: table.replace("generator_loss", "loss")),
    "metrics without the first epoch": metrics(lambda table: table.replace("\n1,", "\n2,")),
    "metrics backwards": metrics(lambda table: table.replace("\n1,", "\n3,")),
    "metrics without a header": metrics(lambda table: table.partition("\n")[2]),
    "metrics of a header": metrics(lambda table: table.partition("\n")[0]),
    "metrics empty": text("metrics.csv", ""),
    "metrics a folder": replaced("metrics.csv", Path.mkdir),
    "metrics a pipe": replaced("metrics.csv", os.mkfifo),
}
SAMPLE = "samples/epoch_002.png"
BOMB = zlib.compress(bytes(100_000_000), 9)
SAMPLES = {
    "sample empty": content(SAMPLE, b""),
    "sample of text": content(SAMPLE, b"no picture"),
    "sample cut short": content(SAMPLE, image("PNG")[:-60]),
    "sample of noise": content(SAMPLE, image("PNG")[:40] + bytes(range(256))),
    "sample without pixels": content(SAMPLE, png(242, 242, b"", b"teXt")),
    "sample with too few pixels": content(SAMPLE, png(242, 242, zlib.compress(bytes(100)))),
    "sample that is not deflated": content(SAMPLE, png(242, 242, bytes(1000))),
    "sample of no size": content(SAMPLE, png(0, 0, b"")),
    "sample of all bits": content(SAMPLE, png(2**31 - 1, 2**31 - 1, b"")),
    "sample that is a bomb": content(SAMPLE, png(9_999, 10_000, BOMB)),
    "sample that is a larger bomb": content(SAMPLE, png(50_000, 50_000, BOMB)),
    "sample that is wide": content(SAMPLE, png(100_000, 1, zlib.compress(bytes(100_001)))),
    "sample with a bomb of text": content(SAMPLE, png(242, 242, b"k\0\0" + BOMB, b"zTXt")),
    "sample in JPEG": content(SAMPLE, image("JPEG")),
    "sample in GIF": content(SAMPLE, image("GIF")),
    "sample in PostScript": content(SAMPLE, image("EPS")),
    "sample a folder": replaced(SAMPLE, Path.mkdir),
    "sample a pipe": replaced(SAMPLE, os.mkfifo),
    "sample a link to nowhere": replaced(SAMPLE, lambda path: path.symlink_to("nowhere")),
    "no sample": replaced(SAMPLE, lambda path: None),
    "sample of another name": replaced(SAMPLE, lambda path: path.with_name("epoch_1e0.png").touch()),
    "sample of a later epoch": replaced(SAMPLE, lambda path: path.with_name("epoch_999.png").touch()),
}
# A finished run whose manifest has impossible values.
ENDED = {"epochs": 2, "params_sha256": "0" * 64, "data_sha256": "0" * 64}
FOR_VERIFY = {
    "epochs negative": manifest(**ENDED | {"epochs": -1}),
    "no epochs": manifest(**ENDED | {"epochs": 0}),
    "more epochs than metrics": manifest(**ENDED | {"epochs": 3}),
    "epochs huge": manifest(**ENDED | {"epochs": 10**30}),
    "epochs true": manifest(**ENDED | {"epochs": True}),
    "hash a number": manifest(**ENDED | {"params_sha256": 0}),
    "hash null": manifest(**ENDED | {"params_sha256": None}),
    "other data": manifest(**ENDED),
    "another classifier": manifest(**ENDED | {"classifier_sha256": "0" * 64}),
    "another trainer": manifest(**ENDED | {"trainer": "\x1b[2J"}),
    "seeds of others": manifest(**ENDED | {"seeds_together": [1, 2]}),
    "seeds without end": manifest(**ENDED | {"seeds_together": [0, 2**40]}),
    "partly together": manifest(**ENDED | {"earlier": [{"until_epoch": 1, "seeds_together": [0, 1]}]}),
    "not ended and no checkpoint": lambda run: shutil.rmtree(run / "checkpoints"),
}
FOR_SAMPLE = {
    "no checkpoint": lambda run: shutil.rmtree(run / "checkpoints"),
    "another trainer": manifest(trainer="\x1b[2J"),
}
FOR_RESUMING = {
    "no metrics": lambda run: (run / "metrics.csv").unlink(),
    "another data's hash": manifest(data_sha256="0" * 64),
    "another classifier's hash": manifest(classifier_sha256="0" * 64),
    "another trainer": manifest(trainer="torch"),
    "another configuration": config(seed=1),
    "more epochs than are asked for": metrics(lambda table: table + table.splitlines()[2].replace("2", "3", 1) + "\n"
                                              + table.splitlines()[2].replace("2", "4", 1) + "\n"),
}  # fmt: skip
