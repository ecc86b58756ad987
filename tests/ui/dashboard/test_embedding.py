"""The page in a notebook."""

import pytest

import engine
import ui


def test_a_cell_of_a_notebook_shows_the_page(notebook, sample_archive):
    notebook.user_ns["archive"] = sample_archive
    done = notebook.run_cell(
        "async def show():\n    import ui\n    return ui.app(archive, kafka='127.0.0.1:1')\nview = await show()\nview"
    )
    assert done.error_in_exec is None
    data, _ = notebook.display_formatter.format(done.result)
    assert any("bokeh" in kind or kind == "text/html" for kind in data)
    assert "Choose your data" in "".join(str(pane.object) for pane in done.result.select() if hasattr(pane, "object"))


def test_without_an_archive_it_says_what_to_name(monkeypatch):
    for name in ("ALERT_TRANSFER_ARCHIVE", "ALERT_TRANSFER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(engine.RequestError) as caught:
        ui.app()
    assert "archive=" in caught.value.next_step
