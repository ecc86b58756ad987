"""The steps write the query, and show it however it was changed."""

import asyncio

import panel as pn
import pytest

import engine
from tests.ui.dashboard.waiting import until
from ui.dashboard.components import ButtonRow, ChoiceCards, ClassPicker, ConditionEditor, FieldTable
from ui.dashboard.errors import ErrorBox
from ui.dashboard.steps import ContentStep, DataStep, FilterStep


@pytest.fixture(autouse=True)
def here(services, monkeypatch):
    """Have estimates made in this process: another takes seconds to start."""
    monkeypatch.setattr(services, "compute", services.run)


def one(view, kind, which=0):
    """Return a part of a view."""
    return list(view.select(kind))[which]


def texts(view):
    """Return all HTML of a view."""
    return " ".join(str(pane.object) for pane in view.select(lambda part: hasattr(part, "object")))


def test_data_nights_come_from_presets_years_calendar_and_text(session):
    async def look():
        view = DataStep(session).view()
        presets, years = one(view, ButtonRow), one(view, ButtonRow, 1)
        await until(lambda: years.buttons)
        assert [button["value"] for button in years.buttons] == ["2021"]
        assert presets.pressed == ["night"]
        presets._handle_msg("all")
        assert presets.pressed == ["all"], "the last 7 nights are the same"
        assert session.query.nights == ["2021-11-22:2021-11-24"]
        [picker] = view.select(lambda part: hasattr(part, "disabled_dates"))
        assert [f"{night}" for night in picker.disabled_dates] == ["2021-11-23"]
        [typed] = view.select(lambda part: getattr(part, "label", "") == "The same as text")
        await until(lambda: typed.value == "2021-11-22:2021-11-24")
        typed.value = "2021-11-22, 2021-11-24"
        await until(lambda: session.query.nights == ["2021-11-22", "2021-11-24"])
        await until(lambda: picker.value == (picker.start, picker.end))
        await asyncio.sleep(0)  # the calendar, which has no gaps, was shown them: that chooses nothing
        await until(lambda: session.query.nights == ["2021-11-22", "2021-11-24"])
        picker.value = (picker.start, picker.start)
        await until(lambda: session.query.nights == ["2021-11-22"])
        await until(lambda: "1 night chosen, 1 with data, 10 alerts" in texts(view))

    asyncio.run(look())


def test_data_an_archive_that_can_not_be_read_shows_nothing_of_the_one_before(session):
    async def look():
        view = DataStep(session).view()
        years = one(view, ButtonRow, 1)
        await until(lambda: years.buttons)
        [chart] = [part for part in view.select(pn.Column) if len(part) and isinstance(part[0], pn.pane.Bokeh)]
        assert chart.visible
        one(view, ChoiceCards).value = "rubin"
        await until(lambda: "/nowhere/lsst" in texts(view))
        await until(lambda: "is not known" in texts(view))
        assert (years.buttons, chart.visible) == ([], False)
        [picker] = view.select(lambda part: hasattr(part, "disabled_dates"))
        assert picker.disabled
        one(view, ChoiceCards).value = "main"
        await until(lambda: years.buttons and chart.visible and not picker.disabled)

    asyncio.run(look())


@pytest.mark.parametrize("nights", [["2021-11-23"], ["<script>alert(1)</script>"]])
def test_data_nights_that_can_not_be_are_told_beside_them_as_the_engine_says(session, nights):
    session.query.nights = nights

    async def look():
        view = DataStep(session).view()
        with pytest.raises(engine.AlertTransferError) as caught:
            engine.plan(session.query.request())
        await until(lambda: ErrorBox(caught.value).html() in texts(view))
        assert "<script" not in texts(view)
        assert session.query.nights == nights

    asyncio.run(look())


def test_data_another_survey_has_other_classes_but_conditions_stay(session):
    session.query.update(nights=["2021-11-22"], classes=["SN candidate"], where="candidate.magpsf > 19")

    async def look():
        cards = one(DataStep(session).view(), ChoiceCards)
        cards.value = "rubin"
        await until(lambda: session.query.source == "rubin")
        assert (session.query.classes, session.query.nights) == ([], [])
        assert session.query.where == "candidate.magpsf > 19"

    asyncio.run(look())


def test_filter_classes_and_conditions_go_into_the_query_and_come_back(session):
    async def look():
        view = FilterStep(session).view()
        picker, editor = one(view, ClassPicker), one(view, ConditionEditor)
        picker.keep = ["SN candidate"]
        await until(lambda: session.query.classes == ["SN candidate"])
        picker.leave_out = ["(TNS) SN Ia"]
        await until(lambda: session.query.exclude_classes == ["(TNS) SN Ia"])
        editor.value = "candidate.magpsf > 19"
        await until(lambda: session.query.where == "candidate.magpsf > 19")
        session.query.update(classes=[], exclude_classes=[], where="rb > 0.5")
        await until(lambda: editor.value == "rb > 0.5")
        assert (picker.keep, picker.leave_out) == ([], [])

    asyncio.run(look())


def test_filter_a_wrong_condition_is_marked_and_told_below_it(session):
    session.query.update(nights=["2021-11-22"], where="candidate.magpsf > 18;\ncandidate.foo < 2;")

    async def look():
        view = FilterStep(session).view()
        editor = one(view, ConditionEditor)
        await until(lambda: editor.mark)
        assert editor.mark == [2, 1, 13]
        assert "candidate.foo" in editor.problem
        assert "candidate.foo" in texts(view)
        editor.value = "candidate.magpsf > 18;"
        await until(lambda: not editor.mark)
        assert "candidate.foo" not in texts(view)

    asyncio.run(look())


def test_filter_a_class_that_does_not_exist_is_told_below_the_classes(session):
    session.query.update(nights=["2021-11-22"], classes=["<b>Nova"])

    async def look():
        view = FilterStep(session).view()
        await until(lambda: "there is no class" in texts(view))
        assert "<b>Nova" not in texts(view)
        assert one(view, ConditionEditor).mark == []

    asyncio.run(look())


def test_filter_fields_complete_and_are_inserted(session):
    async def look():
        view = FilterStep(session).view()
        editor, table = one(view, ConditionEditor), one(view, FieldTable)
        await until(lambda: table.fields)
        field = next(field for field in table.fields if field["name"] == "candidate.magpsf")
        assert (field["unit"], field["null"]) == ("mag", "0%")
        assert "candidate.magpsf" in editor.completions
        assert {"usage": "abs(x)", "gives": "size without sign"} in editor.functions
        sent = []
        editor._send_msg = sent.append
        table._handle_msg({"insert": "candidate.magpsf"})
        assert sent == [{"insert": "candidate.magpsf"}]

    asyncio.run(look())


@pytest.mark.parametrize("name", list(engine.survey_named("ztf").examples))
def test_filter_the_examples_are_one_click_away_and_right(session, name):
    session.query.nights = ["2021-11-22"]

    async def look():
        rows = one(FilterStep(session).view(), ButtonRow)
        rows._handle_msg(name)
        engine.plan(session.query.request())
        before = session.query.where
        rows._handle_msg(name)
        assert session.query.where == before  # once is enough

    asyncio.run(look())


def test_content_cards_tell_the_size_of_an_alert(session):
    session.query.nights = ["2021-11-22"]

    async def look():
        view = ContentStep(session).view()
        cards = one(view, ChoiceCards)
        assert [card["value"] for card in cards.cards] == list(engine.CONTENTS)
        await until(lambda: sum("an alert" in card["note"] for card in cards.cards) == 4)
        cards.value = "full"
        await until(lambda: session.query.content == "full")

    asyncio.run(look())


def test_content_fields_are_picked_from_a_table(session):
    session.query.nights = ["2021-11-22"]

    async def look():
        view = ContentStep(session).view()
        cards, table = one(view, ChoiceCards), one(view, FieldTable)
        assert not table.visible
        cards.value = "fields"
        await until(lambda: table.visible and "at least one field" in texts(view))
        await until(lambda: table.fields)
        assert {"candidate.magpsf", "prv_candidates"} <= {field["name"] for field in table.fields}
        table.chosen = ["candidate.magpsf", "prv_candidates"]
        await until(lambda: session.query.fields == ["candidate.magpsf", "prv_candidates"])
        assert engine.plan(session.query.request()).num_alerts == 10

    asyncio.run(look())


@pytest.mark.parametrize(("typed", "limit"), [("1,000", 1000), ("", None), ("0", 7), ("many", 7)])
def test_content_a_limit_that_is_none_is_not_taken(session, typed, limit):
    session.query.update(nights=["2021-11-22"], limit=7)

    async def look():
        [field] = ContentStep(session).view().select(lambda part: getattr(part, "label", "") == "Limit")
        field.value = typed
        await until(lambda: (session.query.limit, field.error_state) == (limit, limit == 7))

    asyncio.run(look())


@pytest.mark.parametrize("told", ["nonsense", "1066", "", "<script>"])
def test_what_a_browser_tells_may_be_anything(session, told):
    session.query.nights = ["2021-11-22"]

    async def look():
        data, filters = DataStep(session).view(), FilterStep(session).view()
        await until(lambda: one(data, ButtonRow, 1).buttons)
        one(data, ButtonRow)._handle_msg(told)
        one(filters, ButtonRow)._handle_msg(told)
        one(filters, FieldTable)._handle_msg(told)
        one(data, ChoiceCards).value = told
        await asyncio.sleep(0.05)
        query = session.query
        assert (query.source, query.nights, query.where) == ("main", ["2021-11-22"], "")

    asyncio.run(look())


def test_data_files_that_do_not_fit_are_widened_or_left_out(session):
    session.query.update(nights=["2021-11-22"], widen=["candidate.magnr"])

    async def look():
        parts = {getattr(part, "label", ""): part for part in DataStep(session).view().select()}
        widen, skip = parts["Fields to widen"], parts["Leave out files that can't be read"]
        assert (widen.value, skip.value) == ("candidate.magnr", False)
        widen.value = "candidate.magnr, candidate.drb"
        skip.value = True
        await until(lambda: session.query.widen == ["candidate.magnr", "candidate.drb"])
        await until(lambda: session.query.skip_unreadable)

    asyncio.run(look())


def test_filter_classes_are_counted_without_a_catalogue(session):
    session.query.update(nights=["2021-11-22"])

    async def look():
        picker = one(FilterStep(session).view(), ClassPicker)
        await until(lambda: "counted" in picker.note)
        await until(lambda: any(label["count"] for label in picker.labels))
        assert sum(label["count"] or 0 for label in picker.labels) <= 10
        assert "archive index" in picker.note
        assert not picker.is_about

    asyncio.run(look())
