"""The page in a real browser: what an astronomer does on it, from opening it to Parquet on disk.

All flows are in this file, since they share a server and a browser. Pictures of each state are kept in `screenshots`.
"""

import contextlib
import re
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import axe_playwright_python
import pyarrow.dataset as ds
import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

import consumer
import engine
from tests.command_line import document, run_here
from tests.ui.dashboard.browser.conftest import PATIENCE_MS, SCRIPT

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
WHERE = "candidate.magpsf > 18"
HEADINGS = {
    "Data": "Choose your data",
    "Filter": "Filter alerts",
    "Content": "Choose the content",
    "Receive": "Receive your alerts",
}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}

expect.set_options(timeout=PATIENCE_MS)


def expect_alerts(page: Page, number: int) -> None:
    """Wait until the summary says how many alerts there are, no longer estimating."""
    said = page.get_by_role("region", name="Summary").locator(".said")
    expect(said).to_contain_text(re.compile(rf"^{number:,} alerts?, [\d.,]+ .?B"))


def choose_nights(page: Page, nights: str) -> None:
    field = page.get_by_role("textbox", name="The same as text")
    field.fill(nights)
    field.press("Enter")


def go_to(page: Page, step: str) -> None:
    page.get_by_role("tab", name=step).click()
    expect(page.get_by_role("heading", name=HEADINGS[step])).to_be_visible()


def write_conditions(page: Page, text: str) -> None:
    go_to(page, "Filter")
    page.get_by_role("combobox", name="Conditions").fill(text)


def findings(page: Page) -> list[str]:
    """Return what axe-core finds that is serious."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.timeout(900)
def test_from_opening_the_page_to_parquet(opened, shot, sample, kafka, tmp_path):
    page = opened()
    expect_alerts(page, 200)
    shot(page, "data")
    choose_nights(page, "2021-11-20:2021-11-22")
    write_conditions(page, f"{WHERE};")
    chosen = engine.preview(
        engine.TransferRequest(archive=sample.archive, nights="2021-11-20:2021-11-22", where=WHERE), limit=1000
    )
    expect_alerts(page, chosen.num_rows)
    shot(page, "filter")
    page.get_by_role("button", name="Preview").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("row")).to_have_count(11)
    expect(dialog.get_by_role("img", name=re.compile("Science image"))).to_be_visible()
    shot(page, "preview")
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    go_to(page, "Content")
    shot(page, "content")

    # The state is in the link: a reload in the midst loses nothing.
    expect(page).to_have_url(re.compile("step=content"))
    page.reload()
    expect(page.get_by_role("tab", name="Content")).to_have_attribute("aria-selected", "true")
    expect_alerts(page, chosen.num_rows)

    go_to(page, "Receive")
    page.get_by_role("button", name="Submit job").first.click()
    command = page.get_by_role("group", name="the consume command")
    expect(command).to_contain_text("alert-transfer consume ftransfer_")
    page.reload()
    expect(page.get_by_text("Complete: every alert is in the topic")).to_be_visible()
    expect(page.get_by_text(f"{chosen.num_rows} of {chosen.num_rows} alerts sent")).to_be_visible()
    shot(page, "receive")
    assert findings(page) == []

    words = command.inner_text().replace("\\\n", " ").split()
    assert words[:2] == ["alert-transfer", "consume"]
    words[words.index("--outdir") + 1] = str(tmp_path / "out")
    done = run_here(*words[1:])
    assert done.returncode == 0, done.stderr
    assert consumer.verify(tmp_path / "out").complete
    rows = ds.dataset(tmp_path / "out").to_table(columns=["candid"])
    assert sorted(rows["candid"].to_pylist()) == sorted(chosen["candid"].to_pylist())

    page.get_by_role("button", name="Look at the data").click()
    expect(page.get_by_text(f"{chosen.num_rows} alerts: all that the topic holds")).to_be_visible()
    page.get_by_role("heading", name="Light curves").scroll_into_view_if_needed()
    shot(page, "look")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    downloading.value.save_as(tmp_path / "some.parquet")
    assert ds.dataset(tmp_path / "some.parquet").count_rows() == chosen.num_rows
    listed = document(run_here("jobs", "--all", "--json", kafka=kafka))
    assert words[2] in [job["topic"] for job in listed]


def test_two_users_have_a_query_each(opened):
    first, second = opened(), opened()
    choose_nights(first, "2021-11-20")
    choose_nights(second, "2021-11-23:2021-11-25")
    expect_alerts(first, 200)
    expect_alerts(second, 600)
    write_conditions(first, "candidate.magpsf > 99;")
    expect(first.get_by_role("region", name="Summary")).to_contain_text("No alert")
    expect_alerts(second, 600)


@pytest.mark.parametrize(
    ("name", "options"), [("phone", PHONE), ("dark", {"color_scheme": "dark"})], ids=["phone", "dark"]
)
def test_each_step_fits_and_can_be_used_by_all(opened, shot, name, options):
    page = opened("", **options)
    expect_alerts(page, 200)
    if name == "dark":
        expect(page.locator(".mui-dark").first).to_be_attached()
    found = {}
    for step in HEADINGS:
        go_to(page, step)
        shot(page, f"{name}-{step.lower()}")
        found[step] = findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), step
    assert found == {step: [] for step in HEADINGS}


def test_what_is_wrong_is_told_beside_what_caused_it(opened, shot):
    page = opened()
    write_conditions(page, "candidate.magpfs > 18;")
    expect(page.get_by_role("alert").first).to_contain_text("candidate.magpsf")
    expect(page.get_by_role("combobox", name="Conditions")).to_have_attribute("aria-invalid", "true")
    shot(page, "wrong-condition")
    write_conditions(page, "")
    go_to(page, "Data")
    choose_nights(page, "2021-11-22")
    expect(page.get_by_role("alert").first).to_contain_text("2021-11-22")
    shot(page, "night-without-data")


def test_script_of_others_is_text(opened, shot):
    query = urllib.parse.urlencode({"job": SCRIPT, "q": SCRIPT, "step": SCRIPT})
    page = opened(f"?{query}")
    expect_alerts(page, 200)
    choose_nights(page, SCRIPT)
    go_to(page, "Filter")
    page.get_by_role("combobox", name="Alert classes").fill(SCRIPT)
    page.get_by_role("combobox", name="Conditions").fill(f"objectId = {SCRIPT!r} {SCRIPT}")
    expect(page.get_by_role("alert").first).to_be_visible()
    for step in ("Data", "Content", "Receive"):
        go_to(page, step)
        shot(page, f"script-{step.lower()}")
    assert_harmless(page)


@pytest.mark.timeout(900)
def test_script_in_alerts_is_text(opened, shot):
    page = opened()
    expect_alerts(page, 200)
    choose_nights(page, "2021-11-24")
    go_to(page, "Filter")
    page.get_by_role("combobox", name="Alert classes").fill("img src")
    page.get_by_role("combobox", name="Alert classes").press("Escape")
    page.get_by_role("button", name="Preview").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("<img src=x").first).to_be_visible()
    expect(dialog.get_by_role("img", name=re.compile("Science image"))).to_be_visible()
    shot(page, "script-preview")
    assert_harmless(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Test job").click()
    expect(page.get_by_text("10 of 10 alerts sent")).to_be_visible()
    page.get_by_role("button", name="Look at the data").click()
    expect(page.get_by_text("<img src=x").first).to_be_visible()
    for chart in page.locator(".bk-Figure").all():  # tooltips hold what others wrote, too
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        for part in (0.3, 0.5, 0.7):
            page.mouse.move(box["x"] + part * box["width"], box["y"] + 0.6 * box["height"])
    shot(page, "script-look")
    page.get_by_role("button", name="Your jobs").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    assert re.fullmatch(r"[\w.-]+\.parquet", downloading.value.suggested_filename)
    assert_harmless(page)


def assert_harmless(page: Page) -> None:
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0


def test_what_is_clicked_before_the_page_says_that_it_is_there_is_answered(opened):
    """The browser says so when all is drawn; on a busy machine that is seconds after the first buttons are there."""
    held: list[Callable[[], None]] = []

    def hold(route: WebSocketRoute) -> None:
        server, parts = route.connect_to_server(), []

        def passed(part: str | bytes) -> None:
            parts.append(part)
            if len(parts) < 3:  # head, metadata, content
                return
            message = list(parts)
            parts.clear()
            if b"document_ready" in (part if isinstance(part, bytes) else part.encode()):
                held.append(lambda: [server.send(one) for one in message])
            else:
                for one in message:
                    server.send(one)

        route.on_message(passed)

    page = opened(before=lambda page: page.route_web_socket(re.compile("/ws$"), hold))
    page.get_by_role("button", name="Copy or share").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert len(held) == 1, "it is not yet there"
    held[0]()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect_alerts(page, 200)


@contextlib.contextmanager
def server_away(opened: Callable[..., Page], begin: Callable[[Page], None]) -> Iterator[Page]:
    """A page that has lost its server once it was begun; the server is back at the end."""
    sockets: list[WebSocketRoute] = []
    is_back = False

    def connect(route: WebSocketRoute) -> None:
        route.connect_to_server()
        sockets.append(route)

    def look(route: Route) -> None:
        route.fallback() if is_back or route.request.method != "HEAD" else route.fulfill(status=503)

    def before(page: Page) -> None:
        page.route_web_socket(re.compile("/ws$"), connect)
        page.route(re.compile("bokeh.min.js"), look)

    page = opened(before=before)
    begin(page)
    sockets[0].close()
    expect(page.get_by_text("connection to the server is lost")).to_be_visible()
    yield page
    is_back = True


def test_conditions_typed_while_the_server_is_away_are_there_when_it_is_back(opened):
    def begin(page: Page) -> None:
        write_conditions(page, WHERE)
        expect(page).to_have_url(re.compile("q=.*step=filter"))

    with server_away(opened, begin) as page:
        page.get_by_role("combobox", name="Conditions").fill(f"{WHERE} and candidate.magpsf > 99;")
    expect(page.get_by_role("region", name="Summary")).to_contain_text("No alert")
    expect(page.get_by_role("combobox", name="Conditions")).to_have_value(re.compile("> 99;$"))


def test_what_is_typed_while_the_server_is_away_is_there_when_it_is_back(opened):
    typed = {"The same as text": "2021-11-21", "Fields to widen": "candidate.rb"}

    def begin(page: Page) -> None:
        page.get_by_role("textbox", name="Fields to widen").wait_for()

    with server_away(opened, begin) as page:
        for name, text in typed.items():
            page.get_by_role("textbox", name=name).fill(text)
    expect(page.get_by_role("region", name="Summary")).to_contain_text("21 Nov 2021")
    for name, text in typed.items():
        expect(page.get_by_role("textbox", name=name)).to_have_value(text)


_SEEN = """(() => {
  const find = (root) => {
    const found = root.querySelector(".MuiAppBar-root")
    if (found) return found
    for (const one of root.querySelectorAll("*"))
      if (one.shadowRoot && (inner = find(one.shadowRoot))) return inner
    return null
  }
  let inner = null
  window.seen = new Set()
  const look = () => {
    const bar = document.body && find(document)
    const grounds = [document.querySelector("#loader") && document.body, bar].filter((one) => one)
    for (const { backgroundColor, visibility } of grounds.map((one) => getComputedStyle(one)))
      if (visibility === "visible") window.seen.add(backgroundColor)
    requestAnimationFrame(look)
  }
  look()
})()"""


def test_a_new_reader_whose_system_is_dark_sees_nothing_light(opened):
    page = opened(before=lambda page: page.add_init_script(_SEEN), color_scheme="dark")
    expect_alerts(page, 200)
    seen = page.evaluate("Array.from(window.seen)")
    assert len(seen) >= 2, "the ground, and the bar"
    assert [colour for colour in seen if max(map(int, re.findall(r"\d+", colour)[:3])) > 60] == []


def test_the_keyboard_is_enough(opened):
    page = opened()
    expect_alerts(page, 200)

    def tab_to(wanted) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if wanted.evaluate(
                "it => it === it.getRootNode().activeElement || it.contains(it.getRootNode().activeElement)"
            ):
                return
        raise AssertionError(f"{wanted} is not reached")

    tab_to(page.get_by_role("textbox", name="The same as text"))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("2021-11-20")
    page.keyboard.press("Enter")
    tab_to(page.get_by_role("button", name="Next"))
    page.keyboard.press("Enter")
    tab_to(page.get_by_role("combobox", name="Conditions"))
    page.keyboard.type(f"{WHERE};")
    page.keyboard.press("Escape")
    tab_to(page.get_by_role("button", name=re.compile("Test job")).last)
    page.keyboard.press("Enter")
    expect(page.get_by_text("10 of 10 alerts sent")).to_be_visible()
