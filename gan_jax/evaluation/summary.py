"""Formats of an evaluation: columns of a CSV file, and lines for a terminal."""

from gan_jax.evaluation.evaluate import Evaluation


def columns(evaluation: Evaluation) -> dict[str, float]:
    """Return the metrics by column: the fields in order, with `digit_share_0` to `digit_share_9` for the histogram.

    Metrics that are None have no column. All evaluations of a run have the same columns.
    """
    fields = evaluation._asdict()
    shares = fields.pop("digit_histogram") or ()
    measured = {name: value for name, value in fields.items() if value is not None}
    return measured | {f"digit_share_{digit}": share for digit, share in enumerate(shares)}


def summary(evaluation: Evaluation) -> list[str]:
    """Format the metrics as lines, the Fréchet distance with n and its floor, and name those that are left out."""
    e = evaluation
    lines = [
        f"nearest training image: median {e.nearest_median:.2f} (test images {e.held_out_nearest_median:.2f}), "
        f"ratio {e.nearest_ratio:.2f}"
    ]
    if e.digit_histogram is None:
        return [*lines, "no classifier fits this data: Fréchet distance, precision, recall and others are left out"]
    shares = " ".join(f"{share:.2f}" for share in e.digit_histogram)
    return [
        f"classifier Fréchet distance {e.frechet:.1f} (n = {e.n}; real against real {e.frechet_floor:.1f})",
        f"precision {e.precision:.3f}, recall {e.recall:.3f}, density {e.density:.3f}, coverage {e.coverage:.3f}",
        f"classifier score {e.classifier_score:.2f}; {e.classes_covered} classes covered, "
        f"KL to uniform {e.kl_to_uniform:.3f}; shares of 0-9: {shares}",
        *lines,
    ]
