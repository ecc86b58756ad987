"""The preview shows alerts that match, and what they hold is text."""

import asyncio

import pyarrow as pa
import pytest
from bokeh.plotting import figure

from tests.ui.dashboard.plots.alerts import LSST, ZTF, lsst_row, ztf_row
from tests.ui.dashboard.waiting import until
from ui.dashboard.components import ChoiceCards
from ui.dashboard.preview import AlertView, PreviewDialog, object_link
from ui.dashboard.preview_table import cell_text, table_html


@pytest.fixture(autouse=True)
def here(services, monkeypatch):
    monkeypatch.setattr(services, "compute", services.run)


def texts(view):
    found = view.select(lambda part: isinstance(getattr(part, "object", None), str))
    return " ".join(part.object for part in found)


def test_ten_alerts_that_match_with_their_curves_stamps_and_places(session):
    session.query.update(nights=["2021-11"], where="candidate.magpsf > 0")

    async def look():
        dialog = PreviewDialog(session)
        view = dialog.view()
        await dialog.open()
        assert view.open
        await until(lambda: "in the order of the archive" in texts(view))
        [cards] = view.select(ChoiceCards)
        assert len(cards.cards) == 10
        shown = texts(view)
        assert shown.count("<img") == 3
        assert "https://ztf.fink-portal.org/ZTF" in shown
        plots = list(view.select(lambda part: isinstance(getattr(part, "object", None), figure)))
        assert len(plots) == 2
        cards.value = "9"
        await until(lambda: f"<h3>{cards.cards[9]['title']}</h3>" in texts(view))

    asyncio.run(look())


@pytest.mark.parametrize(
    ("where", "told"), [("candidate.magpsf < 0", "No alert matches"), ("candidate.foo > 1", "no field candidate.foo")]
)
def test_nothing_to_show_is_told(session, where, told):
    session.query.update(nights=["2021-11-22"], where=where)

    async def look():
        dialog = PreviewDialog(session)
        await dialog.open()
        await until(lambda: told in texts(dialog.view()))

    asyncio.run(look())


def test_an_alert_is_linked_to_the_portals_page_of_its_object():
    assert object_link(ztf_row(), ZTF) == "https://ztf.fink-portal.org/ZTF18abcdefg"
    assert object_link(lsst_row(), LSST) == "https://lsst.fink-portal.org/42"
    assert object_link(lsst_row() | {"diaObject": None}, LSST) is None
    assert object_link(ztf_row() | {"objectId": "a/../b?c"}, ZTF) == "https://ztf.fink-portal.org/a%2F..%2Fb%3Fc"


def test_what_alerts_hold_is_text():
    nasty = "<script>alert(1)</script>"
    row = ztf_row() | {"objectId": nasty, "finkclass": nasty}
    assert "<script" not in texts(AlertView([row], ZTF).view())
    assert "<script" not in table_html(pa.Table.from_pylist([{nasty: nasty, "struct": {nasty: 1}}]))


def test_an_alert_without_an_object_is_named_by_its_identifier():
    row = lsst_row() | {"diaObject": None}
    [cards] = AlertView([row], LSST).view().select(ChoiceCards)
    assert cards.cards[0]["title"] == "diaSourceId 7"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (2459540.6045949, "2459540.6045949"),
        (18.25, "18.25"),
        (float("nan"), "nan"),
        (b"abc", "3 bytes"),
        ([1, 2], "2 entries"),
        (True, "true"),
    ],
)
def test_cells(value, text):
    assert cell_text(value) == text
