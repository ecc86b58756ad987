"""Jobs that no Kafka has: what a test says they are."""

import asyncio
from types import SimpleNamespace
from typing import Any

import panel as pn
import panel_material_ui as pmui

import engine

TOPIC = "ftransfer_ztf_2026-11-26_1f4c9a0b77d2"
SCRIPT = "<script>alert(1)</script>"


def status_of(state: str = "running", **facts: Any) -> engine.JobStatus:
    """Return how a job stands: one of eight fragments is sent, unless the test says something else."""
    usual = {
        "topic": TOPIC,
        "state": state,
        "num_alerts": 800,
        "num_alerts_sent": 100,
        "num_fragments": 8,
        "num_fragments_done": 1,
        "nbytes": 1_000_000,
        "elapsed_s": 10.0,
        "first_alert_s": 1.0,
        "error": None,
        "left_out": [],
        "num_left_out": 0,
        "num_files_left_out": 0,
        "num_duplicates": None,
        "engine_version": "0.2.0",
        "next_step": None,
        "owner": "me",
    }
    return engine.JobStatus(**usual | facts)


class FakeJob:
    """A job that stands as its `answers` say, one after the other; the last one stays. An error is raised."""

    def __init__(self, *answers: engine.JobStatus | Exception, lines: tuple[str, ...] = ()):
        self.answers, self.lines, self.is_open = list(answers), lines, True
        self.kafka = SimpleNamespace(bootstrap="127.0.0.1:1", options={})
        done = SimpleNamespace(time=105.0, seconds=5.0, num_sent=100)
        plan = SimpleNamespace(
            created_at=100.0, time_field="candidate.jd", time_scale="jd_utc", details={"survey": "ztf"}
        )
        self.manifest = SimpleNamespace(require_plan=lambda: plan, fragments={0: done}, last_sign_at=110.0)

    def status(self) -> engine.JobStatus:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def log(self) -> list[str]:
        return list(self.lines)

    def close(self) -> None:
        self.is_open = False


def shown(part: pn.viewable.Viewable) -> str:
    """Return all HTML that a part of the page shows."""
    return "".join(str(pane.object) for pane in part.select(pn.pane.HTML) if pane.visible)


def labels(part: pn.viewable.Viewable) -> set[str]:
    """Return what stands on the buttons that a part of the page shows."""
    return {button.label for button in part.select(pmui.Button) if button.visible}


async def press(part: pn.viewable.Viewable, label: str, times: int = 1) -> None:
    """Press a button that a part of the page shows, and let the page do what it does at once."""
    [button] = [button for button in part.select(pmui.Button) if button.label == label and button.visible]
    for _ in range(times):
        button.clicks += 1
    await asyncio.sleep(0.05)
