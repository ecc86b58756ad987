"""Where a Chrome or Chromium is for the tests, and how one is had where there is none.

python -m tests.ui.dashboard.browser.chrome     has one fetched if there is none, and says which the tests take
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

__all__ = ["ADVICE", "OPTIONS", "find"]

VARIABLE = "ALERT_TRANSFER_BROWSER"
ADVICE = (
    f"no Chrome or Chromium was found: run `.venv/bin/playwright install chromium`, install one by your system's "
    f"packages (Debian, Ubuntu: apt-get install chromium), or name one by {VARIABLE}"
)
# A browser that asks nobody for anything by itself, and runs as root in a container.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
)


def find() -> str | None:
    """Return the browser's executable: the one that is named, one that is installed, or Playwright's own."""
    if named := os.environ.get(VARIABLE):
        return named
    installed = [found for name in _NAMES if (found := shutil.which(name))]
    if there := [*installed, *(place for place in _PLACES if Path(place).exists())]:
        return there[0]
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def fetch() -> None:
    """Have Playwright fetch its own browser; where it can't, and this is root on Debian, have apt install one."""
    playwright = str(Path(sys.executable).with_name("playwright"))
    if _runs(playwright, "install", "chromium") or not shutil.which("apt-get") or os.geteuid() != 0:
        return
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    if not _runs("apt-get", "-qq", "install", "--yes", "--no-install-recommends", "chromium"):
        # Its lists may never have been read.
        _runs("apt-get", "-qq", "update")
        _runs("apt-get", "-qq", "install", "--yes", "--no-install-recommends", "chromium")


def _runs(*words: str) -> bool:
    try:
        return subprocess.run(words, stdout=subprocess.DEVNULL, timeout=600, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    if find() is None:
        fetch()
    print(f"browser for the tests: {find() or ADVICE}")
