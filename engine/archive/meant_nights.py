"""What users may have meant who wrote nights otherwise: `20211122`, `22.11.2021`, `2021-11-22 to 2021-11-23`."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import re
from collections.abc import Iterator

__all__ = ["meant_nights"]

_LONGEST = 200
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_WORD = "|".join(sorted(_MONTHS, key=len, reverse=True))
_TIME = r"(?:(?:[T ]\d{2}(?::\d{2}){1,2}(?:\.\d+)?|T\d{2,6})(?:Z|\+00:?00)?)?"
# Most particular first. y, m, d, w (a month's word), j (a Julian date); p and q are day and month in either order.
_FORMS = re.compile(
    rf"""(?:
      year=(?P<y1>\d{{4}})/month=(?P<m1>\d{{1,2}})(?:/day=(?P<d1>\d{{1,2}}))?
    | (?P<y2>\d{{4}})(?P<s2>[-/._ ])(?P<m2>\d{{1,2}})(?P=s2)(?P<d2>\d{{1,2}}){_TIME}
    | (?P<p>\d{{1,2}})(?P<s3>[-/. ])(?P<q>\d{{1,2}})(?P=s3)(?P<y3>\d{{4}})
    | (?P<d4>\d{{1,2}})(?:st|nd|rd|th)?[-.\ ]{{0,2}}(?P<w4>{_WORD})\.?,?[-\ ]?(?P<y4>\d{{4}})
    | (?P<w5>{_WORD})\.?\ ?(?P<d5>\d{{1,2}})(?:st|nd|rd|th)?,?\ (?P<y5>\d{{4}})
    | (?P<y6>\d{{4}})[-\ ]?(?P<w6>{_WORD})[-\ ]?(?P<d6>\d{{1,2}})?
    | (?P<w7>{_WORD})[-\ ](?P<y7>\d{{4}})
    | (?P<j>2[45]\d{{5}}(?:\.\d+)?|[56]\d{{4}}(?:\.\d+)?)(?!\d)
    | (?P<y8>\d{{4}})(?P<m8>\d{{2}})(?P<d8>\d{{2}})(?:T\d+Z?)?
    | (?P<y9>\d{{4}})[-/._](?P<m9>\d{{1,2}})
    | (?P<y11>\d{{4}})(?P<m11>\d{{2}})
    | (?P<y10>\d{{4}})
    )(?![\d])""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_RANGE = re.compile(r"\s*(?::|\.{2,3}|/|-{1,2}>?|–|—|~|\bto\b|\buntil\b|\bthrough\b)\s*", re.IGNORECASE)
_LIST = re.compile(r"\s*(?:[,;+&|]|\s|\band\b)\s*", re.IGNORECASE)
_SAME_MONTH = re.compile(r"((\d{4})-(\d{2})-)(\d{2})\s*(?::|-|\.\.|/)\s*(\d{2})", re.ASCII)
_QUOTES = " \t\n'\"[](){}"


def meant_nights(text: str) -> str | None:
    """Return the right form of nights that are written in another, for a message; None if there is none."""
    if len(text) > _LONGEST:
        return None
    text = text.strip(_QUOTES)
    if match := _SAME_MONTH.fullmatch(text):
        text = f"{match[1]}{match[4]}:{match[1]}{match[5]}"
    found = list(_FORMS.finditer(text))
    if not found or text[: found[0].start()] or text[found[-1].end() :]:
        return None
    nights = [list(_nights(match)) for match in found]
    if not all(nights):
        return None
    if len(nights) == 1:
        return " or ".join(nights[0])
    between = [text[a.end() : b.start()].strip("'\"") for a, b in itertools.pairwise(found)]
    first = [options[0] for options in nights]
    if len(first) == 2 and _RANGE.fullmatch(between[0]):
        if _end(first[1]) < first[0]:
            first.reverse()
        return f"{first[0].split(':')[0]}:{first[1].split(':')[-1]}"
    if all(_LIST.fullmatch(words) for words in between):
        return f"{len(first)} nights, each by itself: {', '.join(first[:3])}" + (", …" if len(first) > 3 else "")
    return None


def _end(nights: str) -> str:
    """Return what sorts behind every day of nights."""
    return f"{nights.split(':')[-1]}-99"


def _nights(match: re.Match[str]) -> Iterator[str]:
    """Yield the nights that one match can mean; none if there is no such day."""
    parts = {name.rstrip("0123456789"): value for name, value in match.groupdict().items() if value is not None}
    if "j" in parts:
        # A Julian date's day begins at noon; a modified one's at midnight.
        number = float(parts["j"])
        days = number - 2_400_000.5 if number > 1e6 else number
        yield (dt.date(1858, 11, 17) + dt.timedelta(days=int(days))).isoformat()
        return
    year = int(parts["y"])
    orders: dict[tuple[int, int | None], None]
    if "p" in parts:
        orders = dict.fromkeys([(int(parts["q"]), int(parts["p"])), (int(parts["p"]), int(parts["q"]))])
    elif "w" in parts or "m" in parts:
        month = _MONTHS[parts["w"].lower()] if "w" in parts else int(parts["m"])
        day = int(parts["d"]) if "d" in parts else None
        orders = {(month, day): None}
        if day is not None and "m" in parts and month > 12:
            orders = {(day, month): None}
    else:
        yield f"{year:04}-01:{year:04}-12"
        return
    for month, day in orders:
        if year >= 1 and 1 <= month <= 12 and (day is None or 1 <= day <= calendar.monthrange(year, month)[1]):
            yield f"{year:04}-{month:02}" + ("" if day is None else f"-{day:02}")
