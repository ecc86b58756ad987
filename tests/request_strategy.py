"""Requests of every kind, with texts that a shell, YAML or Python could take for something else."""

import datetime as dt

from hypothesis import strategies as st

from engine.pipeline import CONTENTS
from engine.request import TransferRequest

__all__ = ["requests"]

_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
_hostile = st.sampled_from(
    [
        *("No", "on", "~", "null", "1e5", "0x1", "12:30:00", "2021-11-22", "=", "<<", "- a", "a: b", "--nights", "-h"),
        *(
            "it's",
            "C*",
            "$HOME",
            "`id`",
            "$(id)",
            "a;b",
            "a #b",
            '"',
            "\\",
            "\\n",
            "a\\\nb",
            "\x1b[2J",
            "\u202eb",
            "!!",
        ),
        *("'\"'", "a\tb\r\n", "@x", "{a,b}", "%s", "☃", "\\'", "?q=a", "$'x'", "'; rm -rf /; '", "\U0001f600", "!!"),
    ]
)
_words = _texts | _hostile
_conditions = _words.filter(lambda text: text.strip() and not text.lstrip().startswith("@")) | st.sampled_from(
    [
        "-- faint ones;\ncandidate.magpsf > 19.5;\n  candidate.distnr > 2 -- it's far\n",
        "--all\nxm.tns_type IN ('SN Ia', 'SN II');",
        "a = 'x''y' AND b = \"c\"\n\n;",
    ]
)
_nights = st.dates(dt.date(1990, 1, 1), dt.date(2050, 1, 1)).flatmap(
    lambda day: st.sampled_from(
        [f"{day}", f"{day:%Y-%m}", f"{day}:{day + dt.timedelta(days=40)}", f"{day:%Y-%m}:2050-02"]
    )
)
_places = _words.filter(lambda text: text.strip() and "\0" not in text)


@st.composite
def requests(draw) -> TransferRequest:
    content = draw(st.sampled_from(CONTENTS))
    return TransferRequest(
        nights=draw(st.lists(_nights, min_size=1, max_size=3)),
        archive=draw(st.none() | _places),
        survey=draw(st.sampled_from(["ztf", "lsst"])),
        classes=draw(st.lists(_words, max_size=3)),
        exclude_classes=draw(st.sets(_words, max_size=3)),
        where=draw(st.none() | _conditions | st.lists(_conditions, min_size=1, max_size=3)),
        content=content,
        fields=draw(st.lists(_words, min_size=1, max_size=3)) if content == "fields" else (),
        limit=draw(st.none() | st.integers(1, 2**63 - 1)),
        topic=draw(st.none() | st.from_regex(r"ftransfer_[a-z0-9.-]{1,20}", fullmatch=True)),
        tns_catalogue=draw(st.none() | _places),
        skip_unreadable=draw(st.booleans()),
        widen=draw(st.lists(_words, max_size=2)),
    )
