"""The query in its other forms, and requests that are dropped on the page."""

import asyncio

import panel as pn
import panel_material_ui as pmui
import pytest

import engine
from tests.ui.dashboard.test_query import ASKED
from ui.dashboard.components import CopyBox
from ui.dashboard.sharing import MOST_YAML_NBYTES, ShareDialog, take_yaml


def texts(dialog: ShareDialog) -> dict[str, str]:
    return {box.name_of: box.text for box in dialog.view().select(CopyBox) if box.visible}


def test_the_dialog_has_command_python_yaml_and_link_of_the_query_as_it_is(session):
    dialog = ShareDialog(session)
    for limit in (3, 4):
        session.query.update(**ASKED, limit=limit)
        dialog.open()
        assert dialog.view().open
        request = session.query.request()
        found = texts(dialog)
        assert found["the command"] == request.to_command()
        assert found["the lines of Python"] == request.to_python()
        assert engine.TransferRequest.from_yaml(found["the YAML"]) == request
        assert engine.TransferRequest.from_link(found["the link"]) == request


def test_of_a_query_that_is_no_request_the_dialog_says_why(session):
    session.query.where = "candidate.magpsf < 19"
    dialog = ShareDialog(session)
    dialog.open()
    shown = "".join(pane.object for pane in dialog.view().select(pn.pane.HTML))
    assert "names no nights" in shown
    assert texts(dialog) == {}


def test_a_request_in_yaml_is_taken_over(session):
    take_yaml(session, "mine.yaml", b"nights: 2021-11-24\nwhere: candidate.magpsf < 18\nlimit: 9\n")
    assert not session.notice.is_error
    assert (session.query.nights, session.query.limit) == (["2021-11-24"], 9)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nights: 2021-11-24\nnights: 2021-11-25\n", "twice"),
        (b"nights: &a 2021-11-24\nwhere: *a\n", "alias"),
        (b"nights: 2021-11-24\narchive: /etc\n", "source"),
        (b"nights: 2021-11-24\ncondition: 1\n", "condition"),
        (b"PAR1\xff\xfe\x00", "not text"),
        (b"[" * 5_000, "nested"),
        (b"nights: 2021-11-24\nwhere: " + b"x" * MOST_YAML_NBYTES, "bytes"),
        ("nights: 2021-11-24\nwhere: " + "é" * MOST_YAML_NBYTES, "bytes"),
        (b"", "empty"),
    ],
)
def test_what_is_no_request_is_told_and_changes_nothing(session, content, said):
    session.query.update(**ASKED)
    before = session.query.values()
    take_yaml(session, "<b>mine</b>.yaml", content)
    assert session.notice.is_error
    assert said in session.notice.text
    assert session.query.values() == before


def test_a_file_of_the_dialog_is_taken_and_closes_it(session):
    dialog = ShareDialog(session)

    async def run() -> None:
        dialog.open()
        (file,) = dialog.view().select(pmui.FileInput)
        file.param.update(filename="mine.yaml", value=b"nights: 2021-11-24\n")
        await asyncio.sleep(0.05)

    asyncio.run(run())
    assert session.query.nights == ["2021-11-24"]
    assert not dialog.view().open
