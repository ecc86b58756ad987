"""Sections of the page: what each is about, and how its figures were taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.page.beside import Found
from benchmarks.page.tables import ceilings, codecs, consumers, experiments, growth, plain, store

__all__ = ["SECTIONS", "Section"]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading, what is measured, and its tables."""

    name: str
    """Of the figures."""
    title: str
    text: str
    lines: Callable[[Found, str], list[str]]
    """Makes its tables; none without figures."""
    more: tuple[str, str] | None = None
    """What tells more of how it is measured, and its place as seen from docs/."""
    against: tuple[str, str] | None = None
    """Name and place, as seen from docs/, of what says what stands against goals that aren't reached."""
    has_goals: bool = True
    """Whether goals of these figures are told here: once, where two sections share figures."""
    plot: str | None = None
    """Name of its plot, if it has one."""
    plot_text: str = ""
    """What the plot shows, for those who don't see it."""


SECTIONS = (
    Section(
        name="experiments",
        title="The experiments, with Spark side by side",
        text="""\
E1: nights of 2021's schema, a magnitude condition, lightcurve, one core; E1-2025: the same of 2025's; E2: supernova
candidates of several nights with a magnitude condition, full packets, one core; E3: all alerts, lightcurve, two cores;
E4: all alerts, full packets, one core.
All read the same archive and send as many alerts to the same broker, by turns. Rates: ours from submit to complete on a
warm cluster, Spark's in its write alone. All else that is held against Spark is of whole commands, each with its start:
`from cold` starts a cluster of its own, and Spark its JVM with as many cores. CPU is that of all processes but the
broker's, of an alert read; memory of all processes counts what they share in each of them. Shares below 100 % are where
ours takes less.""",
        lines=experiments,
        more=("how each is run, and what must be said with a ratio", "../benchmarks/README.md#spark-beside-it"),
        against=("decision 31", "decisions/0031-where-a-microsecond-goes.md#what-stands-against-the-goals"),
        plot="spark",
        plot_text="How many times as fast as Spark, and at what share of its CPU and memory",
    ),
    Section(
        name="experiments",
        title="The ceilings",
        text="""\
What can't be done without, each alone in one thread in the same run: the same columns read by pyarrow, the survivors
labelled and encoded, the same bytes sent from memory by librdkafka. `bare parts` is their sum: the engine on a warm
cluster would take no more CPU if it had no cost of its own.""",
        lines=ceilings,
        has_goals=False,
        plot="ceilings",
        plot_text="CPU of an alert, in all and of each bare part",
    ),
    Section(
        name="consumers",
        title="A topic fetched to disk",
        text="""\
Whole commands from start to exit, by turns, of the same topic; what lies on the disk afterwards is the same. `fastavro
alone` decodes the messages from memory, one by one, and keeps nothing.""",
        lines=consumers,
        against=("decision 18", "decisions/0018-the-consumers-rounds-and-threads.md"),
        plot="consumers",
        plot_text="Alerts a second of each consumer",
    ),
    Section(
        name="growth",
        title="Growth",
        text="""\
What a job takes as one thing grows and the rest stays, each on a fresh warm cluster: alerts, full alerts, fragments of
one small file each (and what reads the job's manifest), workers, survivors in per cent; and nights, planned without a
job. Then what follows from it, on paper: alerts an hour by cores, and what Rubin's nights need.""",
        lines=growth,
        more=("what the sums on paper assume", "capacity.md"),
        plot="growth",
        plot_text="Seconds, as the numbers of alerts, fragments and nights grow",
    ),
    Section(
        name="codecs",
        title="Encoder, decoder and filter alone",
        text="""\
One thread, processor time, by turns; what comes out is the same. Each content of each survey; `real` are real alerts,
where they are at hand. fastavro takes and gives a dictionary an alert; `into Arrow` makes columns of these. The filter
reads nothing: the columns of its condition are there.""",
        lines=codecs,
        plot="codecs",
        plot_text="How many times as fast as fastavro",
    ),
    Section(
        name="store",
        title="Reading from S3",
        text="""\
By the function that a worker's task runs, from a disk and from S3 servers behind a proxy that counts, and that keeps
each answer back for so many milliseconds. Bytes are beside what the needed column chunks and one footer a file weigh.
Server and proxy take their CPU of the same cores.""",
        lines=store,
    ),
    Section(
        name="startup",
        title="What a job costs beside its work",
        text="""\
A job of one fragment on a warm cluster of two workers, as a whole and by its steps, some of which run side by side; and
whole commands from cold, the job's of 50,000 alerts.""",
        lines=plain,
    ),
    Section(
        name="fairness",
        title="A test job beside others",
        text="What a test job waits on two workers of one thread while other jobs run, and what it takes from them.",
        lines=plain,
    ),
)
