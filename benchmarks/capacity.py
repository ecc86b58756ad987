"""Cores against alerts an hour, and what Rubin's nights would need: on paper, from what growth measured.

Its assumptions stand in docs/capacity.md. What an alert costs is the slope of CPU through jobs of more and more alerts,
in all processes but Kafka's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.fitting import fit, points_of

__all__ = ["CORES", "RUBIN", "Cost", "Need", "alerts_an_hour", "capacity_lines", "costs", "needs", "yield_of_cores"]

CORES = (1, 2, 4, 8, 16, 32, 64)
A_NIGHT = 10_000_000
"""Alerts that Rubin is to send a night."""
HOURS_A_NIGHT = 10
RUBIN = {"lightcurve": 539, "medium": 983, "full": 108_088}
"""Bytes of an alert as Avro, the mean of 27 real ones."""
_ALERTS = ("alerts", "lightcurve, a third kept")
_FULL = ("full", "full, all kept")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one alert more costs."""

    what: str
    cpu_s: float
    nbytes: float
    """That are sent for it, on average."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a night of Rubin's needs, all of it in one content."""

    content: str
    alert_nbytes: int
    cpu_hours: float
    cores_in_an_hour: float
    cores_in_a_night: float
    """To keep up with the telescope."""
    sent_gb: float
    gb_s_in_an_hour: float


def costs(figures: Sequence[Figure]) -> dict[str, Cost]:
    """Return what one alert more costs, by what was measured; nothing of what was not.

    Where all are kept on one worker, a long job's CPU is shared out among its alerts.
    """
    found = {}
    for axis, what in (_ALERTS, _FULL):
        cpu, nbytes = (points_of(figures, axis, quantity) for quantity in ("cpu_s", "nbytes_sent"))
        if len(cpu) > 1 and len(nbytes) == len(cpu):
            found[axis] = Cost(what=what, cpu_s=fit(cpu).each, nbytes=fit(nbytes).each)
    cpu_s, nbytes_sent, num_alerts = (
        dict(points_of(figures, "workers", quantity)).get(1.0) for quantity in ("cpu_s", "nbytes_sent", "num_alerts")
    )
    if cpu_s and nbytes_sent and num_alerts:
        found["all"] = Cost(what="lightcurve, all kept", cpu_s=cpu_s / num_alerts, nbytes=nbytes_sent / num_alerts)
    return found


def yield_of_cores(figures: Sequence[Figure]) -> float:
    """Return what a core does beside another, as a share of what it does alone; at most 1, and 1 if not measured."""
    seconds = dict(points_of(figures, "workers", "send_s"))
    if not {1.0, 2.0} <= seconds.keys():
        return 1.0
    return min(1.0, seconds[1.0] / (2 * seconds[2.0]))


def alerts_an_hour(cost: Cost, cores: int, share: float) -> float:
    """Return how many alerts of a kind so many cores read an hour; each beyond the first does a share of a core."""
    return 3600 * (1 + (cores - 1) * share) / cost.cpu_s


def needs(found: dict[str, Cost], share: float, num_alerts: int = A_NIGHT) -> list[Need]:
    """Return what a night of Rubin's needs, in each content whose cost was measured.

    A small alert costs what a small one of ZTF's costs; a full one as much for each of its bytes.
    """
    made = []
    for content, alert_nbytes in RUBIN.items():
        cost = found.get("full" if content == "full" else "all")
        if cost is None:
            continue
        of_size = alert_nbytes / cost.nbytes if content == "full" else 1.0
        cpu_hours = num_alerts * cost.cpu_s * of_size / 3600
        sent_gb = num_alerts * alert_nbytes / 1e9
        made.append(
            Need(
                content=content,
                alert_nbytes=alert_nbytes,
                cpu_hours=cpu_hours,
                cores_in_an_hour=_cores(cpu_hours, share),
                cores_in_a_night=_cores(cpu_hours / HOURS_A_NIGHT, share),
                sent_gb=sent_gb,
                gb_s_in_an_hour=sent_gb / 3600,
            )
        )
    return made


def _cores(load: float, share: float) -> float:
    """Return how many cores do the work of so many that don't hinder one another."""
    return load if load <= 1 else 1 + (load - 1) / share


def capacity_lines(figures: Sequence[Figure]) -> list[str]:
    """Return Markdown: alerts an hour by cores, and what Rubin's nights would need; no line without figures."""
    found, share = costs(figures), yield_of_cores(figures)
    if not found:
        return []
    lines = [
        f"Alerts read an hour, in millions, by cores of workers; each beyond the first does {share:.0%} of a core:",
        "",
        *_table(
            ["content", "CPU µs an alert", *map(str, CORES)],
            [
                [
                    cost.what,
                    _text(1e6 * cost.cpu_s),
                    *(_text(alerts_an_hour(cost, cores, share) / 1e6) for cores in CORES),
                ]
                for cost in found.values()
            ],
        ),
        "",
        f"What Rubin's {A_NIGHT / 1e6:.0f} million alerts a night need, on paper:",
        "",
        *_table(
            [
                "all in",
                "bytes an alert",
                "CPU hours",
                "cores, in an hour",
                "cores, as they come",
                "GB",
                "GB/s, in an hour",
            ],
            [
                [
                    need.content,
                    f"{need.alert_nbytes:,}",
                    _text(need.cpu_hours),
                    _text(need.cores_in_an_hour),
                    _text(need.cores_in_a_night),
                    _text(need.sent_gb),
                    _text(need.gb_s_in_an_hour),
                ]
                for need in needs(found, share)
            ],
        ),
    ]
    return lines


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
