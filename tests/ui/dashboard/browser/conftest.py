"""One server and one browser for all flows; whatever page asks another host, or meets an error, fails its test.

They last as long as a file's tests: Playwright keeps a loop running in its thread, which other tests couldn't bear.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import engine
from tests.command_line import COMMAND
from tests.ui.dashboard.browser.chrome import ADVICE, OPTIONS, find

SCREENSHOTS = Path(__file__).with_name("screenshots")
# Names of hosts lead nowhere, so that a page which asks another one is also seen to lack what it asked for.
_NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
PATIENCE_MS = 60_000
SCRIPT = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"
# Bokeh's own: a chart that is changed while it is first drawn is measured before it has a layout, and then again; what
# changes in a step that is just being left is told of a model that the browser has let go; and what is typed while the
# server is away can't be sent.
_HARMLESS = re.compile(r"reading 'top_panel'|reference p\d+ isn't known|not connected so cannot send")


@pytest.fixture(scope="module")
def executable() -> str:
    """Path of a browser."""
    found = find()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    return found


@pytest.fixture(scope="module")
def browser(executable) -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*OPTIONS, _NOWHERE])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> engine.SampleArchive:
    """An archive of five nights; there is no alert of the third of six, and in those of the fifth stands script."""
    nights = ["2021-11-20", "2021-11-21", "2021-11-23", "2021-11-24", "2021-11-25"]
    made = engine.write_sample(tmp_path_factory.mktemp("sample"), nights=nights, alerts_per_night=200, seed=3)
    for path in Path(made.archive, "year=2021", "month=11", "day=24").glob("*.parquet"):
        _write_script_into(path)
    return made


def _write_script_into(path: Path) -> None:
    """Have all texts of a file's alerts be script, those of two objects, whose light curves are drawn."""
    table = pq.read_table(path, partitioning=None)
    for at, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            texts = [f"{SCRIPT}{row % 2 if field.name == 'objectId' else ''}" for row in range(len(table))]
            table = table.set_column(at, field, pa.array(texts))
    pq.write_table(table, path)


@pytest.fixture(scope="module")
def address(executable, sample, kafka, dask_client, tmp_path_factory) -> Iterator[str]:
    """Where the page is served, as an operator serves it."""
    folder = tmp_path_factory.mktemp("server")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALERT_TRANSFER_")}
    words = [COMMAND, "serve", "--port", "0", "--archive", sample.archive, "--json"]
    words += ["--kafka", kafka, "--dask", dask_client.scheduler.address]
    with (
        (folder / "err").open("wb") as err,
        subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=err, text=True) as server,
    ):
        try:
            answer = server.stdout.readline()
            assert answer, (folder / "err").read_text()
            yield json.loads(answer)["url"]
            said = (folder / "err").read_text()
        finally:
            server.terminate()
            server.wait(150)
    assert "Traceback" not in said, said


@pytest.fixture
def opened(browser, address, request) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the page as somebody new does, in a context with the options given."""
    contexts: list[BrowserContext] = []
    foreign: list[str] = []
    errors: list[str] = []

    def open_page(where: str = "", before: Callable[[Page], None] | None = None, **options) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 1500}} | options))
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: foreign.append(request.url) if is_foreign(request.url) else None)
        page = context.new_page()
        page.on("websocket", lambda socket: foreign.append(socket.url) if is_foreign(socket.url) else None)
        page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        if before is not None:
            before(page)
        page.goto(address + where)
        page.get_by_role("tab").first.wait_for()
        return page

    def is_foreign(url: str) -> bool:
        return not url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:", "about:"))

    yield open_page
    SCREENSHOTS.mkdir(exist_ok=True)
    for number, context in enumerate(contexts):
        # What a test that failed was looking at.
        name = re.sub(r"\W+", "-", request.node.name).strip("-")
        context.pages[0].screenshot(path=SCREENSHOTS / f"end-of-{name}-{number}.png")
        context.close()
    assert foreign == [], "the page asked another host"
    assert [error for error in errors if not _HARMLESS.search(error)] == [], "the browser met an error"


@pytest.fixture
def shot(request) -> Callable[[Page, str], None]:
    """Return a function that keeps a picture of a page; people look at them."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")

    return take
