"""Every metric that is shown has a plain explanation, and no other has."""

from gan_jax.analysis.glossary import MEANINGS, TERMS
from gan_jax.analysis.metrics import METRICS


def test_each_metric_is_explained():
    assert list(MEANINGS) == list(METRICS)


def test_explanations_are_sentences():
    for text in (*MEANINGS.values(), *TERMS.values()):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
