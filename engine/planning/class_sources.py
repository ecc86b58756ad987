"""Whether class columns that a request asks for can be computed where files lack them, and what to ask instead."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from engine.archive import Footer, Fragment
from engine.enrichment import ClassEnrichment, Enrichment
from engine.errors import RequestError
from engine.planning.class_filter import ALL_CLASSES
from engine.schema import type_at
from engine.surveys import ClassColumn, Classes

__all__ = ["check_sources"]


def check_sources(
    leaves: Sequence[str],
    labels: Sequence[str],
    fragments: Sequence[Fragment],
    footers: Sequence[Footer],
    enrichments: Sequence[Enrichment],
    classes: Classes,
) -> None:
    """Refuse a request for classes that nothing gives: a file lacks the column, and it is computed without a source.

    Parameters
    ----------
    leaves
        What the predicate reads.
    labels
        Chosen and excluded, as the request has them.
    fragments, footers
        The chosen nights; the footers of the fragments' files.
    enrichments
        What computes the class columns.
    classes
        The survey's.

    Raises
    ------
    RequestError
        If the predicate names such a column. It names another column with labels of the same lists, such as the
        broker's own match, where files that lack the first have that.
    """
    for enrichment in enrichments:
        if not isinstance(enrichment, ClassEnrichment) or (lack := enrichment.lack) is None:
            continue
        for column in enrichment.adds.names:
            files = {fragment.file for fragment in fragments if column in fragment.lacking}
            if column not in leaves or not files:
                continue
            lacking = sorted({file.night for file in files})
            num_nights = len({fragment.file.night for fragment in fragments})
            asked = [label.strip() for label in labels if label.strip() != ALL_CLASSES]
            elsewhere = _elsewhere(column, asked, [footer for footer in footers if footer.file in files], classes)
            forms = [form.prefix for form in classes.forms if form.column == column and form.prefix]
            raise RequestError(
                f"the request asks for {lack.asked}, but {len(lacking)} of {num_nights} nights have no {column} "
                f"({lacking[0]}{', …' if len(lacking) > 1 else ''}), and {lack.missing}",
                accepted=lack.accepted,
                next_step=f"{lack.next_step}, or leave {' and '.join([f'the {form} labels' for form in forms])}"
                f"{' and ' if forms else ''}{column} out{elsewhere}",
            )


def _elsewhere(column: str, labels: Sequence[str], footers: Sequence[Footer], classes: Classes) -> str:
    """Return where else files that lack a class column have labels of its lists, as the end of a sentence."""
    own = classes.column(column)
    for other in classes.columns if own else ():
        nights = {footer.file.night for footer in footers if _is_text(type_at(footer.schema, other.name))}
        if other.name != column and own and set(own.lists) & set(other.lists) and nights:
            num_lacking = len({footer.file.night for footer in footers})
            where = "them" if len(nights) == num_lacking else f"{len(nights)} of these {num_lacking} nights"
            return (
                f"; or ask for the type in the column {other.name}, which the alerts of {where} have: "
                f'--where "{_in_column(other, own, labels, classes)}"'
            )
    return ""


def _is_text(type_: pa.DataType | None) -> bool:
    if type_ is not None and pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return type_ is not None and (pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _in_column(other: ClassColumn, own: ClassColumn, labels: Sequence[str], classes: Classes) -> str:
    """Return a condition on another column that takes the types that labels ask for in the class column."""
    examples = [form.example for form in classes.forms if form.column == own.name]
    asked = [label for label in labels if classes.column_and_names(label)[0] == own.name] or examples[:1]
    names = [classes.column_and_names(label)[1][0].removeprefix(own.prefix).strip() for label in asked]
    quoted = ", ".join(f"'{f'{other.prefix} {name}'.strip()}'" for name in dict.fromkeys(names))
    return f"{other.name} IN ({quoted})" if "," in quoted else f"{other.name} = {quoted}"
