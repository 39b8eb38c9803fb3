"""Draws docs/images/report.png and report-dark.png: the report of docs/sample/news.jsonl in a headless Chromium.

Needs the package with its dev extra, a Chromium (as the tests find it) and a font with Chinese characters.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from trackclf.cli import main

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))
from browsers import found  # noqa: E402

SIZE = {"width": 1400, "height": 940}


def draw(browser, page: Path, scheme: str, image: Path) -> None:
    """One picture of the page, with the tooltip of a mark."""
    view = browser.new_page(viewport=SIZE, color_scheme=scheme)
    view.goto(page.as_uri())
    view.hover("[data-id=news-01] mark >> nth=3")
    view.screenshot(path=image)
    view.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page = Path(folder) / "page.html"
        main(["report", str(DOCS / "sample" / "news.jsonl"), "-o", str(page)])
        browser = play.chromium.launch(executable_path=found(play))
        for scheme, name in (("light", "report.png"), ("dark", "report-dark.png")):
            draw(browser, page, scheme, DOCS / "images" / name)
        browser.close()
