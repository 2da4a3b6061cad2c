"""Explanations of headings and charts: by keyboard, by touch, within the screen, and accessible."""

import pytest

from gan_jax.analysis.glossary import MEANINGS, TERMS
from gan_jax.reports.guide import heading_meanings
from tests.reports.browser.opened import DESK, PHONE, Opened

Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe


def test_every_metric_and_chart_is_explained(page):
    asked = page.locator("#overview .sortable thead .about")
    named = page.locator("#overview .sort").all_inner_texts()
    assert asked.count() == len(set(named) & set(heading_meanings())) >= len(named) - 1  # all but the run's name
    lacking = page.evaluate(
        """() => [...document.querySelectorAll("figure.chart:not(.bars) > figcaption")]
            .filter(each => !each.querySelector(".about")).map(each => each.textContent.trim())"""
    )
    assert lacking == []


def test_an_explanation_opens_with_the_keyboard_and_closes(page):
    button = page.locator("#overview th", has_text="Fréchet").locator(".about")
    button.focus()
    page.keyboard.press("Enter")
    shown = page.locator(":popover-open")
    assert shown.inner_text() == MEANINGS["frechet"]
    found = Axe().run(page, context={"include": [".explanation:popover-open"]}).response["violations"]
    assert [finding["id"] for finding in found if finding["impact"] in ("serious", "critical")] == []
    page.keyboard.press("Escape")
    assert shown.count() == 0
    assert button.evaluate("each => each === document.activeElement")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_an_explanation_opens_by_touch_within_the_screen(browser, file, size):
    opened = Opened(browser, file, size, has_touch=True)
    for place in (0, 5, 9):
        button = opened.page.locator("main .about").nth(place)
        button.scroll_into_view_if_needed()
        button.tap()
        box = opened.page.locator(":popover-open").bounding_box()
        asked = button.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= size[0]
        assert 0 <= box["y"] <= box["y"] + box["height"] <= size[1]
        distance = max(box["y"] - asked["y"] - asked["height"], asked["y"] - box["y"] - box["height"])
        assert 0 <= distance < 40  # beside its button, not over it
        opened.page.keyboard.press("Escape")
    opened.context.close()


def test_the_guide_explains_the_words(page):
    section = page.locator("#reading")
    words = section.locator("details", has_text="Words, explained")
    assert not words.locator("dl").is_visible()
    words.locator("summary").click()
    assert words.locator("dt").all_inner_texts() == list(TERMS)
    words.locator("summary").click()
    assert "reads from 8 to 12" in section.inner_text()
