"""Labels that conditions compare class columns with: as the lists spell them, and in the column that has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from engine.surveys import ClassColumn, Classes, LabelForm, Survey, known_labels

__all__ = ["ClassLabels"]

_UNKNOWN = "Unknown"


class ClassLabels:
    """The labels that each class column can hold, as far as they are known.

    Parameters
    ----------
    survey
        Whose classes they are; one without lists has no labels.
    columns
        Root columns of the job's schema: what is offered stands in one of them.
    """

    def __init__(self, survey: Survey | None, columns: Collection[str]):
        self._classes = survey.classes if survey and known_labels(survey.name) else Classes()
        self._of = _labels_of_columns(survey.name, self._classes) if survey else {}
        self._columns = columns

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
        if column is None or column not in self._of or text in self._of[column]:
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

    def _home(self, name: str, text: str) -> tuple[str | None, str]:
        """Return (a column, a label of it) for a text that another column never has; (None, the text) for any other."""
        stripped = text.strip()
        forms = [form for form in self._classes.forms if form.prefix]
        for form in forms:
            if stripped.upper().startswith(form.prefix.upper()):
                return self._in_form(form, name, stripped[len(form.prefix) :].strip())
        # Its own lists first, then what is sought without a prefix, then the others.
        plain = [form for form in self._classes.forms if not form.prefix]
        own = [form for form in forms if self._shares(name, form.column)]
        for form in dict.fromkeys([*own, *plain, *forms]):
            if _alike(self._spelling_in(form.column, stripped), self._of.get(form.column, [])):
                home = name if _alike(self._spelling_in(name, stripped), self._of[name]) else form.column
                return self._at(home, stripped)
        return None, text

    def _in_form(self, form: LabelForm, name: str, bare: str) -> tuple[str, str]:
        return self._at(name if self._shares(name, form.column) else form.column, bare)

    def _at(self, home: str, bare: str) -> tuple[str, str]:
        """Return (a column, a label as it has it); a column that is not there gives way to one of the same lists."""
        column = self._classes.column(home)
        if column and home not in self._columns:
            same = [other.name for other in self._classes.columns if other.lists == column.lists]
            home = next((name for name in same if name in self._columns), home)
        return home, self.spelled(home, self._spelling_in(home, bare))

    def _shares(self, one: str, other: str) -> bool:
        """Return whether two columns have labels of the same list."""
        lists = [set(column.lists) for column in map(self._classes.column, (one, other)) if column]
        return len(lists) == 2 and not lists[0].isdisjoint(lists[1])

    def _spelling_in(self, name: str, bare: str) -> str:
        column = self._classes.column(name)
        return _within(column, bare) if column else bare


@lru_cache(maxsize=8)
def _labels_of_columns(survey: str, classes: Classes) -> Mapping[str, list[str]]:
    """Return class column -> its labels, as it has them."""
    bare: dict[str, list[str]] = {}
    for label, source in known_labels(survey).items():
        form = classes.form_of(label)
        bare.setdefault(source, []).append(label.removeprefix(form.prefix).strip() if form else label)
    return {
        column.name: list(
            dict.fromkeys([_UNKNOWN, *(_within(column, x) for list_ in column.lists for x in bare.get(list_, []))])
        )
        for column in classes.columns
    }


def _within(column: ClassColumn, bare: str) -> str:
    """Return a label without prefix as a column has it."""
    return bare if bare == _UNKNOWN or not column.prefix else f"{column.prefix} {bare}"


def _alike(text: str, labels: Iterable[str]) -> list[str]:
    """Return the labels that are a text but for its capitals."""
    folded = text.casefold()
    return [label for label in labels if label.casefold() == folded]


def _quoted(text: str) -> str:
    escaped = text[:60].replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
