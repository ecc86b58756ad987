"""Class labels of a request: the condition that they amount to, and labels that can't be meant."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions import filter_table, parse_conditions
from engine.errors import RequestError
from engine.surveys import names_of, requested_classes, survey_named
from engine.surveys.simbad_names import RENAMED

ZTF = survey_named("ztf")
CLASSES = ZTF.classes
LABELS = pa.schema([("finkclass", pa.string()), ("tnsclass", pa.string())])
ALERTS = pa.table(
    {
        "finkclass": ["SN candidate", "Star", "Unknown", "RRLyr", None, "O'Rr*\\"],
        "tnsclass": ["Unknown", "Unknown", "(TNS) SN Ia", "(TNS) SN Ia", "(TNS) SN II", None],
    },
    schema=LABELS,
)


def class_filter(classes, exclude) -> str | None:
    return requested_classes(classes, exclude, ZTF).condition


def kept(classes: list[str], exclude: list[str]) -> list[int]:
    conditions = parse_conditions(class_filter(classes, exclude), LABELS)
    return filter_table(ALERTS.select(list(conditions.leaves)), conditions.sql).tolist()


@pytest.mark.parametrize(
    ("classes", "exclude", "expected"),
    [
        ([], [], [0, 1, 2, 3, 4, 5]),
        (["allclasses"], [], [0, 1, 2, 3, 4, 5]),
        (["allclasses", "SN candidate"], [], [0, 1, 2, 3, 4, 5]),
        (["SN candidate"], [], [0]),
        (["SN candidate", "Unknown"], [], [0, 2]),
        (["(SIMBAD) Star"], [], [1]),
        (["(TNS) SN Ia"], [], [2, 3]),
        (["(TNS) SN Ia", "SN candidate", "(SIMBAD) RRLyr"], [], [0, 2, 3]),
        (["O'Rr*\\"], [], [5]),
        (["nothing"], [], []),
        ([], ["Star"], [0, 2, 3, 4, 5]),
        ([], ["(SIMBAD) Star", "(TNS) SN Ia"], [0, 4, 5]),
        (["allclasses"], ["Unknown"], [0, 1, 3, 4, 5]),
        (["(TNS) SN Ia"], ["RRLyr"], [2]),
        (["SN candidate"], ["SN candidate"], []),
        (["(TNS) SN II"], ["Star"], [4]),
    ],
)
def test_labels_are_ored_and_exclusions_drop(classes, exclude, expected):
    assert kept(classes, exclude) == expected


@pytest.mark.parametrize("names", [("RRLyr", "RRLyrae"), ("Candidate_EB*", "EB*_Candidate", "EclBin_Candidate")])
def test_each_name_of_a_type_stands_for_all_of_its_names_and_for_no_other(names):
    every = [name for types in RENAMED for name in types]
    table = pa.table({"finkclass": [*every, "Star", None]})
    own = [every.index(name) for name in names]
    rest = [row for row in range(len(every) + 2) if row not in own]

    def rows(condition: str) -> list[int]:
        conditions = parse_conditions(condition, LABELS)
        return filter_table(table.select(list(conditions.leaves)), conditions.sql).tolist()

    for name in names:
        assert rows(class_filter([f"(SIMBAD) {name}"], [])) == own
        assert rows(class_filter([], [name])) == rest
    assert rows(f"finkclass = '{names[0]}'") == own[:1]


def test_no_name_stands_for_two_types():
    """An old name that became the new one of another type would join what SIMBAD keeps apart."""
    every = [name for names in RENAMED for name in names]
    assert len(every) == len(set(every))
    assert all(2 <= len(names) <= 4 for names in RENAMED)
    for names in RENAMED:
        assert {frozenset(names_of(name)) for name in names} == {frozenset(names)}
        for name in names:
            for label_ in (name, f"(SIMBAD) {name}", f" {name} "):
                assert CLASSES.column_and_names(label_) == ("finkclass", names_of(name))
            assert names_of(name)[0] == name
    # Merged, split and new types, those of TNS and Fink's own labels are each for itself.
    for name in ("EB*Algol", "semi-regV*", "pMS*", "AGN_Candidate", "Mira", "(TNS) SN", "SN candidate", "Star"):
        assert names_of(name) == (name,)


def test_no_labels_are_no_filter():
    assert class_filter([], []) is None
    assert class_filter(["allclasses"], []) is None


@pytest.mark.parametrize("name", ["", "  ", "(TNS)", "(TNS)  ", "(SIMBAD) ", None])
@pytest.mark.parametrize("excluded", [False, True])
def test_blank_labels_are_refused(name, excluded):
    with pytest.raises(RequestError, match="names no class") as caught:
        class_filter([] if excluded else [name], [name] if excluded else [])
    assert "SN candidate" in caught.value.accepted


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("(SIMBAD) (TNS) SN Ia", "(TNS) SN Ia"),
        ("(SIMBAD)(SIMBAD) Star", "(SIMBAD) Star"),
        ("(TNS) (SIMBAD) Star", "(SIMBAD) Star"),
        ("(TNS) (TNS) SN Ia", "(TNS) SN Ia"),
    ],
)
def test_a_label_of_two_prefixes_is_refused(name, meant):
    for classes, exclude in (([name], []), ([], [name])):
        with pytest.raises(RequestError, match="two prefixes") as caught:
            class_filter(classes, exclude)
        assert f"'{meant}'" in caught.value.next_step


def test_a_label_of_fink_s_after_simbad_s_prefix_is_looked_for_as_it_stands():
    """As the service which this one replaces does."""
    assert kept(["(SIMBAD) SN candidate", "(SIMBAD) Unknown"], []) == [0, 2]


def test_excluding_all_is_refused():
    with pytest.raises(RequestError, match="leave no alert"):
        class_filter([], ["allclasses"])


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), min_size=1, max_size=4))
def test_any_label_finds_itself(names):
    names = [name.strip() for name in names]
    plain = [name for name in names if name != "allclasses" and not name.startswith(("(TNS)", "(SIMBAD)"))]
    if not plain:
        return
    conditions = parse_conditions(class_filter(plain, []), LABELS)
    table = pa.table({"finkclass": [*plain, "", None]})
    assert filter_table(table, conditions.sql).tolist() == list(range(len(plain)))
