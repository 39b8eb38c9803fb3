"""Pages in a headless Chromium: fixtures, loaded by conftest.py. As a script: where the browser is, or exit code 1."""

import os
import shutil
import sys

import pytest

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


def found(play):
    """TRACKCLF_TEST_BROWSER, or the first of BROWSERS on the path, or playwright's own, or None."""
    named = os.environ.get("TRACKCLF_TEST_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    own = play.chromium.executable_path
    return named or (own if os.path.exists(own) else None)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium. Where there is none the test skips, or fails if TRACKCLF_BROWSER_REQUIRED is set."""
    missing = pytest.fail if os.environ.get("TRACKCLF_BROWSER_REQUIRED") else pytest.skip
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    with sync_playwright() as play:
        path = found(play)
        if path is None:
            missing("no Chromium: install one, run `playwright install chromium`, or name it in TRACKCLF_TEST_BROWSER")
        browser = play.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page in a fresh profile; fails on any script error, and on anything fetched."""
    context = browser.new_context(accept_downloads=True)
    troubles = []

    def go(html):
        path = tmp_path / f"{hash(html)}.html"
        path.write_text(html, encoding="utf-8", errors="backslashreplace", newline="")
        view = context.new_page()
        view.on("pageerror", lambda error: troubles.append(str(error)))
        view.on("console", lambda message: troubles.append(message.text))
        view.on("request", lambda request: request.url.startswith(("file:", "blob:")) or troubles.append(request.url))
        view.goto(path.as_uri())
        return view

    yield go
    context.close()
    assert not troubles


if __name__ == "__main__":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        print(found(play) or sys.exit(1))
