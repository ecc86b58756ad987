"""The file beside the data that says what was asked for, so that a paper's selection can be made again.

It is the plan's request as YAML. What must not stand in a request that is sent again, the topic (it exists) and what a
request has no key for, stands in comments above. The request is whatever the manifest holds: it may be of a later
version, or of nobody's. So it is written down as it is, and judged where it is sent again.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from consumer.settings import masked, without_password
from consumer.wire import Plan
from consumer.words import on_one_line

__all__ = ["request_text"]


def request_text(plan: Plan) -> str:
    """Return a plan's request as the file has it."""
    from consumer.settings import write_yaml  # here, so that only who writes the file imports YAML

    created = dt.datetime.fromtimestamp(plan.created_at, dt.UTC)
    about = {
        "topic": plan.topic,
        "job_id": plan.job_id,
        "created": f"{created:%Y-%m-%d %H:%M:%S} UTC",
        "engine_version": plan.engine_version,
    }
    head = ["What these alerts were asked for by. To ask again:", "alert-transfer submit --request request.yaml"]
    head += [f"{name}: {value}" for name, value in about.items()]
    asked = {name: value for name, value in plan.request.items() if name != "topic"}
    # A condition is the user's own text to the letter; whatever else holds a secret holds it against the rules.
    conditions = {name: value for name, value in asked.items() if name == "where" and _is_texts(value)}
    asked |= masked(_without_passwords({name: asked[name] for name in asked if name not in conditions}))
    return "".join(f"# {_comment(line)}\n" for line in head) + write_yaml(asked)


def _comment(line: str) -> str:
    """Return a line that others wrote as one of ASCII, which ends no comment and every reader of YAML takes."""
    return on_one_line(line).encode("ascii", "backslashreplace").decode()


def _is_texts(value: Any) -> bool:
    return all(isinstance(item, str) for item in (value if isinstance(value, list) else [value]))


def _without_passwords(value: Any) -> Any:
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, list):
        return [_without_passwords(item) for item in value]
    if isinstance(value, dict):
        return {without_password(name): _without_passwords(item) for name, item in value.items()}
    return value
