"""The commands of `alert-transfer` that need the engine; `consume` and `verify` are the consumer's own.

Each is a thin call of the engine's public names. The group, its options and its errors have their room in consumer/cli.
"""

from __future__ import annotations

from ui.cli.archive_commands import archive
from ui.cli.broker_command import broker
from ui.cli.command_text import from_command
from ui.cli.completions import complete_requests
from ui.cli.config_commands import config
from ui.cli.demo_command import demo
from ui.cli.estimate_command import estimate
from ui.cli.job_commands import cancel, jobs, log, resume, status
from ui.cli.request_command import request
from ui.cli.request_commands import plan, preview, submit
from ui.cli.serve_command import serve
from ui.cli.topic_commands import topics

__all__ = ["commands", "from_command"]

commands = [
    archive,
    broker,
    cancel,
    config,
    demo,
    estimate,
    jobs,
    log,
    plan,
    preview,
    request,
    resume,
    serve,
    status,
    submit,
    topics,
]

complete_requests()
