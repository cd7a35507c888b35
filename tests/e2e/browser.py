"""A Chromium that reaches nothing but loopback."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
_CUT = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser that CHROMIUM names, or that is installed, started with CHROMIUM_FLAGS. Skips without one, fails where CI is true."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        _missing("no Chromium is installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        try:
            arguments = [*os.environ.get("CHROMIUM_FLAGS", FLAGS).split(), _CUT]
            browser = playwright.chromium.launch(executable_path=path, args=arguments)
        except Error as error:
            _missing(f"{path} does not start: {error}")
        yield browser
        browser.close()


def _missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
