"""The public names of `gan_jax`: the examples in their docstrings run, and they are imported lazily."""

import doctest
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gan_jax
from gan_jax import api
from gan_jax.data.datasets import load_archives
from gan_jax.data.pixels import to_unit_range
from gan_jax.inference.pretrained import load_generator

CONFIG = gan_jax.Config(name="few", dataset="archives", epochs=1)


@pytest.mark.parametrize("name", gan_jax.__all__)
@pytest.mark.usefixtures("own_tables")
def test_the_example_in_the_docstring(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    public = getattr(gan_jax, name)
    [example] = doctest.DocTestFinder(recurse=False).find(public, name, globs={})
    assert example.examples
    runner = doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


def test_names_are_imported_lazily():
    """Importing the package is cheap: submodules without JAX start as fast as before."""
    script = (
        "import sys, gan_jax; before = 'jax' in sys.modules; names = dir(gan_jax); "
        "assert set(gan_jax.__all__) <= set(names); print(before, 'jax' in sys.modules); "
        "gan_jax.Config; print('jax' in sys.modules, 'experiments' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False", "False", "True", "False"], done.stderr


def test_an_unknown_name():
    """Python adds the similar name, out of what `dir` lists, to an error that ends a program."""
    command = [sys.executable, "-P", "-c", "import gan_jax; gan_jax.trian"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "has no attribute 'trian'. Did you mean: 'train'?" in done.stderr
    assert all(getattr(gan_jax, name) is getattr(api, name) for name in gan_jax.__all__)


def test_from_training_to_samples(tmp_path, small_archives, capsys):
    """Progress is printed and samples are evaluated; a second call finds the run finished."""
    digits = gan_jax.load_dataset(small_archives)
    chex.assert_trees_all_equal(digits, load_archives(small_archives))
    run = gan_jax.train(CONFIG, digits, out=tmp_path)
    shown = capsys.readouterr().out
    assert "few: epochs 1 to 1 on the CPU" in shown
    assert "1/1" in shown
    assert "few: " in shown.splitlines()[-1] or "nearest" in shown
    images = gan_jax.sample(run, 8, seed=3)
    assert isinstance(images, jax.Array)
    np.testing.assert_array_equal(images, gan_jax.sample(str(tmp_path / "few"), 8, seed=3))
    assert not np.allclose(images, gan_jax.sample(count=8, seed=3), atol=0.1)  # those of the shipped generator
    assert load_generator(run.path).params_sha256 == run.read_manifest()["params_sha256"]
    gan_jax.train(CONFIG, digits, out=tmp_path)
    assert "is already finished (1 epoch)" in capsys.readouterr().out


def test_images_that_are_no_digits_are_evaluated_without_classes(small_archives):
    digits = gan_jax.load_dataset(small_archives)
    samples = gan_jax.sample(count=50)
    with_classes, without = (gan_jax.evaluate(samples, digits, digits=known) for known in (True, False))
    assert with_classes.classes_covered is not None
    assert without.classes_covered is None
    assert with_classes.nearest_mean == without.nearest_mean


def test_the_modes_of_real_digits_are_their_labels(mnist):
    """Images may be channels-first, too; the classifier misclassifies 0.5 % of the test set."""
    triples = mnist.test_images[:300].reshape(100, 3, 28, 28).transpose(0, 2, 3, 1)
    color_images = to_unit_range(triples)
    found = gan_jax.count_modes(jnp.moveaxis(color_images, 3, 1).reshape(100, -1))
    labels = mnist.test_labels[:300].reshape(100, 3) @ [100, 10, 1]
    assert abs(found.modes - len(set(labels.tolist()))) <= 3
    counts = np.unique(labels, return_counts=True)[1]
    assert found.modes_kl == pytest.approx(np.log(1000) + np.sum(counts / 100 * np.log(counts / 100)), abs=0.05)


def test_the_floor_is_that_of_the_given_images(small_archives):
    """With a single image all real tuples are equal, log 1000 from uniform."""
    digits = gan_jax.load_dataset(small_archives)
    one = digits._replace(test_images=digits.test_images[:1], test_labels=digits.test_labels[:1])
    assert gan_jax.count_modes(jnp.full((10, 3 * 784), -1.0), one).modes_kl_floor == pytest.approx(np.log(1000))
