"""An evaluation as it is written down: columns of a CSV file, and lines for a terminal."""

from gan_jax.evaluation.evaluate import Evaluation


def columns(evaluation: Evaluation) -> dict[str, float]:
    """One number per column, in a fixed order: the fields, with `digit_share_0` .. `digit_share_9` for the histogram.

    Measurements that were left out have no column, so that all rows of one run have the same.
    """
    fields = evaluation._asdict()
    shares = fields.pop("digit_histogram") or ()
    measured = {name: value for name, value in fields.items() if value is not None}
    return measured | {f"digit_share_{digit}": share for digit, share in enumerate(shares)}


def summary(evaluation: Evaluation) -> list[str]:
    """Lines that say what was measured, the Fréchet distance always with n and its floor, and what was left out."""
    e = evaluation
    lines = [
        f"nearest training image: median {e.nearest_median:.2f}, of test images {e.held_out_nearest_median:.2f}: "
        f"ratio {e.nearest_ratio:.2f}"
    ]
    if e.digit_histogram is None:
        return [*lines, "no classifier fits this data: Fréchet distance, precision to coverage and digits are left out"]
    shares = " ".join(f"{share:.2f}" for share in e.digit_histogram)
    return [
        f"classifier Fréchet distance {e.frechet:.1f} (n = {e.n}; real against real {e.frechet_floor:.1f})",
        f"precision {e.precision:.3f}, recall {e.recall:.3f}, density {e.density:.3f}, coverage {e.coverage:.3f}",
        f"classifier score {e.classifier_score:.2f}; {e.classes_covered} classes covered, "
        f"KL to uniform {e.kl_to_uniform:.3f}; shares of 0-9: {shares}",
        *lines,
    ]
