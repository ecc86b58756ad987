"""Classes come by who gives them, with the alerts of the chosen nights."""

import datetime as dt

import engine
from ui.dashboard.class_groups import class_labels, counts_of

NIGHTS = [dt.date(2021, 11, 22), dt.date(2021, 11, 23)]


def info(*classes):
    nights = tuple(
        engine.NightInfo(night=night, num_files=1, nbytes=1, num_alerts=5, classes=labels)
        for night, labels in zip(NIGHTS, classes, strict=True)
    )
    return engine.ArchiveInfo(
        archive="/a", nights=nights, catalogue=None, catalogue_age_s=None, is_listed=True, num_known_files=0
    )


def test_counts_are_those_of_the_chosen_nights():
    held = info({"finkclass": {"SN candidate": 3}}, {"finkclass": {"SN candidate": 2, "Star": 1}})
    assert counts_of(held, NIGHTS)["finkclass"] == {"SN candidate": 5, "Star": 1}
    assert counts_of(held, NIGHTS[:1])["finkclass"] == {"SN candidate": 3}


def test_of_nights_that_were_not_all_counted_nothing_is_said():
    held = info({"finkclass": {"SN candidate": 3}}, {})
    assert counts_of(held, NIGHTS) == {} == counts_of(None, [])
    assert counts_of(held, NIGHTS[:1])["finkclass"] == {"SN candidate": 3}


def test_labels_are_grouped_and_the_most_frequent_come_first():
    counts = {"finkclass": {"Kilonova candidate": 4, "QSO": 2, "MyOwnLabel": 1}, "tnsclass": {"(TNS) SN Ia": 7}}
    labels = class_labels(engine.survey_named("ztf"), counts)
    groups = list(dict.fromkeys(one.group for one in labels))
    assert groups == ["Fink", "SIMBAD", "TNS", "Of this archive"]
    first = {group: next(one for one in labels if one.group == group) for group in groups}
    assert {group: (one.label, one.count) for group, one in first.items()} == {
        "Fink": ("Kilonova candidate", 4),
        "SIMBAD": ("(SIMBAD) QSO", 2),
        "TNS": ("(TNS) SN Ia", 7),
        "Of this archive": ("MyOwnLabel", 1),
    }


def test_a_type_that_simbad_renamed_stands_once_with_all_its_alerts():
    labels = class_labels(engine.survey_named("ztf"), {"finkclass": {"SN": 2, "Supernova": 3}})
    met = [one for one in labels if one.group == "SIMBAD" and {"SN", "Supernova"} & {one.name, *one.also}]
    assert [(one.count, {one.name, *one.also}) for one in met] == [(5, {"SN", "Supernova"})]


def test_every_label_can_be_asked_for():
    for name in ("ztf", "lsst"):
        survey = engine.survey_named(name)
        labels = [one.label for one in class_labels(survey, {"pred.main_label_crossmatch": {"Star": 1}})]
        assert len(set(labels)) == len(labels) > 100
        for label in labels:
            survey.classes.column_and_names(label)
