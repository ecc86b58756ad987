"""What an entry of the registry says of one function: its names, what it takes and gives, how it is computed, examples.

An entry is all that a function needs. Most say what they take and give, and are translated from that; those that type
their arguments as only they do bring a `translate` of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from engine.conditions.expressions import Term, call, cast
from engine.conditions.functions.casts import Computation
from engine.conditions.operands import Translator, double, number, text

__all__ = ["Function"]


_ARGUMENTS: dict[str, Callable[[Translator, exp.Expr], Term]] = {
    "any": lambda to, node: to.term(node),
    "truth": lambda to, node: to.truth(node),
    "number": number,
    "double": double,
    "int": lambda to, node: cast(number(to, node), "int"),
    "text": text,
}
"""Type of an argument -> how an operand becomes one, or is refused at its place."""
_MOST = 100


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function that a condition can call."""

    name: str
    usage: tuple[str, ...]
    """How it is called, one way each: `log(x)`, `log(base, x)`."""
    gives: str
    """What it gives, for the page of the conditions."""
    examples: tuple[str, ...]
    """Whole conditions on ZTF's alerts that call it, by each of its names."""
    arguments: tuple[str, ...]
    """What it takes: `any`, `truth`, `number`, `double`, `int` or `text`; other words where `translate` sees to it."""
    num_optional: int = 0
    """How many of the last arguments may be left out."""
    takes_more: bool = False
    """Whether there may be more arguments, up to 100, each as the last."""
    result: str | None = None
    """Spark's type of what it gives; None where that depends on the arguments."""
    aliases: tuple[str, ...] = ()
    accepted: str | None = None
    """What a refusal of a wrong number of arguments says instead of that number."""
    translate: Callable[..., Term] | None = None
    """From (translator, call, operands) to a term; None: a call of `compute` with what `arguments` says."""
    compute: Computation | None = None
    """From (type of the result, operands) to whole columns; None where the translation calls other functions alone."""
    is_strict: bool = True
    """Whether it is null wherever an operand is. Then `compute` gets bare values, with anything in place of nulls, else
    columns."""
    least: Mapping[str, float] = field(default_factory=dict)
    """Type of the result -> the least that a result of that type can be."""
    change: Callable[[str], str] | None = None
    """From a text to the result, of a function that changes no result of its own a second time, such as `lower`."""

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in small letters."""
        return (self.name, *self.aliases)

    @property
    def num_arguments(self) -> tuple[int, int]:
        """The fewest and the most arguments."""
        most = len(self.arguments)
        return most - self.num_optional, _MOST if self.takes_more else most

    @property
    def is_search(self) -> bool:
        """Whether it takes two texts and gives a truth value, as an operator could."""
        return self.arguments == ("text", "text") and self.result == "boolean"

    @property
    def ways_to_call(self) -> tuple[str, ...]:
        """How it is called, under each name."""
        return (*self.usage, *(alias + self.usage[-1].removeprefix(self.name) for alias in self.aliases))

    def __call__(self, to: Translator, node: exp.Anonymous) -> Term:
        """Return the term of a call.

        Raises
        ------
        ConditionError
            If the arguments are not what it takes.
        """
        operands = node.expressions
        fewest, most = self.num_arguments
        if not fewest <= len(operands) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            to.fail(
                node,
                f"{node.name} has {len(operands)} argument{'s' * (len(operands) != 1)}",
                accepted=self.accepted or f"{wanted} of them",
            )
        if self.translate is not None:
            return self.translate(to, node, *operands)
        if self.result is None:
            raise TypeError(f"the entry of {self.name} has neither a result nor a translation")
        return call(self.name, self.result, *self._arguments(to, operands))

    def _arguments(self, to: Translator, operands: Sequence[exp.Expr]) -> list[Term]:
        types = [*self.arguments, *(self.arguments[-1:] * (len(operands) - len(self.arguments)))]
        return [_ARGUMENTS[type_](to, operand) for type_, operand in zip(types, operands, strict=False)]
