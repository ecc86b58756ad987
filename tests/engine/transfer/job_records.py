"""Records of a job that nobody planned: its plan, its states, its finished fragments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from consumer.wire import FragmentDone, Plan, PlanPart, StateChange
from engine.archive import Fragment
from engine.transfer.versions import engine_version

JOB, TOPIC = "a-job", "ftransfer_fake"
FIRST_NIGHT = dt.date(2021, 11, 1)


def done(fragment: Fragment, *, num_selected: int, num_sent: int, time: float = 1.0) -> FragmentDone:
    """Return the record of a fragment that was sent."""
    return FragmentDone(
        job_id=JOB,
        fragment=fragment.number,
        num_alerts=fragment.num_alerts,
        num_selected=num_selected,
        num_sent=num_sent,
        nbytes=num_sent,
        partitions={0: num_sent} if num_sent else {},
        digest=f"{0:032x}",
        time=time,
    )


def plan_records(sizes: Sequence[int], *, per_night: int = 10**6) -> list[Plan | PlanPart]:
    """Return the records of a plan: a fragment for each size, each a file, so many files a night."""
    files, fragments = [], []
    for number, size in enumerate(sizes):
        night = FIRST_NIGHT + dt.timedelta(days=number // per_night)
        path = f"/science/{night}/part-{number}.parquet"
        files.append(
            {"index": number, "path": path, "size": 1, "etag": None, "footer_crc": None, "night": night.isoformat()}
        )
        fragments.append(
            {
                "fragment": number,
                "file": number,
                "row_groups": [0],
                "row_group_alerts": [size],
                "num_alerts": size,
                "lacking": [],
            }
        )
    plan = Plan(
        job_id=JOB,
        topic=TOPIC,
        engine_version=engine_version(),
        created_at=0.0,
        request={},
        num_partitions=1,
        num_files=len(files),
        num_fragments=len(fragments),
        num_parts=1,
        num_alerts=None,
        schema={},
        time_field="jd",
        id_field="candid",
    )
    return [plan, PlanPart(job_id=JOB, index=0, files=files, fragments=fragments)]


def says(state: str, coordinator: str | None = None, time: float = 0.0) -> StateChange:
    """Return what a coordinator, or somebody else, writes of the job's state."""
    return StateChange(job_id=JOB, state=state, time=time, coordinator=coordinator)
