"""The page's components: charts show the metrics, pictures fit, weights round-trip, and all text is escaped."""

import base64
import io
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gan_jax.analysis import charts
from gan_jax.errors import UserError
from gan_jax.inference.pretrained import load_generator
from gan_jax.inference.quantized import decompress
from gan_jax.plotting.style import line_style
from gan_jax.reports import html, images, live_generator
from gan_jax.reports.guide import Guide
from gan_jax.reports.page_model import Experiment, Generator, Page, Provenance, Reason, Section, Table
from gan_jax.runs.run_dir import RunDir


def metrics(values, name="frechet"):
    return {"epoch": np.arange(1.0, 1 + len(values)), name: np.array(values, float)}


class TestCharts:
    def test_lines_are_the_mean_and_each_seed(self):
        line = charts.line("a", "run-0", [metrics([1, 2]), metrics([3, 8, 9])], "frechet")
        assert line.values == [2, 5]
        assert list(line.seeds) == [[1, 2], [3, 8]]
        assert not line.points

    def test_logarithmic_mean_is_geometric_and_zero_is_a_gap(self):
        line = charts.line("a", "run-0", [metrics([1, 0]), metrics([100, 0])], "frechet", logarithmic=True)
        assert line.values == [10, None]
        line = charts.line("a", "run-0", [metrics([1, 4]), metrics([100, 9])], "frechet", logarithmic=True)
        assert line.values == [10, 6]

    def test_metrics_missing_in_some_epochs_are_drawn_as_points(self):
        line = charts.line("a", "run-0", [metrics([math.nan, 5, math.nan])], "frechet")
        assert line.values == [None, 5, None]
        assert line.points

    def test_a_shorter_run_ends_earlier_on_a_common_axis(self):
        groups = {"a": [metrics([1, 2, 3])], "b": [metrics([4])], "none": [metrics([4], "other")]}
        chart = charts.compare_metric(groups, "frechet", logarithmic=False)
        assert chart is not None
        assert chart.x == [1, 2, 3]
        assert [(line.label, line.values) for line in chart.lines] == [("a", [1, 2, 3]), ("b", [4, None, None])]
        assert charts.compare_metric(groups, "coverage") is None

    def test_a_group_keeps_its_color_where_another_is_missing(self):
        groups = {"none": [metrics([4], "other")], "a": [metrics([1, 2])]}
        chart = charts.compare_metric(groups, "frechet")
        assert chart is not None
        assert [(line.label, line.color) for line in chart.lines] == [("a", "run-1")]

    def test_bars_are_means_over_the_seeds_with_class_shares(self):
        def of(ones, precision=0.9):
            shares = {f"digit_share_{digit}": np.array([math.nan, 0.0]) for digit in range(10)}
            looks = {"precision": np.array([math.nan, precision]), "classes_covered": np.array([math.nan, 1.0])}
            return {"epoch": np.array([1.0, 2.0]), **shares, "digit_share_1": np.array([math.nan, ones]), **looks}

        bars = charts.digit_bars(
            {"none": [metrics([1])], "a": [of(0.5), of(1.0), metrics([1])], "noise": [of(0.9, 0.1)]}
        )
        assert bars is not None
        assert bars.shares == {"a": [0, 0.75, *[0] * 8]}
        assert bars.colors == ["run-1"]  # the group's color in the other charts


class TestPictures:
    @pytest.mark.parametrize("count", [1, 3, 20, 21, 100, 1000])
    @pytest.mark.parametrize("most", [3, 8, 20])
    def test_chosen_epochs(self, count, most):
        epochs = list(range(1, count + 1))
        found = images.choose_epochs(epochs, most)
        assert len(found) <= most
        assert found == sorted(set(found))
        assert {epochs[0], epochs[-1]} <= set(found)
        assert {1, 50, 100} & set(epochs) <= set(found) | ({50, 100} if most == 3 else set())

    def test_the_homeworks_epochs_are_chosen_from_a_hundred(self):
        assert {1, 50, 100} <= set(images.choose_epochs(list(range(1, 101)), 20))
        assert images.choose_epochs(list(range(1, 101)), 3) == [1, 50, 100]

    def test_more_runs_show_fewer_epochs_each(self):
        assert images.epochs_for(1) == images.MOST_EPOCHS
        assert images.epochs_for(1000) == images.FEWEST_EPOCHS
        assert 20 * images.epochs_for(20) * images.BYTES_PER_GRID <= images.SAMPLES_BYTES
        assert images.epochs_for(20) < images.MOST_EPOCHS

    def test_a_hundred_epochs_sampled_every_fifth_are_all_shown_of_a_dozen_runs(self):
        sampled = [1, *range(5, 101, 5)]
        assert images.choose_epochs(sampled, images.epochs_for(12)) == sampled

    def test_samples_are_those_in_the_directory_up_to_the_last_epoch(self, tmp_path, mnist):
        grid = mnist.train_images[:64].reshape(8, 8, 28, 28).swapaxes(1, 2).reshape(224, 224)
        for epoch in (1, 2, 3):
            RunDir(tmp_path).write_sample(epoch, grid)
        found = images.samples(RunDir(tmp_path), seed=4, most=20, last=2)
        assert (found.seed, found.epochs, found.width, found.height) == (4, [1, 2], 224, 224)
        with Image.open(io.BytesIO(base64.b64decode(found.uris[0].partition(",")[2]))) as image:
            shown = np.asarray(image.convert("L"), int)
        assert np.abs(shown - grid).max() <= 255 / 7 / 2 + 0.5  # half a step of 8 grays, and rounding to whole ones
        assert len(np.unique(shown)) == 8
        assert len(found.uris[0]) <= images.BYTES_PER_GRID
        assert "in 8 grays" in html.render(hostile_page())

    def test_a_run_without_samples_has_no_picture(self, tmp_path):
        section = Section(id="x", title="x", samples=images.samples(RunDir(tmp_path), seed=0, most=3, last=5))
        page = hostile_page()._replace(parts=[section._replace(charts=[charts.Chart("t", [1], [])])], others=[])
        assert '<figure class="samples"' not in html.render(page)

    def test_an_invalid_picture_is_reported(self, tmp_path):
        (tmp_path / "x.png").write_bytes(b"<svg onload=alert(1)>")
        with pytest.raises(UserError, match="cannot read the image"):
            images.picture(tmp_path / "x.png")


class TestLive:
    def layers(self, sizes, last):
        rng = np.random.default_rng(0)
        names = [*(f"hidden_{place}" for place in range(1, len(sizes) - 1)), last]
        return {
            name: {"kernel": rng.normal(size=(rows, columns)), "bias": rng.normal(size=columns)}
            for name, rows, columns in zip(names, sizes, sizes[1:], strict=False)
        }

    def test_weights_in_order(self):
        layers = self.layers([3, 5, 4, 2], "image")
        shuffled = dict(reversed(layers.items()))  # files have no order
        network = live_generator.embed("G", "", {**shuffled, "hidden_1": layers["hidden_1"]}).generator
        assert network.layers == ["hidden_1", "hidden_2", "image"]
        found, _ = decompress(base64.b64decode(network.weights))
        for name, layer in layers.items():
            # Half a step of 31 levels up to the column's largest magnitude, and float32's rounding.
            steps = np.abs(layer["kernel"]).max(axis=0) / 31
            assert (np.abs(found[f"{name}.kernel"] - layer["kernel"]) <= 0.5001 * steps).all()
            np.testing.assert_allclose(found[f"{name}.bias"], layer["bias"], rtol=1e-6)

    def test_generators_that_no_longer_fit_are_left_out(self, monkeypatch):
        small = live_generator.embed("small", "", self.layers([3, 5, 4, 2], "image"))
        large = small._replace(name="large", discriminator=small.generator)
        monkeypatch.setattr(live_generator, "MOST_BYTES", 3 * small.size)
        found = live_generator.those_that_fit([large, large, small])
        assert [live.name for live in found] == ["large", "small"]

    def test_directions_have_the_largest_gains(self):
        """Directions are orthonormal, and their gains are singular values of the kernel, the largest first."""
        kernel = self.layers([16, 40, 2], "image")["hidden_1"]["kernel"]
        found = np.array(live_generator.directions(kernel, 8))
        np.testing.assert_allclose(found @ found.T, np.eye(8), atol=1e-6)  # written with seven digits
        assert (found[np.arange(8), np.abs(found).argmax(axis=1)] > 0).all()  # a sign that does not depend on LAPACK
        gains = np.linalg.norm(found @ kernel, axis=1)
        np.testing.assert_allclose(gains, np.linalg.svd(kernel, compute_uv=False)[:8], rtol=1e-6)

    def test_too_large_a_network_is_refused(self, monkeypatch):
        monkeypatch.setattr(live_generator, "MOST_BYTES", 100)
        with pytest.raises(UserError, match="MB of the page"):
            live_generator.embed("G", "", self.layers([3, 5, 4, 2], "image"))


HOSTILE = "</script><img src=x onerror='hacked=1'>\"'&<!--"


def hostile_page() -> Page:
    """A page with text that would break out of every context if not escaped."""
    t = HOSTILE
    chart = charts.Chart(t, [1, 2], [charts.Line(t, "run-0", [1, None], dash_style=1)], unit=t, x_title=t, about=t)
    table = Table(t, [[t, t], [t, t]], notes=[t], keys=[[None, 1.0]], links=[t], ids=[t], meanings={t: t})
    made = Provenance(t, {t: t})
    bars = charts.Bars(["run-0"], {t: [0.1] * 10}, {t: [[0.1] * 10]})
    samples = images.Samples(0, [1, 2], ["data:,", "data:,"], 1, 1)
    section = Section(
        id="a", title=t, question=t, claim=t, expected=t, notes=[t], warnings=[t], hparams=[(t, t)], samples=samples,
        charts=[chart, chart], reason=Reason([t], [chart], bars), comparison=[chart], tables=[table], provenance=[made],
    )  # fmt: skip
    missing = Section(id="b", title=t, missing=t)
    drawn = images.Picture("data:,", "0", 1, 1, t)
    experiment = Experiment(
        id="c", title=t, question=t, text=[t], charts=[chart], pictures=[(t, drawn)], tables=[table], warnings=[t],
        provenance=[made],
    )  # fmt: skip
    live = live_generator.embed(t, t, load_generator().params["params"])
    parts, guide = [section, missing], Guide([t], {t: {t: t}})
    generator = Generator([live, live], [t])
    return Page(
        title=t, introduction=[t], image=t, guide=guide, made=made, generator=generator, overview=table,
        overview_charts=[chart], parts=parts, others=[section._replace(id="d")], experiments=[experiment],
    )  # fmt: skip


class Elements(HTMLParser):
    """Records every element and its attributes, the texts, and the content of data scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[str] = []
        self.texts: list[str] = []  # outside of scripts and styles
        self._reads = self._hidden = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._hidden = tag in ("script", "style")
        self._reads = tag == "script" and dict(attrs).get("type") == "application/json"
        if self._reads:
            self.data.append("")

    def handle_endtag(self, tag):
        self._reads = self._hidden = False

    def handle_data(self, data):
        if self._reads:
            self.data[-1] += data
        elif not self._hidden and data.strip():
            self.texts.append(data.strip())


@pytest.mark.parametrize("image", ["image", "digit", "hour", "unicorn"])
def test_sentences_fit_any_word_for_an_image(image):
    """No article stands before the word, whose form would depend on how it is spoken."""
    texts = " ".join(Elements(html.render(hostile_page()._replace(image=image))).texts)
    assert f"Click any {image} to see it above." in texts
    assert re.search(rf"\ban? (new )?{image}\b", texts) is None


def test_all_text_is_escaped():
    text = html.render(hostile_page())
    elements = Elements(text)
    assert "onerror" in text  # present as text
    assert not [tag for tag, attributes in elements.found if "onerror" in attributes]
    assert all(str(attributes.get("src", "data:")).startswith("data:") for tag, attributes in elements.found)
    chart = next(json.loads(data) for data in elements.data if "x_title" in data)
    assert chart["title"] == chart["lines"][0]["label"] == HOSTILE  # the chart draws the text as given


def test_the_policy_allows_only_the_pages_own_scripts():
    text = html.render(hostile_page())
    elements = Elements(text)
    policies = [attributes["content"] for _, attributes in elements.found if "http-equiv" in attributes]
    assert len(policies) == 1
    assert str(policies[0]).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in str(policies[0])
    assert str(policies[0]).count("'sha256-") == sum(
        tag == "style" or (tag == "script" and "type" not in attributes) for tag, attributes in elements.found
    )
    assert not [tag for tag, attributes in elements.found if "style" in attributes or tag in ("iframe", "object")]
    links = {attributes["href"] for _, attributes in elements.found if "href" in attributes}
    assert all(str(link).startswith(("#", "data:")) for link in links)


def test_a_charts_table_has_the_epochs_that_were_measured():
    """Evenly chosen among them, the first and the last included; "-" fills no row."""
    every = charts.Chart("t", range(1, 101), [charts.Line("a", "run-0", [1.0] * 100)])
    assert html.table_rows(every) == [0, 10, 20, 30, 40, 50, 59, 69, 79, 89, 99]
    tenth = [1.0 if epoch % 10 == 0 else None for epoch in range(1, 101)]
    measured = every._replace(lines=[charts.Line("a", "run-0", tenth), charts.Line("b", "run-1", [None] * 100)])
    assert html.table_rows(measured) == list(range(9, 100, 10))
    mixed = every._replace(lines=[*every.lines, *measured.lines])  # one after each epoch, one after each tenth
    assert html.table_rows(mixed) == [0, *range(9, 100, 10)]


def test_an_explanation_is_in_the_page_once_and_all_its_buttons_show_it():
    elements = Elements(html.render(hostile_page())).found
    shown = {attributes["id"] for _, attributes in elements if "popover" in attributes}
    asked = [attributes["popovertarget"] for _, attributes in elements if "popovertarget" in attributes]
    assert len(asked) > len(shown) == len(set(asked))
    assert set(asked) == shown


def test_lines_of_a_chart_never_look_alike():
    """However many groups there are, no two have the same color and dashes; these are in the page as in figures."""
    groups = {f"run {place}": [metrics([1, 2])] for place in range(50)}
    chart = charts.compare_metric(groups, "frechet")
    assert chart is not None
    looks = {(line["color"], line["dash"]) for line in html.chart_data(chart)["lines"]}
    assert len(looks) == len({(color, str(line_style(style))) for color, style in _styles(chart)}) == 50


def _styles(chart):
    return [(line.color, line.dash_style) for line in chart.lines]


def test_few_lines_are_shown_of_many():
    groups = {name: [metrics([1, 2])] for name in "abc"}
    chart = charts.compare_metric(groups, "frechet")
    assert chart is not None
    few = charts.with_few_shown(chart, {"a", "c"})
    assert [line.hidden for line in few.lines] == [False, True, False]
    assert charts.with_few_shown(chart, {"other"}) == chart  # rather all than none
