"""Samples are played over the epochs: by a button and by the keyboard, and slower for who prefers less motion."""

from itertools import pairwise

import pytest

from tests.reports.browser.opened import Opened

# The epochs shown from now on, each with its time in milliseconds.
RECORD = """figure => {
    const output = figure.querySelector("output");
    figure.shownAt = [];
    new MutationObserver(() => {
        const last = figure.shownAt.at(-1);
        if (last?.[0] !== output.textContent) figure.shownAt.push([output.textContent, performance.now()]);
    }).observe(output, {childList: true});
}"""


@pytest.mark.parametrize(("motion", "pause"), [("no-preference", 300), ("reduce", 1000)])
def test_the_epochs_are_played_from_the_first_to_the_last(browser, file, motion, pause):
    opened = Opened(browser, file, reduced_motion=motion)
    figure = opened.page.locator("#part_b figure.samples")
    button = figure.locator(".play")
    figure.evaluate(RECORD)
    button.focus()
    opened.page.keyboard.press("Space")  # at the last epoch it begins again
    opened.page.wait_for_function(
        "each => each.shownAt.length > 1 && each.querySelector('.play').textContent === 'Play'",
        arg=figure.element_handle(),
    )
    shown = figure.evaluate("each => each.shownAt")
    epochs, times = zip(*shown, strict=True)
    assert epochs[0] == "1"
    assert epochs[-1] == "100"
    assert [int(epoch) for epoch in epochs] == sorted({int(epoch) for epoch in epochs})
    # Half of it: a busy machine draws a frame late, and the next in time.
    assert min(later - earlier for earlier, later in pairwise(times)) > pause / 2
    opened.context.close()


def test_the_reader_pauses_it_and_the_slider_stops_it(page):
    """Within the page, so that a busy machine does not play on between two clicks."""
    figure = page.locator("#part_b figure.samples")
    paused = figure.evaluate(
        """async figure => {
            const [button, output] = [figure.querySelector(".play"), figure.querySelector("output")];
            button.click();
            while (output.textContent !== "1") await new Promise(requestAnimationFrame);
            button.click();
            const found = [button.textContent, output.textContent];
            await new Promise(done => setTimeout(done, 700)); // two epochs' time
            return [...found, output.textContent];
        }"""
    )
    assert paused == ["Play", "1", "1"]
    moved = figure.evaluate(
        """figure => {
            const [button, slider] = [figure.querySelector(".play"), figure.querySelector("input")];
            button.click();
            slider.value = 1;
            slider.dispatchEvent(new Event("input"));
            return [button.textContent, figure.querySelector("output").textContent];
        }"""
    )
    assert moved == ["Play", "5"]
    assert figure.locator("img").first.get_attribute("alt") == "64 samples of part_b after epoch 5"
