"""TFDS builders of MNIST and its drop-in replacements that do not need TensorFlow.

tensorflow-datasets' own builder needs TensorFlow to decompress gzip and to encode PNG. These read the archives with
`gan_jax.data.idx` and store raw pixels; they inherit its URLs, checksums and descriptions.
"""

# tensorflow-datasets' annotations are too general for these lines.
# pyright: reportIndexIssue=false, reportOptionalSubscript=false, reportCallIssue=false, reportAttributeAccessIssue=false

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.image_classification import mnist
from tensorflow_datasets.proto import tf_example_pb2

from gan_jax.data.idx import read_idx


class _WithoutTensorFlow(mnist.MNIST, skip_registration=True):
    VERSION = tfds.core.Version("3.0.1")

    def _info(self) -> tfds.core.DatasetInfo:
        info = super()._info()
        # encoding="bytes": the default stores each pixel as a variable-length integer and reads ten times slower.
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Tensor(shape=(28, 28, 1), dtype=np.uint8, encoding="bytes"),
                "label": info.features["label"],
            }
        )
        return tfds.core.DatasetInfo(
            builder=self,
            description=info.description,
            features=features,
            homepage=info.homepage,
            citation=info.citation,
            disable_shuffling=True,  # keep the order, so that data by name and from archives are the same
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        names = {
            (split, kind): f"{prefix}-{kind}-ubyte.gz"
            for split, prefix in (("train", "train"), ("test", "t10k"))
            for kind in ("images-idx3", "labels-idx1")
        }
        paths = dl_manager.download({part: self.URL + name for part, name in names.items()})
        return {
            split: self._generate_examples(paths[split, "images-idx3"], paths[split, "labels-idx1"])
            for split in ("train", "test")
        }

    def _generate_examples(self, images_path: Path, labels_path: Path) -> Iterator[tuple[int, dict]]:
        images = read_idx(Path(images_path), (28, 28))
        labels = read_idx(Path(labels_path), ())
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield index, {"image": image[..., None], "label": int(label)}


class Mnist(_WithoutTensorFlow, skip_registration=True):
    name = "mnist"


class FashionMnist(_WithoutTensorFlow, mnist.FashionMNIST, skip_registration=True):
    name = "fashion_mnist"


class Kmnist(_WithoutTensorFlow, mnist.KMNIST, skip_registration=True):
    name = "kmnist"


BUILDERS: dict[str, type[_WithoutTensorFlow]] = {each.name: each for each in (Mnist, FashionMnist, Kmnist)}


def builder_for(name: str, data_dir: Path) -> tfds.core.DatasetBuilder:
    """Return the builder of a key of BUILDERS with its files in `data_dir`; nothing is written yet."""
    return BUILDERS[name](data_dir=data_dir, file_format="array_record")


def prepare(name: str, data_dir: Path, manual_dir: Path | None) -> tfds.core.DatasetBuilder:
    """Return the builder of a data set after preparing its array_record files in `data_dir`, if they are not there.

    Args:
        name: a key of BUILDERS.
        data_dir: created if missing.
        manual_dir: a directory of archives; those missing there are downloaded. Checksums are verified either way.
    """
    builder = builder_for(name, data_dir)
    if not builder.is_prepared():
        config = tfds.download.DownloadConfig(manual_dir=manual_dir)
        builder.download_and_prepare(download_dir=data_dir / "downloads", download_config=config)
    return builder


def read_split(builder: tfds.core.DatasetBuilder, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read all images, uint8 (n, 784), and labels, uint8 (n,), of a split.

    The records are decoded here because tensorflow-datasets' general decoder takes 45 microseconds for each, 3 s for
    MNIST, and this takes 3.
    """
    records = builder.as_data_source(split).data_source
    examples = [tf_example_pb2.Example.FromString(record) for record in records.__getitems__(range(len(records)))]
    features = [example.features.feature for example in examples]
    pixels = b"".join(feature["image"].bytes_list.value[0] for feature in features)
    labels = np.array([feature["label"].int64_list.value[0] for feature in features], np.uint8)
    return np.frombuffer(pixels, np.uint8).reshape(len(labels), -1), labels
