"""Figures of the form that the scripts write, invented."""

from benchmarks.figures import Figure
from benchmarks.running.results import Part, Results

__all__ = ["figure", "figures", "part", "results"]

CASES = {"E1": 1.0, "E1-2025": 2.0, "E2": 12.0, "E3": 1.1, "E4": 60.0}
"""Experiment -> how many times as heavy as the first an alert is."""
WHO = {
    # Alerts a second and CPU of the lightest experiment, memory, first alert, from cold.
    "alert-transfer": (200_000, 5.0, 260, 0.4, 5.0),
    "alert-transfer, from cold": (100_000, 10.0, 300, 3.0, 5.0),
    "Spark as the service runs it": (20_000, 80.0, 2_400, 11.0, 40.0),
    "Spark without its class UDFs": (60_000, 27.0, 900, 10.0, 24.0),
    "Spark, tuned": (75_000, 21.0, 1_000, 9.0, 22.0),
}
BARE = {"bare parts": 3.4, "bare librdkafka": 1.2, "bare pyarrow": 1.1, "encode alone": 1.1}


def figure(section: str, case: str, what: str, quantity: str, *runs: float) -> Figure:
    return Figure(section=section, case=case, what=what, quantity=quantity, runs=list(runs))


def _around(value: float) -> tuple[float, float, float]:
    return (value * 0.98, value, value * 1.05)


def experiments() -> list[Figure]:
    found = []
    for case, weight in CASES.items():
        for who, (rate, cpu, peak, first, cold) in WHO.items():
            quantities = {
                "alerts_per_s": rate / weight,
                "cpu_us": cpu * weight,
                "peak_mb": peak * 0.8,
                "peak_sum_mb": peak * (2 if who.startswith("alert-transfer") else 1),
                "first_alert_s": first,
                "cold_s": cold,
            }
            found += [figure("experiments", case, who, name, *_around(value)) for name, value in quantities.items()]
        for what, cpu in BARE.items():
            found.append(figure("experiments", case, what, "cpu_us", *_around(cpu * weight)))
            found.append(figure("experiments", case, what, "alerts_per_s", *_around(1e6 / cpu / weight)))
    return found


def others() -> list[Figure]:
    found = []
    rates = {
        "alert-transfer": 120_000,
        "alert-transfer, by class": 64_000,
        "fastavro alone": 20_000,
        "fink-client": 3_300,
    }
    for case, weight in {"lightcurve": 1, "full": 30}.items():
        for who, rate in rates.items():
            found.append(figure("consumers", case, who, "alerts_per_s", *_around(rate / weight)))
            found.append(figure("consumers", case, who, "cpu_us", *_around(1.2e6 * weight / rate)))
            found.append(figure("consumers", case, who, "peak_mb", *_around(600)))
    for number in (125_000, 250_000, 500_000, 1_000_000):
        found.append(figure("growth", f"alerts {number}", "alert-transfer", "seconds", 0.4 + number / 2e5))
        found.append(figure("growth", f"alerts {number}", "alert-transfer", "cpu_s", 0.5 + number / 2e5))
        found.append(figure("growth", f"alerts {number}", "alert-transfer", "nbytes_sent", number * 300))
    found.append(figure("growth", "alerts", "fitted", "fixed_seconds", 0.4))
    found.append(figure("growth", "alerts", "fitted", "each_seconds", 5e-6))
    for number in (500, 20_000):
        found.append(figure("growth", f"fragments {number}", "alert-transfer", "seconds", 1 + number / 200))
        found.append(figure("growth", f"fragments {number}", "status", "seconds", 0.5 + number / 2e4))
    for case, ratio in {"encoder: ZTF 2021, full": 60, "decoder: ZTF 2021, full": 10.4}.items():
        found.append(figure("codecs", case, "fastavro alone", "alerts_per_s", *_around(800)))
        found.append(figure("codecs", case, "alert-transfer", "alerts_per_s", *_around(800 * ratio)))
    found.append(figure("codecs", "filter: magnitude, 500 rows", "alert-transfer", "alerts_per_s", 1e5))
    found.append(figure("codecs", "filter: magnitude, 500 rows", "pandas", "alerts_per_s", 2e5))
    s3 = "versitygw, full, S3, 50 ms"
    found.append(figure("store", s3, "alert-transfer", "bytes_read", 164e6))
    found.append(figure("store", s3, "alert-transfer", "ratio", 1.4))
    found.append(figure("store", s3, "server and proxy", "cpu_s", 0.7))
    return found


def figures() -> list[Figure]:
    return experiments() + others()


def part(name: str, *its: Figure, **how) -> Part:
    given = {
        "command": f".venv/bin/python benchmarks/{name}.py --rounds 3",
        "ended": "2026-11-26T17:00:00+00:00",
        "seconds": 120.0,
        "commit": "0123456ab",
        "load_before": 0.3,
        "versions": {"python": "3.11.9", "pyarrow": "26.0.0"},
    }
    return Part(name=name, figures=its, **{**given, **how})


def results(*parts: Part, size: str = "full") -> Results:
    machine = {"cpu": "Some CPU", "cores": 2, "memory_gb": 24, "system": "Linux"}
    return Results(
        size=size, machine=machine, parts=parts or [part("experiments", *experiments()), part("others", *others())]
    )
