"""Links within the page land on their targets, since nothing above them changes its height when it is drawn."""

from pathlib import Path

import pytest

from experiments.homework import report
from tests.reports.browser.opened import DESK, PHONE, Opened, frames, write_page

OFF = 20  # pixels that a target may be off its place
# Follow a link, let the charts near its target be drawn, and measure how far the target is from where it belongs: below
# the header, or as far up as the end of the page allows.
LAND = """async link => {
    const frame = () => new Promise(requestAnimationFrame);
    link.click();
    for (let i = 0; i < 8; i++) await frame();
    const target = document.querySelector(link.hash);
    const root = document.documentElement;
    const place = parseFloat(getComputedStyle(root).scrollPaddingTop);
    const top = target.getBoundingClientRect().top;
    const left = root.scrollHeight - innerHeight - root.scrollTop; // pixels that the page can still scroll
    return left < 1 ? Math.max(0, place - top) : Math.abs(top - place);
}"""


def require_landing(browser, file: Path, size: tuple[int, int]) -> int:
    """Follow all links, the last first, so that charts above are not drawn yet; return how many there are."""
    opened = Opened(browser, file, size, reduced_motion="reduce")  # jumps, in the place of gliding
    # Without Chromium's own repair, which Safari lacks: it scrolls along when something above changes its height.
    opened.page.evaluate("document.documentElement.style.overflowAnchor = 'none'")
    links = opened.page.locator("a[href^='#']:not(.skip)").element_handles()
    off = {str(link.get_attribute("href")): opened.page.evaluate(LAND, link) for link in reversed(links)}
    opened.context.close()
    assert {target: pixels for target, pixels in off.items() if pixels > OFF} == {}
    return len(links)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_link_lands_on_its_target(browser, file, size):
    assert require_landing(browser, file, size) > 40


@pytest.mark.slow
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_link_of_the_shipped_results_lands_on_its_target(browser, tmp_path, size):
    assert require_landing(browser, write_page(report.SHIPPED, tmp_path / "report.html"), size) > 60


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_drawing_changes_no_height(browser, file, size):
    opened = Opened(browser, file, size)
    heights = """[...document.querySelectorAll("section, section.run figure, .charts figure")].map(
        each => [each.closest("section").id, each.offsetHeight])"""
    opened.page.evaluate("() => GanLive.ready")
    before = opened.page.evaluate(heights)
    opened.see_all()
    frames(opened.page)
    assert opened.page.evaluate(heights) == before
    opened.context.close()


def test_gliding_to_a_distant_section_ends_there(browser, file):
    """The way leads past charts that are drawn meanwhile."""
    opened = Opened(browser, file)
    opened.page.locator("nav a[href='#saturation']").click()
    place = "document.getElementById('saturation').getBoundingClientRect().top"
    found = [-1.0, 0.0]
    while found[-1] < 1000 or found[-1] != found[-2]:  # until it stands still
        opened.page.wait_for_timeout(300)
        found.append(opened.page.evaluate("scrollY"))
    assert abs(opened.page.evaluate(place) - 72) <= OFF  # 4.5rem, scroll-padding-top
    opened.context.close()
