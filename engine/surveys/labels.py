"""The class labels that are known, read from `<survey>/labels.csv`, and the nearest to one that is not.

The three lists there, with who keeps them:

fink      labels of the broker's own rules (Fink broker's documentation, page «Alert classification»)
simbad    standard names of SIMBAD's object types, of before and after their change in 2022, since an alert keeps the
          name of its time (SIMBAD, pages «Object types» and «Historical object types»)
tns       types that the Transient Name Server gives (page «Search», list «Obj. Type»), without `(TNS) ` before them
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib.resources import files

__all__ = ["known_labels", "nearest_labels"]

_PREFIXES = ("(simbad)", "(tns)")


@lru_cache
def known_labels(survey: str) -> Mapping[str, str]:
    """Return label -> the list it is from (`fink`, `simbad`, `tns`), as the class columns hold them.

    Those of TNS begin with `(TNS) `. A survey without a file has none.
    """
    table = files("engine.surveys") / survey / "labels.csv"
    if not table.is_file():
        return {}
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    labels = {f"(TNS) {row['label']}" if row["list"] == "tns" else row["label"]: row["list"] for row in rows[::-1]}
    return dict(reversed(labels.items()))  # of a label in two lists the first counts


def nearest_labels(label: str, labels: Collection[str]) -> list[str]:
    """Return the labels that resemble one, best first: those that are the same but for case, blanks and prefix lead.

    Next come those that it is the beginning of, as SIMBAD's codes `RR*` and `Ce*` are. After a label with a prefix
    those come first that are looked for in the same column.
    """
    bare: dict[str, list[str]] = {}
    for known in labels:
        bare.setdefault(_bare(known), []).append(known)
    sought = _bare(label)
    close = difflib.get_close_matches(sought, bare, n=3, cutoff=0.6)
    code = re.sub(r"\W", "", sought)
    longer = sorted((key for key in bare if len(code) > 1 and key.startswith(code)), key=len)
    near = [known for key in dict.fromkeys([sought, *longer, *close]) for known in bare.get(key, [])]
    if label.lower().startswith(_PREFIXES):
        of_tns = label.lower().startswith("(tns)")
        near.sort(key=lambda known: known.startswith("(TNS)") != of_tns)
    return near[:3]


def _bare(label: str) -> str:
    words = "".join(label.lower().replace("_", " ").split())
    for prefix in _PREFIXES:
        words = words.removeprefix(prefix)
    return words
