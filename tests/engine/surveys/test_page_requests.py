"""The YAML that a service's page gives for download is read as the request that it stands for."""

import pytest

from engine.errors import RequestError
from engine.request import TransferRequest

DATES = "dates: {startdate: '2026-02-01', stopdate: '2026-02-28'}\n"
WHOLE = f"""{DATES}
filters: []
blocks: []
extra_cond: ["diaSource.psfFlux > 9000", "diaObject.nDiaSources > 5"]
content: [Light packet]
"""


def test_what_the_page_gives_is_a_request():
    request = TransferRequest.from_yaml(WHOLE)
    assert request.to_dict() == {
        "nights": ["2026-02-01:2026-02-28"],
        "survey": "lsst",
        "where": ["diaSource.psfFlux > 9000", "diaObject.nDiaSources > 5"],
    }
    assert TransferRequest.from_yaml(request.to_yaml()) == request


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dates: {startdate: 2026-02-01, stopdate: 2026-02-01}", {"nights": ["2026-02-01"]}),
        (f"{DATES}filters:\nblocks: ['']\nextra_cond: []\ncontent: []", {}),
        (f"{DATES}content: [Medium packet]", {"content": "medium"}),
        (f"{DATES}content: Full packet", {"content": "full"}),
        (f"{DATES}content: [Cutouts]", {"content": "cutouts"}),
        (
            f"{DATES}content: [diaSource.psfFlux, diaObject.nDiaSources]",
            {"content": "fields", "fields": ["diaSource.psfFlux", "diaObject.nDiaSources"]},
        ),
        (f"{DATES}extra_cond: ['pred.is_cataloged;', '']", {"where": "pred.is_cataloged;"}),
        (f"{DATES}extra_cond: diaSource.band = 'g'", {"where": "diaSource.band = 'g'"}),
        (f"{DATES}archive: s3://bucket/lsst\nlimit: 5", {"archive": "s3://bucket/lsst", "limit": 5}),
    ],
)
def test_forms_of_its_values(text, expected):
    whole = {"nights": ["2026-02-01:2026-02-28"], "survey": "lsst"} | expected
    assert TransferRequest.from_yaml(text).to_dict() == whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{DATES}filters: [in_tns, NOT extragalactic_new_candidate]", ["'in_tns'", "'NOT extragalactic_new_"]),
        (f"{DATES}blocks: [b_outside_galactic_plane]", ["block 'b_outside_galactic_plane'"]),
        (f"{DATES}filters: in_tns\nblocks: [b_x]", ["filter 'in_tns'", "block 'b_x'"]),
        (f"{DATES}content: [Light packet, diaSource.psfFlux]", ["'Light packet'", "'diaSource.psfFlux'"]),
        (f"{DATES}colour: red", ["'colour'", "extra_cond"]),
        (f"{DATES}filters: {{a: 1}}", ["filters is"]),
        ("dates: {startdate: '2026-02-01'}", ["stopdate"]),
        ("dates: {startdate: 2026-02-28, stopdate: 2026-02-01}", ["2026-02-01:2026-02-28?"]),
        (f"{DATES}extra_cond: [diaSource.psfFlux > 1 # diaSource.band = 'g'\n]", ["takes for a comment"]),
        # Nights that are ours, and a key of the page: each is answered.
        (f"nights: 2026-02-01\n{DATES}", ["'dates'", "'nights'"]),
        ("nights: 2026-02-01\nextra_cond: [a > 1]", ["'extra_cond'", "'where'"]),
    ],
)
def test_what_we_cannot_do_is_named(text, said):
    with pytest.raises(RequestError) as caught:
        TransferRequest.from_yaml(text)
    assert [words for words in said if words not in str(caught.value)] == []


def test_filters_and_blocks_are_answered_with_a_condition():
    with pytest.raises(RequestError) as caught:
        TransferRequest.from_yaml(WHOLE.replace("filters: []", "filters: [in_tns]"))
    assert "condition" in caught.value.next_step
    assert "extra_cond" in caught.value.accepted
