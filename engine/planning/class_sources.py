"""Whether class columns that a request asks for can be computed where files lack them, and what to ask instead."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from engine.archive import Footer, Fragment
from engine.enrichment import ClassEnrichment, Enrichment
from engine.errors import RequestError
from engine.surveys import ClassColumn, Classes, RequestedClasses

__all__ = ["check_sources"]


def check_sources(
    leaves: Sequence[str],
    requested: RequestedClasses,
    fragments: Sequence[Fragment],
    footers: Sequence[Footer],
    held: Mapping[str, Sequence[pa.DataType | None]],
    enrichments: Sequence[Enrichment],
    classes: Classes,
) -> None:
    """Refuse a request for classes that nothing gives: a file lacks the column, and it is computed without a source.

    Parameters
    ----------
    leaves
        What the predicate reads.
    requested
        The classes of the request.
    fragments, footers
        The chosen nights; the footers of the fragments' files.
    held
        Path -> the type that the file of each footer has there, of the columns that hold labels.
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
            texts = {
                other.name: {
                    footer.file.night
                    for footer, type_ in zip(footers, held[other.name], strict=True)
                    if footer.file in files and _is_text(type_)
                }
                for other in classes.columns
            }
            elsewhere = _elsewhere(column, requested, texts, len(lacking), classes)
            forms = [form.prefix for form in classes.forms if form.column == column and form.prefix]
            raise RequestError(
                f"the request asks for {lack.asked}, but {len(lacking)} of {num_nights} nights have no {column} "
                f"({lacking[0]}{', …' if len(lacking) > 1 else ''}), and {lack.missing}",
                accepted=lack.accepted,
                next_step=f"{lack.next_step}, or leave {' and '.join([f'the {form} labels' for form in forms])}"
                f"{' and ' if forms else ''}{column} out{elsewhere}",
            )


def _elsewhere(
    column: str,
    requested: RequestedClasses,
    texts: Mapping[str, Collection[dt.date]],
    num_lacking: int,
    classes: Classes,
) -> str:
    """Return where else files that lack a class column have labels of its lists, as the end of a sentence.

    `texts` has the nights in which they have text in each column.
    """
    own = next((known for known in classes.columns if known.name == column), None)
    for other in classes.columns if own else ():
        nights = texts[other.name]
        if other.name != column and own and set(own.lists) & set(other.lists) and nights:
            where = "them" if len(nights) == num_lacking else f"{len(nights)} of these {num_lacking} nights"
            return (
                f"; or ask for the type in the column {other.name}, which the alerts of {where} have: "
                f'--where "{_in_column(other, own, requested, classes)}"'
            )
    return ""


def _is_text(type_: pa.DataType | None) -> bool:
    if type_ is not None and pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return type_ is not None and (pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _in_column(other: ClassColumn, own: ClassColumn, requested: RequestedClasses, classes: Classes) -> str:
    """Return a condition on another column that takes the types that a request asks for in the class column."""
    asked = [class_.names[0] for class_ in requested.named if class_.column == own.name]
    if not asked:
        examples = (form.example for form in classes.forms if form.column == own.name)
        asked = [classes.column_and_names(example)[1][0] for example in itertools.islice(examples, 1)]
    names = [name.removeprefix(own.prefix).strip() for name in asked]
    quoted = ", ".join(f"'{f'{other.prefix} {name}'.strip()}'" for name in dict.fromkeys(names))
    return f"{other.name} IN ({quoted})" if "," in quoted else f"{other.name} = {quoted}"
