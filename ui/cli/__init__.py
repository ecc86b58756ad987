"""The commands of `alert-transfer` that need the engine; `consume` and `verify` are the consumer's own.

Each is a thin call of the engine's public names. The group, its options and its errors have their room in consumer/cli.
Each is imported when it is asked for: so `jobs` does not wait for what makes a sample archive.
"""

from __future__ import annotations

from consumer.cli import Offered
from ui.cli.command_text import from_command
from ui.cli.completions import complete_requests

__all__ = ["commands", "from_command"]

commands = Offered(
    {
        "archive": "ui.cli.archive_commands:archive",
        "broker": "ui.cli.broker_command:broker",
        "cancel": "ui.cli.job_commands:cancel",
        "config": "ui.cli.config_commands:config",
        "demo": "ui.cli.demo_command:demo",
        "estimate": "ui.cli.estimate_command:estimate",
        "jobs": "ui.cli.job_commands:jobs",
        "log": "ui.cli.job_commands:log",
        "plan": "ui.cli.request_commands:plan",
        "preview": "ui.cli.request_commands:preview",
        "request": "ui.cli.request_command:request",
        "resume": "ui.cli.job_commands:resume",
        "serve": "ui.cli.serve_command:serve",
        "status": "ui.cli.job_commands:status",
        "submit": "ui.cli.request_commands:submit",
        "topics": "ui.cli.topic_commands:topics",
    }
)

complete_requests()
