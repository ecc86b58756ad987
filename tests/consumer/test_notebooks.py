"""What a notebook shows of our errors and objects, by IPython itself."""

import warnings

import consumer
from consumer.notebooks import TableList, drawn_in_place, html_rows, html_table, in_notebook

CELL = "import engine\nrequest = engine.TransferRequest(nights='2021-11-22', content='lightcurves')\n"


def test_an_error_is_shown_by_the_cell_one_frame_of_ours_and_what_to_do(notebook, capsys):
    result = notebook.run_cell(CELL)
    assert isinstance(result.error_in_exec, consumer.InputError)
    shown = capsys.readouterr().out
    assert "content='lightcurves'" in shown, "the user's own line"
    assert "RequestError: there is no content 'lightcurves'" in shown
    assert "Accepted: lightcurve, cutouts" in shown
    assert "did you mean 'lightcurve'" in shown
    assert shown.count(".py") <= 2, "the public function that was called, and nothing inside"
    assert len(shown.splitlines()) < 15


def test_names_of_options_are_those_of_arguments(notebook, capsys):
    notebook.run_cell("import engine\nengine.plan(engine.TransferRequest(nights='2021-11-22'))\n")
    shown = capsys.readouterr().out
    assert "archive='URL'" in shown
    assert "--archive" not in shown


def test_a_terminal_is_no_notebook(notebook):
    assert in_notebook()
    type(notebook).clear_instance()
    assert not in_notebook()


def test_what_changes_is_drawn_in_one_place(notebook):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw = drawn_in_place()
        for number in range(3):
            draw(number)
    outputs = notebook.display_pub.outputs
    assert [output["data"]["text/plain"] for output in outputs] == ["0", "1", "2"]
    assert [output.get("update", False) for output in outputs] == [False, True, True]
    assert len({output["transient"]["display_id"] for output in outputs}) == 1


def test_texts_of_others_are_no_html():
    evil = "<script>alert('x')</script>"
    for made in (html_rows(evil, [(evil, evil)]), html_table([evil], [[evil]])):
        assert "<script" not in made
        assert "&lt;script&gt;" in made


def test_a_long_table_is_cut_and_says_so():
    made = html_table(["n"], [[n] for n in range(1_050)], most=50)
    assert made.count("<tr>") == 1 + 50 + 1
    assert "and 1,000 more" in made


class Pairs(TableList[tuple[str, int]]):
    head = ("name", "n")
    nothing = "no pair"

    def row(self, item):
        return item


def test_a_list_that_shows_as_a_table_is_a_list():
    pairs = Pairs([("a", 1), ("longer\nname", 2)])
    assert pairs == [("a", 1), ("longer\nname", 2)]
    first, second, third = repr(pairs).splitlines()
    assert first.split() == ["name", "n"]
    assert second.index("1") == third.index("2") == first.index("n", 5)
    assert "longer" in pairs._repr_html_()
    assert repr(Pairs()) == "no pair"
    assert "no pair" in Pairs()._repr_html_()


def test_results_show_as_small_tables(tmp_path):
    """Each public object that a user is handed, but for the settings and what is asked for."""
    import engine

    made = engine.write_sample(tmp_path, nights=["2021-11-22"], alerts_per_night=3)
    settings = engine.Settings(archive=made.archive)
    request = engine.TransferRequest(archive=made.archive, nights="2021-11-22")
    for found in (
        made,
        engine.plan(request, settings=settings),
        engine.fields(made.archive, like="magpsf", settings=settings),
        engine.check_settings(settings),
    ):
        assert made.archive in found._repr_html_()
    fields = engine.fields(made.archive, like="magpsf", settings=settings)
    assert "candidate.magpsf" in str(fields)
    assert "\n" not in repr(fields)
