"""The contents as the page names them: the same words on their cards, in the summary, and in what errors advise."""

from __future__ import annotations

from consumer.cli import CONTENT_CARDS

__all__ = ["CONTENT_TEXTS", "CONTENT_TITLES"]

CONTENT_TITLES = CONTENT_CARDS
CONTENT_TEXTS = {
    "lightcurve": "What a light curve needs of each detection, with every value that the broker added.",
    "cutouts": "The three stamps, with the alert's name, object and time.",
    "medium": "The detection, the object's history and every added value.",
    "full": "The whole alert: detection, history, stamps and every added value.",
    "fields": "Whole columns, or single fields. Name, time and classes are always there.",
}
