"""What was counted in full, kept in the user's cache: the same files and conditions are counted once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

import cloudpickle

from consumer.settings import cache_folder
from engine.estimation.cache import write_whole
from engine.estimation.counting import Counted
from engine.pipeline import Selection
from engine.planning import TransferPlan

__all__ = ["keep_count", "kept_count", "key_of"]

_VERSION = 1
_MOST_KEPT = 1_000
_log = logging.getLogger("alert_transfer.estimates")


def key_of(plan: TransferPlan, selection: Selection, column: str | None) -> str:
    """Return what a count depends on, in 64 hexadecimal digits: files as they are, conditions, what is computed.

    The limit and the content are not in it: all alerts that fulfil the conditions are counted.
    """
    predicate = selection.predicate
    digest = hashlib.sha256()
    told: list[Any] = [
        _VERSION,
        selection.archive.url,
        [(file.path, file.nbytes, file.etag, file.footer_crc) for file in plan.files],
        [predicate.sql, predicate.leaves, [str(type_) for type_ in predicate.types], column],
        plan.request.skip_unreadable,
    ]
    digest.update(json.dumps(told).encode())
    digest.update(cloudpickle.dumps(selection.enrichments))
    return digest.hexdigest()


def kept_count(key: str) -> Counted | None:
    """Return what was counted before, if it was."""
    try:
        told = json.loads((cache_folder("estimates") / f"{key}.json").read_text(encoding="utf-8"))
        return Counted(
            per_night=_counts(told["per_night"]),
            per_class=_counts(told["per_class"]),
            num_left_out=int(told["num_left_out"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as exc:
        _log.warning("a count that was kept can't be read, so it is made anew: %s", exc)
        return None


def _counts(told: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(number) for name, number in told.items()}


def keep_count(key: str, counted: Counted) -> None:
    """Keep what was counted; where that can't be written, it is counted anew the next time."""
    told = {
        "per_night": dict(counted.per_night),
        "per_class": dict(counted.per_class),
        "num_left_out": counted.num_left_out,
    }
    write_whole(cache_folder("estimates") / f"{key}.json", json.dumps(told), most=_MOST_KEPT)
