"""Classes of a survey's alerts: the columns that hold labels, and those in which labels of requests are sought."""

from __future__ import annotations

from dataclasses import dataclass

from engine.surveys.simbad_names import names_of

__all__ = ["ClassColumn", "Classes", "LabelForm"]


@dataclass(frozen=True, kw_only=True)
class ClassColumn:
    """A column whose texts are class labels."""

    name: str
    lists: tuple[str, ...]
    """The lists of `labels.csv` that its labels are from; any column may hold `Unknown` besides."""
    prefix: str = ""
    """What each label begins with there: `(TNS)`."""


@dataclass(frozen=True, kw_only=True)
class LabelForm:
    """A form that labels of a request have, and the column in which they are sought."""

    prefix: str = ""
    """What they begin with: `(SIMBAD)`; of labels with no survey's prefix none."""
    column: str
    kind: str
    """What they are, for messages: `types of SIMBAD`."""
    example: str
    """One of them, with its prefix."""
    renamed_by_simbad: bool = False
    """Whether each name that SIMBAD gave to a type stands for all of them."""
    is_flag: bool = False
    """Whether the column is true for alerts of the class; the label is the prefix and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes of a survey; by default it has none."""

    columns: tuple[ClassColumn, ...] = ()
    forms: tuple[LabelForm, ...] = ()
    """No two have the same prefix."""

    def column(self, name: str | None) -> ClassColumn | None:
        """Return the column of this name, if it is one of those that hold labels."""
        return next((column for column in self.columns if column.name == name), None)

    def form_of(self, label: str) -> LabelForm | None:
        """Return the form of a label: that of its prefix, else that of labels without; None if there is none."""
        fitting = [form for form in self.forms if label.startswith(form.prefix)]
        return max(fitting, key=lambda form: len(form.prefix), default=None)

    def column_and_names(self, label: str) -> tuple[str, tuple[str, ...]]:
        """Return the column in which a label is sought, and the names that its class has there.

        They are one, the label with its prefix if the column has that, unless SIMBAD renamed the type; the name in the
        label is the first.

        Raises
        ------
        LookupError
            If no form of the survey fits.
        """
        label = label.strip()
        form = self.form_of(label)
        if form is None:
            raise LookupError(label)
        if form.is_flag:
            return form.column, ("true",)
        column = self.column(form.column)
        if column is None or column.prefix != form.prefix:
            label = label.removeprefix(form.prefix).strip()
        return form.column, names_of(label) if form.renamed_by_simbad else (label,)
