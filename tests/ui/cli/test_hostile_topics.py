"""Topics that lie: each command tells what is wrong in its own words, prints nothing that a terminal obeys, and one
job's garbage hides no other.
"""

import io
import json
import unicodedata

import pyarrow as pa
import pytest
import rich.console
import yaml

import engine.kafka
from consumer.errors import InputError
from consumer.notebooks import html_rows
from consumer.wire import JOBS_TOPIC
from consumer.words import on_one_line
from engine.kafka import ManifestReader, ManifestWriter  # noqa: F401  a fake's clock is for what is loaded
from engine.transfer import submitted_job
from tests.command_line import document, run_here
from tests.hostile_topic import GARBAGE, NUM_ALERTS, TOPIC, alert, make_topic
from tests.kafka_fake import FakeKafka
from ui.cli.render import alerts_table

TITLE = "\x1b]0;OWNED\x07\x1b[2J\x9b31m\u202eevil\u2028line\r"
READING = [
    ("status",),
    ("status", "--receipt"),
    ("status", "--request"),
    ("log",),
]


@pytest.fixture
def fake(monkeypatch) -> FakeKafka:
    assert engine.kafka.KafkaCluster
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    monkeypatch.setattr(submitted_job, "time", kafka.clock)
    return kafka


def said(fake, *words: object) -> tuple[int, str]:
    """Return the exit code of a command and what it printed, which holds nothing that a terminal obeys."""
    done = run_here(*words, kafka=fake.bootstrap)
    text = done.stdout + done.stderr
    hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n", "\t"}
    assert not hidden, text
    assert "internal error" not in text, text
    assert "Traceback" not in text, text
    return done.returncode, text


def all_commands(fake, outdir) -> dict[str, tuple[int, str]]:
    """Run every command that reads a job; returns what each said."""
    found = {" ".join(words): said(fake, words[0], TOPIC, *words[1:]) for words in READING}
    found["jobs"] = said(fake, "jobs", "--all")
    found["consume"] = said(fake, "consume", TOPIC, "--outdir", outdir)
    found["by class"] = said(fake, "consume", TOPIC, "--outdir", f"{outdir}-by-class", "--partitionby", "finkclass")
    found["verify"] = said(fake, "verify", outdir)
    found["cancel"] = said(fake, "cancel", TOPIC)
    found["resume"] = said(fake, "resume", TOPIC)
    return found


def test_a_sound_topic_is_read(fake, tmp_path):
    make_topic(fake)
    found = all_commands(fake, tmp_path / "out")
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(found, 0) | {"cancel": 3, "resume": 3}
    assert "passed over" not in str({name: text for name, (_, text) in found.items() if name != "jobs"})


def test_garbage_between_all_records_changes_nothing_and_is_told_once(fake, tmp_path):
    make_topic(fake, garbage=GARBAGE)
    found = all_commands(fake, tmp_path / "out")
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(found, 0) | {"cancel": 3, "resume": 3}
    num_passed_over = len(GARBAGE) * 6 - 1  # a part before the plan is of an earlier topic, for all that is known
    num = f"{num_passed_over} records of the manifest can't be read"
    for name in ("status", "status --receipt", "log", "consume"):
        assert found[name][1].count(num) == 1, found[name]
    assert "1 record of the list of jobs can't be read" in found["jobs"][1]
    assert TOPIC in found["jobs"][1]
    assert f"{NUM_ALERTS} of {NUM_ALERTS} alerts" in found["verify"][1]
    status = document(run_here("status", TOPIC, "--json", kafka=fake.bootstrap))
    assert (status["state"], status["num_passed_over"]) == ("complete", num_passed_over)
    copy = (tmp_path / "out.transfer" / "manifest.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["type"] for line in copy] == ["part", "plan", "part", "state", "fragment", "state"]


def test_a_job_without_a_plan_is_told_at_once_with_what_is_wrong(fake, tmp_path):
    make_topic(fake, lambda bodies: bodies[0].update(num_partitions=10**9))
    found = all_commands(fake, tmp_path / "out")
    for name in ("status", "log", "consume", "cancel"):
        assert found[name][0] in (1, 2)
        assert "num_partitions = 1000000000" in found[name][1]
        assert "from 1 to 100,000" in found[name][1]
    assert not (tmp_path / "out").exists()


CHANGES = {
    "partitions": lambda b: b[0].update(num_partitions=50_000),
    "a fragment far out": lambda b: b[1]["fragments"][0].update(fragment=10**12),
    "no parts": lambda b: b[0].update(num_parts=0),
    "many parts": lambda b: b[0].update(num_parts=10**15),
    "many fragments": lambda b: b[0].update(num_fragments=10**15),
    "a file that is not there": lambda b: b[1]["fragments"][0].update(file=3),
    "files of nothing": lambda b: b[1].update(files=[{}]),
    "a count that is a text": lambda b: b[3].update(num_sent="many"),
    "a count that is none": lambda b: b[3].update(num_sent=True),
    "a negative count": lambda b: b[3].update(num_sent=-1),
    "more than the fragment has": lambda b: b[3].update(num_sent=10**9, num_selected=10**9),
    "more than 64 bits": lambda b: b[1]["fragments"][0].update(num_alerts=2**64),
    "no such partition": lambda b: b[3].update(partitions={"7": NUM_ALERTS}),
    "no digest": lambda b: b[3].update(digest="0x" + "f" * 30),
    "a time after the last": lambda b: b[3].update(time=1e18),
    "a fragment of nobody": lambda b: b[3].update(fragment=77),
    "a version that is a text": lambda b: b[0].update(version="2"),
    "a later version": lambda b: b[0].update(version=3),
    "a scale of nobody": lambda b: b[0].update(version=2, time_scale="stardate"),
    "another topic": lambda b: b[0].update(topic="../../..operator-work/PWN"),
    "another job": lambda b: b[0].update(job_id="x\x1b"),
    "a time that is a text": lambda b: b[0].update(time_field="objectId"),
    "an identifier that is a text": lambda b: b[0].update(id_field="objectId"),
    "an identifier that is not there": lambda b: b[0].update(id_field="candidate.candid"),
    "a request that is deep": lambda b: b[0].update(request=nested(60)),
    "a request with a wrong limit": lambda b: b[0].update(request={"limit": "10"}),
    "a schema that is deep": lambda b: b[0].update(schema=nested(200)),
    "details that are deep": lambda b: b[0].update(details=nested(400)),
    "nights without end": lambda b: b[0].update(nights_without_data=["2021-01-01"] * 100_000),
    "a night that is none": lambda b: b[0].update(nights_without_data=["2021-13-01"]),
    "an error that is a text": lambda b: b[4].update(state="failed", error="just text"),
    "an error without a message": lambda b: b[4].update(state="failed", error={}),
    "no state": lambda b: b[4].update(state="nonsense"),
    "a terminal's own words": lambda b: (
        b[0].update(engine_version=TITLE, labels=[TITLE, "a\nstate      complete"]),
        b[0].update(request={"nights": ["2021-11-22"], TITLE: TITLE}),
        b[1]["files"][0].update(path=TITLE),
        b[3].update(unreadable=TITLE, num_sent=0, num_selected=0, partitions={}, digest="0" * 32),
        b[4].update(state="failed", error={"message": TITLE + "\nx", "accepted": TITLE, "next": TITLE}),
    ),
}


def nested(depth: int) -> dict:
    held: dict = {}
    for _ in range(depth):
        held = {"x": [held]}
    return held


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_topic_says_is_checked(fake, tmp_path, change):
    make_topic(fake, change)
    found = all_commands(fake, tmp_path / "out")
    assert all(code in (0, 1, 2, 3, 4) for code, _ in found.values())
    # Nothing that was changed here leaves a job that this program can prove or go on with, but for its nights.
    if change is not CHANGES["nights without end"]:
        assert found["consume"][0] != 0
        assert found["verify"][0] != 0
    assert found["resume"][0] in (1, 2, 3)
    assert found["jobs"][0] == 0


def test_a_version_of_others_takes_no_line_of_its_own(fake):
    make_topic(fake, lambda b: b[0].update(engine_version="0.1.0\nNext: rm -rf ~\n" + "x" * 5000), state="failed")
    for words in (("status", TOPIC), ("resume", TOPIC), ("status", TOPIC, "--receipt")):
        _, text = said(fake, *words)
        assert "0.1.0\\nNext: rm" in text
        assert "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" not in text


def test_a_request_of_others_is_shown_such_that_it_is_read_back(fake):
    request = {"nights": ["2021-11-22"], "where": TITLE, "classes": ["超新星", "a\u202eb", "new\nline"]}
    make_topic(fake, lambda b: b[0].update(request=request))
    code, text = said(fake, "status", TOPIC, "--request")
    assert (code, yaml.safe_load(text)) == (0, request)


def test_texts_of_others_are_no_markup():
    column = pa.array(["[red]x[/red]", "[/nothing]", "[link=file:///etc/passwd]y[/link]"])
    out = io.StringIO()
    rich.console.Console(file=out, width=200).print(alerts_table(pa.table({"[b]finkclass": column}), title="[i]t"))
    assert all(text in out.getvalue() for text in ["[b]finkclass", "[i]t", *column.to_pylist()])


def test_errors_and_tables_in_python_show_what_they_would_else_do():
    error = InputError(TITLE, accepted=TITLE, next_step=TITLE)
    shown = on_one_line(TITLE)
    assert (error.message, error.accepted, error.next_step) == (shown, shown, shown)
    assert str(error).count(shown) == 3
    assert error.as_dict()["message"] == TITLE, "JSON escapes it by itself"
    assert html_rows(TITLE, [(TITLE, TITLE)]).count(shown) == 3


def test_labels_of_others_are_neither_paths_nor_commands(fake, tmp_path):
    labels = ["../../x", "..", ".", "/etc/x", "\x00nul", "new\nline", TITLE, "CON", "~", "*", "a=b/c=d", "y" * 400]
    make_topic(fake, alerts=[alert(row, finkclass=label) for row, label in enumerate(labels)])
    found = all_commands(fake, tmp_path / "out")
    assert (found["consume"][0], found["verify"][0]) == (0, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out",
        "out-by-class",
        "out-by-class.transfer",
        "out.transfer",
    ]
    folders = [path.name for path in (tmp_path / "out-by-class").iterdir()]
    assert len(set(folders)) == len(folders) == (len(labels) if found["by class"][0] == 0 else 0)
    assert all(name.isascii() and name.isprintable() and len(name) < 256 for name in folders)


def test_of_rejected_messages_the_first_are_kept_and_all_are_counted(fake, tmp_path):
    make_topic(fake, datums=[(b"k" * 100_000, 1, b"none \x1b[2J")] + [(TITLE.encode(), 0, b"")] * 1500)
    code, text = said(fake, "consume", TOPIC, "--outdir", tmp_path / "out")
    assert code == 4
    assert "1,501 messages can't be read" in text
    assert "does not count as complete" in text
    assert len(list((tmp_path / "out.transfer" / "rejected").iterdir())) == 1000
    assert (tmp_path / "out.transfer" / "journal.jsonl").stat().st_size < 2_000_000
    for _ in range(2):
        result = document(run_here("consume", TOPIC, "--outdir", tmp_path / "out", "--json", kafka=fake.bootstrap))
        assert (result["num_rejected"], result["complete"], result["missing"]) == (1501, False, 0)
    receipt = json.loads((tmp_path / "out.transfer" / "receipt.json").read_text())
    assert (receipt["on_disk"]["num_rejected"], receipt["on_disk"]["complete"]) == (1501, False)
    assert "1,501 messages could not be read" in (tmp_path / "out.transfer" / "receipt.txt").read_text()
    code, text = said(fake, "verify", tmp_path / "out")
    assert code == 4
    assert "1,501 messages of the topic could not be read" in text


def test_a_job_that_cannot_be_read_hides_no_other(fake):
    make_topic(fake, lambda b: b[0].update(version=3))
    (listed,) = fake.topics[JOBS_TOPIC]
    good = "ftransfer_good"
    make_other(fake, good)
    summary = {"topic": good, "job_id": "j", "state": "running", "created_at": 5000.0, "num_alerts_sent": 0}
    listed.append(good.encode(), json.dumps(summary).encode())
    code, text = said(fake, "jobs", "--all")
    assert code == 0
    assert f"{TOPIC} can't be read: the topic follows version 3" in text
    assert f"{good}  complete" in " ".join(text.split("\n"))


def make_other(fake, topic: str) -> None:
    other = FakeKafka()
    make_topic(other, lambda b: b[0].update(topic=topic))
    fake.topics[f"{topic}_manifest"] = other.topics[f"{TOPIC}_manifest"]
    fake.topics[topic] = other.topics[TOPIC]
