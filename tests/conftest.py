"""Fixtures that every room's tests share."""

import gc
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import dask
import distributed
import hypothesis
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from engine.local import local_cluster, start_broker
from tests.java_cache import share_java_cache

# Machines are busy with other work at times: how long an example takes to draw or to run says nothing of the code.
hypothesis.settings.register_profile(
    "any-machine",
    hypothesis.settings.default,
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
# Each run draws other examples, so few a run find what there is to find; who wants many at once: --hypothesis-profile.
hypothesis.settings.register_profile("thorough", hypothesis.settings.get_profile("any-machine"), max_examples=1000)
hypothesis.settings.load_profile("any-machine")
# Dask watches itself: fifty times a second each process looks how late it is, a hundred times each worker what it does.
# Clusters that stand for all tests would spend a tenth of a core on it, each.
os.environ |= {
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}
dask.config.refresh()

_JAVA_CACHE = pytest.StashKey[subprocess.Popen[bytes] | None]()

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ALERT_TRANSFER_SHARED", REPOSITORY.parent / "shared"))

# Files that take longest, as they are begun: each goes to the process that is free first. What waits most (for what
# was killed to be missed) is beside what works most. Others follow in any order, and fill the end evenly.
LONGEST_FIRST = (
    "tests/torture/test_torture.py",
    "tests/whole_way/test_existing_client.py",
    "tests/ui/dashboard/browser/test_page.py",
    "tests/torture/test_kafka_dies.py",
    "tests/whole_way/test_stopped_jobs.py",
    "tests/ui/cli/test_first_steps.py",
    "tests/ui/cli/test_commands.py",
    "tests/consumer/fetching/test_consuming.py",
    "tests/whole_way/test_outside_cluster.py",
    "tests/consumer/dataset/test_spool.py",
    "tests/ui/dashboard/test_serving.py",
    "tests/engine/transfer/test_strange_workers.py",
    "tests/engine/kafka/test_rights.py",
    "tests/engine/schema/test_union_archives.py",
    "tests/engine/local/test_broker.py",
    "tests/consumer/cli/test_manners.py",
    "tests/ui/cli/test_hostile_topics.py",
    "tests/whole_way/test_secrets.py",
    "tests/engine/conditions/test_agreement.py",
    "tests/engine/conditions/test_fuzz.py",
    "tests/engine/conditions/test_parser.py",
    "tests/engine/conditions/test_dask_sql_adapter.py",
    "tests/whole_way/test_unreadable.py",
    "tests/whole_way/test_upgrades.py",
    "tests/whole_way/test_object_store.py",
    "tests/whole_way/test_fairness.py",
    "tests/whole_way/test_receipt.py",
    "tests/whole_way/test_whole_way.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Have Ctrl-C work in what tests start: a shell that runs the tests beside other things has it ignored.

    Have Kafka start faster as well: what it takes to write the cache comes back where all the tests run.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Seven thousand tests and what they import are millions of objects, none of them garbage: to look through them
    # again and again takes a fifth of the collection's time.
    gc.set_threshold(50_000, 20, 100)
    if not hasattr(config, "workerinput"):
        config.stash[_JAVA_CACHE] = share_java_cache(write=bool(config.getoption("numprocesses", None)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let nothing go on once the tests have ended."""
    if writing := config.stash.get(_JAVA_CACHE, None):
        writing.wait(60)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest files run first: one that is begun last would run alone at the end."""
    place = {REPOSITORY / file: number for number, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """Have no garbage collection look at the tests themselves, as long as they run."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Have Python end as ever: some libraries report what was not collected."""
    gc.unfreeze()


def _shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_dir():
        pytest.skip(f"the real alerts are not here: no {path} (set ALERT_TRANSFER_SHARED to the folder that has them)")
    return path


@pytest.fixture(scope="session")
def shared_archive() -> Path:
    """Root of the archive of real alerts: 106 of them, four nights."""
    return _shared("fink-archive") / "science"


@pytest.fixture(scope="session")
def shared_service() -> Path:
    """Folder with a real Avro schema and 31 real output alerts of the service that this project replaces."""
    return _shared("fink-service")


@pytest.fixture(scope="session")
def shared_surveys() -> Path:
    """Folder with 27 real alerts of LSST and 556 simulated ones of ELAsTiCC, a Parquet file each."""
    return _shared("other-surveys")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Address of a real Kafka."""
    with start_broker() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def dask_client() -> Iterator[distributed.Client]:
    """Client of a real Dask cluster: a scheduler and two workers, processes of their own."""
    with local_cluster(num_workers=2) as client:
        yield client


@pytest.fixture
def notebook(tmp_path, monkeypatch) -> Iterator[InteractiveShell]:
    """IPython as a notebook runs it, by the name that others tell it by; it keeps what is displayed."""
    # IPython makes itself Python's own hooks, which another test mustn't meet.
    for name in ("excepthook", "displayhook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    class ZMQInteractiveShell(InteractiveShell):
        pass

    quiet = Config()
    quiet.HistoryManager.enabled = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # IPython's own, at its start
        shell = ZMQInteractiveShell.instance(config=quiet)
    shell.colors = "nocolor"
    shell.display_pub = CapturingDisplayPublisher(parent=shell)
    yield shell
    ZMQInteractiveShell.clear_instance()
