"""The page on paper: few pages, light, without controls, charts two abreast."""

import re
from pathlib import Path

import pytest

from experiments.homework import report
from tests.reports.browser.opened import Opened, write_page

PAPER = (688, 1017)  # A4 within its margins, in CSS pixels


def pages_of(browser, file: Path, path: Path) -> int:
    opened = Opened(browser, file, scheme="dark")
    opened.page.pdf(path=path, prefer_css_page_size=True)
    opened.context.close()
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))


def test_it_prints_on_few_pages(browser, file, tmp_path):
    # Five sections of runs with two pages or so each, and as many for the rest.
    assert 8 <= pages_of(browser, file, tmp_path / "page.pdf") <= 26


@pytest.mark.slow
def test_the_page_of_the_shipped_results_prints_on_few_pages(browser, tmp_path):
    file = write_page(report.SHIPPED, tmp_path / "report.html")
    assert 20 <= pages_of(browser, file, tmp_path / "page.pdf") <= 45  # 88 without a style of its own


def test_it_looks_like_paper(browser, file):
    opened = Opened(browser, file, PAPER, "dark")
    page = opened.page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    visible = lambda selector: page.locator(selector).evaluate_all(  # noqa: E731
        "all => all.filter(each => each.checkVisibility()).length"
    )
    assert visible("nav, .top, .controls, .about, details:not([open])") == 0
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ground')") == "#fbfaf7"
    boxes = [each.bounding_box() for each in page.locator("#part_b .reason figure.chart").all()]
    assert len(boxes) == 2
    assert boxes[0]["y"] == boxes[1]["y"]
    for canvas in page.locator("#part_b .reason canvas").all():
        shown, drawn = canvas.bounding_box(), canvas.evaluate("each => each.width")
        assert shown["width"] <= boxes[0]["width"] < drawn  # within its column, and sharp
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") is None  # the reader's, again
    opened.context.close()
