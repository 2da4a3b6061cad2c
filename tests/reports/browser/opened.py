"""A page in a browser, with its requests and complaints recorded, and waiting for its charts."""

from pathlib import Path

from experiments.homework import report
from experiments.homework.results import gather
from gan_jax.reports import html as pages

SHOWN = ("part_a", "part_b", "part_c4", "part_c5", "saturation", "ridge")  # one or more of each kind of section
PHONE, DESK = (390, 844), (1280, 900)


def write_page(folder: Path, path: Path) -> Path:
    path.write_text(pages.render(report.make_page(gather(folder), "a test", whole=True)), encoding="utf-8")
    return path


class Opened:
    """A page, its complaints and its requests."""

    def __init__(self, browser, file: Path, size=DESK, scheme="light", **options):
        viewport = {"width": size[0], "height": size[1]}
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def see_all(self) -> None:
        """Scroll from end to end until every chart is drawn."""
        self.page.evaluate(
            """async () => {
                for (const chart of document.querySelectorAll("figure.chart:not(.bars)"))
                    while (!chart.querySelector("canvas")) {
                        chart.scrollIntoView({behavior: "instant", block: "center"});
                        await new Promise(requestAnimationFrame);
                    }
            }"""
        )


def frames(page) -> None:
    """Wait two frames: one in which the picture is drawn, and the next."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
