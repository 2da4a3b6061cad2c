"""The page in a real browser: no errors, no requests, accessible, and every control works."""

from pathlib import Path

import numpy as np
import pytest

from experiments.homework import report
from gan_jax.analysis.charts import compare_metric, with_few_shown
from gan_jax.reports import html as pages
from gan_jax.runs.run_dir import RunDir
from tests.reports.browser.opened import DESK, PHONE, SHOWN, Opened, frames, write_page
from tests.reports.test_page_pieces import hostile_page

Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe


def require_readable(browser, file: Path, scheme: str, size: tuple[int, int]) -> None:
    """Assert no console message, no request except for the file, no sideways scrolling, no serious axe-core finding."""
    opened = Opened(browser, file, size, scheme)
    opened.see_all()
    assert opened.complaints == []
    assert {url for url in opened.requests if not url.startswith("data:")} == {file.as_uri()}
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Check collapsed tables of values, too. axe-core has no rules for formulas.
    opened.page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
    found = Axe().run(opened.page, context={"exclude": ["math"]}).response["violations"]
    serious = [
        f"{finding['id']}: {finding['help']}: {finding['nodes'][0]['html'][:200]}"
        for finding in found
        if finding["impact"] in ("serious", "critical")
    ]
    opened.context.close()
    assert serious == []


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)], ids=["light-desk", "dark-phone"])
def test_the_page_is_readable_without_errors_or_requests(browser, file, scheme, size):
    require_readable(browser, file, scheme, size)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_page_of_the_shipped_results_is_readable(browser, tmp_path, scheme, size):
    require_readable(browser, write_page(report.SHIPPED, tmp_path / "report.html"), scheme, size)


def test_hostile_text_does_nothing(browser, tmp_path):
    file = tmp_path / "hostile.html"
    file.write_text(pages.render(hostile_page()), encoding="utf-8")
    opened = Opened(browser, file)
    opened.see_all()
    assert opened.page.evaluate("typeof hacked") == "undefined"
    assert opened.complaints == []
    opened.context.close()


def test_all_charts_are_printed(browser, file, tmp_path):
    """Printing does not scroll, which charts on the screen wait for."""
    opened = Opened(browser, file)
    charts = "[...document.querySelectorAll('figure.chart:not(.bars)')]"
    missing = f"{charts}.filter(each => !each.querySelector('canvas')).length"
    assert opened.page.evaluate(missing) > 0
    opened.page.pdf(path=tmp_path / "page.pdf")
    assert opened.page.evaluate(missing) == 0
    opened.context.close()


def test_the_policy_forbids_the_network(browser, file):
    """Even a script in the page could fetch nothing."""
    opened = Opened(browser, file)
    refused = opened.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name)")
    assert refused == "TypeError"
    assert "violates the following Content Security Policy" in opened.complaints[0]
    assert not any(url.startswith("http") for url in opened.requests)
    opened.context.close()


def test_the_slider_shows_the_epochs_samples(page):
    figure = page.locator("#part_b figure.samples")
    slider, image, beside = figure.locator("input"), figure.locator("img").first, figure.locator("img").nth(1)
    assert figure.locator("output").inner_text() == "100"
    last, others = image.get_attribute("src"), beside.get_attribute("src")
    slider.focus()
    page.keyboard.press("Home")
    assert figure.locator("output").inner_text() == "1"
    assert image.get_attribute("src") != last
    assert beside.get_attribute("src") != others
    assert "epoch 1" in str(image.get_attribute("alt"))
    assert slider.get_attribute("aria-valuetext") == "epoch 1"
    page.wait_for_function("image => image.complete && image.naturalWidth === 242", arg=image.element_handle())


def values_of(chart) -> list[str]:
    return chart.locator(".legend .value").all_inner_texts()


def test_hovering_shows_the_values_of_an_epoch(page):
    chart = page.locator("#part_a figure.chart").first
    chart.scroll_into_view_if_needed()
    over = chart.locator(".u-over")
    over.wait_for()
    at_end = values_of(chart)
    box = over.bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 40)  # the left edge is epoch 1
    metrics = RunDir(report.SHIPPED / "part_a").read_metrics()
    losses = [metrics[name][0] for name in ("discriminator_loss", "generator_loss")]
    assert [float(text) for text in values_of(chart)[:2]] == pytest.approx(losses, rel=5e-3)  # shown with three digits
    assert chart.get_attribute("data-at") == "epoch 1"
    page.mouse.move(0, 0)
    assert values_of(chart) == at_end


def test_a_chart_can_be_read_with_the_keyboard(page):
    chart = page.locator("#part_a figure.chart").first
    chart.locator(".plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert chart.get_attribute("data-at") == "epoch 2"
    assert chart.locator(".spoken").inner_text().startswith("epoch 2: discriminator 1.41, generator 2.04")


def ink(chart) -> int:
    """Count the chart's pixels in the generator's color."""
    return chart.locator("canvas").first.evaluate(
        """c => { const {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4) count += data[i] === 0xd5 && data[i + 1] === 0x5e && !data[i + 2];
            return count; }"""
    )


def test_the_legend_switches_lines(page):
    chart = page.locator("#part_a figure.chart").first
    chart.scroll_into_view_if_needed()
    lines = [chart.locator(".legend button", has_text=text).first for text in ("generator", "log 2: generator")]
    drawn = ink(chart)
    assert drawn > 0
    for line in lines:  # the curve, and the dashed level in the same color
        line.click()
        assert line.get_attribute("aria-pressed") == "false"
    frames(page)
    assert ink(chart) == 0
    for line in lines:
        line.click()
    frames(page)
    assert ink(chart) == drawn


def test_charts_of_many_runs_show_few_at_first_and_follow_one_another(browser, tmp_path):
    names = [f"run {place}" for place in range(12)]
    steps = {"epoch": np.arange(1.0, 4.0)}
    groups = {name: [{**steps, "frechet": np.full(3, 2.0 + place)}] for place, name in enumerate(names)}
    chart = compare_metric(groups, "frechet")
    assert chart is not None
    few = with_few_shown(chart, names[:2])
    # A chart that is far below and not drawn yet follows, too; the run's own charts do not.
    content = hostile_page()._replace(overview_charts=[few, few._replace(title="second")])
    file = tmp_path / "many.html"
    file.write_text(pages.render(content), encoding="utf-8")
    opened = Opened(browser, file)
    charts = opened.page.locator("#overview figure.chart")
    pressed = lambda: [  # noqa: E731
        [button.get_attribute("data-line") for button in chart.locator(".legend [aria-pressed=true]").all()]
        for chart in charts.all()
    ]
    assert pressed() == [names[:2]] * 2
    assert charts.first.locator(".legend button").count() == len(names)  # the others are listed
    charts.first.locator(".legend button", has_text="run 11").click()
    charts.first.locator(".legend button", has_text="run 0").click()
    assert pressed() == [["run 1", "run 11"]] * 2
    opened.context.close()


@pytest.mark.parametrize("values", [[1.0], [0.0], [0.5], [0.97, 1.0]])
def test_the_axis_of_a_share_stays_within_0_and_1(browser, tmp_path, values):
    chart = compare_metric(
        {"a": [{"epoch": np.arange(1.0, 1 + len(values)), "coverage": np.array(values)}]}, "coverage"
    )
    assert chart is not None
    file = tmp_path / "share.html"
    empty = chart._replace(lines=[chart.lines[0]._replace(values=[None] * len(values))])
    file.write_text(pages.render(hostile_page()._replace(overview_charts=[chart, empty])), encoding="utf-8")
    opened = Opened(browser, file)
    opened.page.evaluate("""() => {
        const Plot = uPlot;
        window.plots = [];
        uPlot = class extends Plot {
            constructor(settings, data, host) {
                super(settings, data, host);
                if (host.closest("#overview")) plots.push(this);
            }
        };
    }""")
    opened.see_all()
    assert opened.complaints == []
    frames(opened.page)
    drawn = opened.page.evaluate("plots.map(plot => [plot.scales.y.min, plot.scales.y.max])")
    opened.context.close()
    assert len(drawn) == 2
    assert all(0 <= low < high <= 1 for low, high in drawn), drawn
    assert drawn[0][0] <= min(values) <= max(values) <= drawn[0][1]


def test_the_table_sorts_by_name_and_by_number(page):
    table = page.locator("table.sortable")
    names = lambda: table.locator("tbody th").all_inner_texts()  # noqa: E731
    shipped = [name for name in SHOWN if name.startswith("part")]
    table.locator("thead button", has_text="run").click()
    assert names() == ["live", *shipped]
    last = {name: RunDir(report.SHIPPED / name).read_metrics()["frechet"][-1] for name in shipped}
    by_distance = sorted(shipped, key=lambda name: last[name])
    button = table.locator("thead button", has_text="Fréchet")
    button.click()
    assert names() == [*by_distance, "live"]  # not measured with a classifier
    assert button.locator("xpath=..").get_attribute("aria-sort") == "ascending"
    button.click()
    assert names() == [*reversed(by_distance), "live"]
    assert button.locator("xpath=..").get_attribute("aria-sort") == "descending"


def test_the_switch_changes_the_theme(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    button = page.locator("#theme")
    light = page.evaluate(ground)
    button.click()
    dark = page.evaluate(ground)
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert page.evaluate(ground) == light
    assert light != dark


def test_the_page_is_readable_without_scripts(browser, file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("#part_b figure.samples img").count() == 2
    page.locator("#part_b details summary").first.click()
    assert page.locator("#part_b figure.chart table").first.is_visible()
    context.close()
