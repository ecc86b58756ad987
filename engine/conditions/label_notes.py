"""Labels that conditions compare class columns with: as the lists spell them, and in the column that has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from engine.surveys import known_labels

__all__ = ["ClassLabels"]

_UNKNOWN = "Unknown"
_OF_SIMBAD, _OF_TNS = "(SIMBAD)", "(TNS)"


class ClassLabels:
    """The labels that each class column can hold, as far as they are known.

    Parameters
    ----------
    survey
        Name of the survey; one without lists has no labels.
    columns
        Root columns of the job's schema: what is offered stands in one of them.
    """

    def __init__(self, survey: str | None, columns: Collection[str]):
        known = known_labels(survey) if survey else {}
        fink, simbad, tns = ([x for x, source in known.items() if source == name] for name in ("fink", "simbad", "tns"))
        self._of: Mapping[str, list[str]] = {}
        if known:
            bare = [label.removeprefix(f"{_OF_TNS} ") for label in tns]
            self._of = {
                "finkclass": [*fink, *simbad],
                "cdsxmatch": [_UNKNOWN, *simbad],
                "tnsclass": [_UNKNOWN, *tns],
                "tns": [_UNKNOWN, *bare],
            }
        self._tns_column = "tns" if "tns" in columns and "tnsclass" not in columns else "tnsclass"

    def spelled(self, column: str | None, text: str) -> str:
        """Return a text as the lists spell it; one that is no label of the column in any case stays as it is."""
        return next(iter(self._spellings(column, text)), text)

    def note(self, column: str | None, text: str, operator: str) -> str | None:
        """Return what is wrong with a text as a label of a column, with what to write; None where nothing is.

        Parameters
        ----------
        column
            Root column that is compared.
        text
            With what.
        operator
            `=`, `<>` or `LIKE`: how, for what is offered.
        """
        if column not in self._of or text in self._of[column]:
            return None
        spellings = self._spellings(column, text)
        if spellings:
            listed = " and ".join(map(_quoted, spellings))
            return f"labels are told apart by their capitals; there {'are' if len(spellings) > 1 else 'is'} {listed}"
        home, label = self._home(column, text)
        if home is None:
            return None
        return f"{_quoted(text)} is no label of {column}; write {home} {operator} {_quoted(label)}"

    def _spellings(self, column: str | None, text: str) -> list[str]:
        labels = self._of.get(column or "", [])
        if text in labels:
            return [text]
        return _alike(text, labels)

    def _home(self, column: str, text: str) -> tuple[str | None, str]:
        """Return (a column, a text of it) that a text stands for that a column never has."""
        stripped = text.strip()
        of_simbad = stripped.upper().startswith(_OF_SIMBAD)
        of_tns = stripped.upper().startswith(_OF_TNS)
        bare = stripped[len(_OF_SIMBAD) if of_simbad else len(_OF_TNS) if of_tns else 0 :].strip()
        if of_simbad:
            home = column if column in ("finkclass", "cdsxmatch") else "finkclass"
            return home, self.spelled(home, bare)
        if of_tns:
            return self._of_tns(column, bare)
        if column in ("tnsclass", "tns"):
            if _alike(bare, self._of["tns"]):
                return self._of_tns(column, bare)
        elif _alike(bare, self._of["tns"]) and not _alike(bare, self._of["finkclass"]):
            return self._of_tns(column, bare)
        found = _alike(bare, self._of["finkclass"])
        return ("finkclass", found[0]) if found else (None, text)

    def _of_tns(self, column: str, bare: str) -> tuple[str, str]:
        home = column if column in ("tnsclass", "tns") else self._tns_column
        label = self.spelled("tns", bare)
        return home, label if home == "tns" or label == _UNKNOWN else f"{_OF_TNS} {label}"


def _alike(text: str, labels: Iterable[str]) -> list[str]:
    """Return the labels that are a text but for its capitals."""
    folded = text.casefold()
    return [label for label in labels if label.casefold() == folded]


def _quoted(text: str) -> str:
    escaped = text[:60].replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
