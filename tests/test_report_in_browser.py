"""The page in a real browser: nothing fails, nothing is loaded, everything that moves moves, and G is JAX's G."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import reporting
from experiments.gathering import gather
from gan_jax import checkpoints
from gan_jax.config import Config, Setting
from gan_jax.data import ImageDataset
from gan_jax.figures import grid
from gan_jax.pixels import to_unit_range
from gan_jax.reports import page as pages
from gan_jax.run_folder import RunFolder
from gan_jax.runs import initial_state
from gan_jax.training import generate, networks
from tests.test_reports import hostile_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH: apt-get install chromium")

# Nothing of the browser's own may reach the network, either.
QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
FRAME_MS = 16
SHOWN = ("part_a", "part_b", "part_c4", "part_c5", "saturation", "ridge")  # of each kind of section one or more
PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, mnist: ImageDataset) -> Path:
    """Some of the shipped results, and a run of an epoch with a checkpoint, which the page draws with.

    Its networks are those before training with weights twice as large, so that images have contrast.
    """
    folder = tmp_path_factory.mktemp("runs")
    for name in SHOWN:
        (folder / name).symlink_to(reporting.SHIPPED / name)
    run, config = RunFolder(folder / "live"), Config(name="live", epochs=1)
    run.write_config(config)
    [row] = RunFolder(reporting.SHIPPED / "part_a").read_rows()[:1]
    run.write_rows([row])
    run.write_sample(1, grid(np.asarray(to_unit_range(mnist.train_images[:64]))))
    state = initial_state(config)
    generator, discriminator = jax.tree.map(lambda leaf: 2 * leaf, (state.generator, state.discriminator))
    checkpoints.save(
        run.checkpoints, state._replace(generator=generator, discriminator=discriminator, epoch=jnp.int32(1))
    )
    return folder


def write_page(folder: Path, path: Path) -> Path:
    path.write_text(pages.render(reporting.make_page(gather(folder), "a test", whole=True)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(folder, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as driver:
        # Its folder is a temporary one of playwright's own; as root, as in CI, its sandbox does not start.
        started = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET, chromium_sandbox=False)
        yield started
        started.close()


class Opened:
    """A page, and what it complained of and asked for."""

    def __init__(self, browser, file: Path, size=DESK, scheme="light"):
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def see_all(self) -> None:
        """Scroll from end to end, as far as a chart is not drawn yet, so that every one is."""
        self.page.evaluate(
            """async () => {
                for (const chart of document.querySelectorAll("figure.chart:not(.bars)"))
                    while (!chart.querySelector("canvas")) {
                        chart.scrollIntoView({behavior: "instant", block: "center"});
                        await new Promise(requestAnimationFrame);
                    }
            }"""
        )


@pytest.fixture(scope="module")
def opened(browser, file) -> Iterator[Opened]:
    found = Opened(browser, file)
    yield found
    found.context.close()


@pytest.fixture
def page(opened):
    return opened.page


def require_readable(browser, file: Path, scheme: str, size: tuple[int, int]) -> None:
    """No console message, no request but for the file itself, no sideways scrolling, no serious finding of axe-core."""
    opened = Opened(browser, file, size, scheme)
    opened.see_all()
    assert opened.complaints == []
    assert {url for url in opened.requests if not url.startswith("data:")} == {file.as_uri()}
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Tables of values that are closed are judged, too. Of formulas axe-core has nothing to say.
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
def test_nothing_fails_nothing_is_loaded_and_all_can_read_it(browser, file, scheme, size):
    require_readable(browser, file, scheme, size)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_page_of_the_shipped_results_is_readable(browser, tmp_path, scheme, size):
    require_readable(browser, write_page(reporting.SHIPPED, tmp_path / "report.html"), scheme, size)


def test_hostile_text_does_nothing(browser, tmp_path):
    file = tmp_path / "hostile.html"
    file.write_text(pages.render(hostile_page()), encoding="utf-8")
    opened = Opened(browser, file)
    opened.see_all()
    assert opened.page.evaluate("typeof hacked") == "undefined"
    assert opened.complaints == []
    opened.context.close()


def test_the_policy_forbids_the_network(browser, file):
    """Even a script of the page could not fetch anything."""
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


def frames(page) -> None:
    """Let two frames pass: one in which the picture is drawn, and one after it."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


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
    metrics = RunFolder(reporting.SHIPPED / "part_a").read_metrics()
    losses = [metrics[name][0] for name in ("discriminator_loss", "generator_loss")]
    assert [float(text) for text in values_of(chart)[:2]] == pytest.approx(losses, rel=5e-3)  # three digits
    assert chart.get_attribute("data-at") == "epoch 1"
    page.mouse.move(0, 0)
    assert values_of(chart) == at_end


def test_a_chart_is_read_with_the_keyboard(page):
    chart = page.locator("#part_a figure.chart").first
    chart.locator(".plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert chart.get_attribute("data-at") == "epoch 2"
    assert chart.locator(".spoken").inner_text().startswith("epoch 2: discriminator 1.41, generator 2.04")


def ink(chart) -> int:
    """How many pixels of the chart are of the generator's colour."""
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
    for line in lines:  # the curve, and the dashed level of the same colour
        line.click()
        assert line.get_attribute("aria-pressed") == "false"
    frames(page)
    assert ink(chart) == 0
    for line in lines:
        line.click()
    frames(page)
    assert ink(chart) == drawn


def test_the_table_sorts_by_name_and_by_number(page):
    table = page.locator("table.sortable")
    names = lambda: table.locator("tbody th").all_inner_texts()  # noqa: E731
    shipped = [name for name in SHOWN if name.startswith("part")]
    table.locator("thead button", has_text="run").click()
    assert names() == ["live", *shipped]
    last = {name: RunFolder(reporting.SHIPPED / name).read_metrics()["frechet"][-1] for name in shipped}
    by_distance = sorted(shipped, key=lambda name: last[name])
    button = table.locator("thead button", has_text="Fréchet")
    button.click()
    assert names() == [*by_distance, "live"]  # which was not measured with a classifier
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


@pytest.fixture(scope="module")
def state(folder):
    run = RunFolder(folder / "live")
    config = run.read_config()
    assert isinstance(config, Config)
    found, _ = checkpoints.load_newest(run.checkpoints, initial_state(config))
    assert found is not None
    return found


LATENTS = np.random.default_rng(0).normal(size=(16, 128)).astype(np.float32)
IMAGES = """latents => latents.map(latent => {
    const image = GanNetwork.generate(GanLive.generator, Float32Array.from(latent));
    return {image: [...image], verdict: GanNetwork.judge(GanLive.discriminator, image)};
})"""


def in_page(page) -> tuple[np.ndarray, np.ndarray]:
    found = page.evaluate(IMAGES, LATENTS.tolist())
    return np.array([each["image"] for each in found]), np.array([each["verdict"] for each in found])


def in_jax(state, halve: bool) -> tuple[np.ndarray, np.ndarray]:
    def weights(tree):
        return jax.tree.map(lambda leaf: leaf.astype(jnp.float16).astype(jnp.float32) if halve else leaf, tree)

    setting = Setting()
    images = generate(weights(state.generator), jnp.asarray(LATENTS), setting=setting)
    logits = networks(setting)[1].apply(weights(state.discriminator), images)
    return np.asarray(images), np.asarray(jax.nn.sigmoid(jnp.asarray(logits)))


def test_the_page_draws_what_jax_draws(page, state):
    images, verdicts = in_page(page)
    assert images.std() > 0.1
    # The same weights, rounded to float16: sums of up to 1024 float32 in another order, 1e-6 measured.
    expected, judged = in_jax(state, halve=True)
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(verdicts, judged, rtol=0, atol=1e-5)
    # The weights as they were trained: float16 rounds each by up to 2^-11 of it, and of many the roundings cancel.
    expected, judged = in_jax(state, halve=False)
    np.testing.assert_allclose(images, expected, rtol=0, atol=5e-3)
    np.testing.assert_allclose(verdicts, judged, rtol=0, atol=5e-3)


def test_a_frame_fits_the_screens_rhythm(page):
    """A digit drawn with its verdict, at the homework's sizes."""
    times = page.evaluate(
        """() => Array.from({length: 60}, () => {
            const start = performance.now();
            GanLive.paint(document.getElementById('digit'), GanLive.draw());
            return performance.now() - start;
        })"""
    )
    # Other processes take turns on the same cores, as they may anywhere that tests run: that time is not the frame's.
    assert np.quantile(times, 0.1) < FRAME_MS


def pixels(page, figure: str) -> list[int]:
    return page.evaluate(
        "id => [...document.querySelector(`#${id} canvas`).getContext('2d').getImageData(0, 0, 28, 28).data]", figure
    )


def test_a_new_digit_and_its_directions(page, state):
    frames(page)
    before = pixels(page, "digit")
    page.locator("#new-digit").click()
    frames(page)
    drawn = pixels(page, "digit")
    assert drawn != before
    latent = np.array(page.evaluate("[...GanLive.latent()]"), np.float32)
    expected = np.asarray(generate(state.generator, jnp.asarray(latent[None]), setting=Setting()))[0]
    assert np.abs(np.array(drawn)[::4] - (expected + 1) * 127.5).max() < 1  # rounded to a grey
    assert "% real" in page.locator("#digit figcaption").inner_text()

    slider = page.locator("input[data-direction='0']")
    slider.evaluate("each => { each.value = 3; each.dispatchEvent(new Event('input')) }")
    frames(page)
    assert pixels(page, "digit") != drawn
    moved = np.array(page.evaluate("[...GanLive.latent()]"), np.float32)
    left, _, _ = np.linalg.svd(np.asarray(state.generator["params"]["hidden_1"]["kernel"]))
    change = (moved - latent) / np.linalg.norm(moved - latent)
    assert abs(change @ left[:, 0]) == pytest.approx(1, abs=1e-4)  # along the first principal component, and no other
    assert abs(moved @ left[:, 0]) == pytest.approx(3, abs=1e-3)

    page.locator("#centre").click()
    assert page.locator(".directions output").all_inner_texts() == ["0.0"] * 8


def test_a_morph_ends_at_its_two_digits(page):
    position = page.locator("#morph-position")
    for value, end in ((0, "morph-from"), (1, "morph-to")):
        position.evaluate("(each, value) => { each.value = value; each.dispatchEvent(new Event('input')) }", value)
        frames(page)
        assert np.abs(np.array(pixels(page, "morph")) - pixels(page, end)).max() <= 1  # of 255: a rounding
    page.locator("#morph-play").click()
    shown = float(position.input_value())
    page.wait_for_function(
        "shown => Math.abs(document.getElementById('morph-position').value - shown) > 0.05", arg=shown
    )
    page.locator("#morph-play").click()
    lengths = page.evaluate(
        """() => { const [a, b] = [GanLive.draw(), GanLive.draw()];
            return [a, GanLive.mix([a, b], 0.5), b].map(z => Math.hypot(...z)); }"""
    )
    assert lengths[1] == pytest.approx((lengths[0] + lengths[2]) / 2, rel=0.05)  # as long as what G was trained on


def test_a_digit_of_the_gallery_becomes_the_digit(page):
    page.wait_for_function("() => document.querySelector('#gallery button:last-child figcaption').textContent")
    page.locator("#gallery button").nth(5).click()
    frames(page)
    chosen = page.evaluate(
        "() => [...document.querySelectorAll('#gallery canvas')[5].getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    assert pixels(page, "digit") == chosen


def test_without_scripts_it_can_still_be_read(browser, file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("#part_b figure.samples img").count() == 1
    page.locator("#part_b details summary").first.click()
    assert page.locator("#part_b figure.chart table").first.is_visible()
    context.close()
