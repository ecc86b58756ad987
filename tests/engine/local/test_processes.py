"""Owned processes: they, their children and their watchdog are gone whenever their owner is, however it ended."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from engine.local import processes
from engine.local.processes import start_owned

ENGINE = Path(processes.__file__).parent
# A shell with a child of its own; it writes both process ids into the file that is its first argument.
FAMILY = ["/bin/sh", "-c", 'sleep 600 & echo $$ $! > "$1.part" && mv "$1.part" "$1"; wait', "sh"]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition, timeout_s: float = 150.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def start_family(tmp_path: Path, **options) -> tuple[processes.OwnedProcess, list[int]]:
    told = tmp_path / "pids"
    owned = start_owned([*FAMILY, str(told)], **options)
    assert until(told.exists)
    return owned, [int(word) for word in told.read_text().split()]


class Owner:
    """Another Python process that owns a family of processes and may do more."""

    def __init__(self, tmp_path: Path, more: str = ""):
        script = f"""
            import os, signal, subprocess, sys, time
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored
            sys.path.append({str(ENGINE)!r})  # by itself: importing the whole engine takes seconds
            from processes import start_owned
            os.mkdir({str(tmp_path / "folder")!r})
            owned = start_owned({[*FAMILY, str(tmp_path / "pids")]!r}, remove={str(tmp_path / "folder")!r})
            extra = 0
            {more}
            print(owned.pid, owned.watchdog_pid, extra, flush=True)
            time.sleep(600)
        """
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
        )
        pid, watchdog_pid, self.extra_pid = map(int, self.process.stdout.readline().split())
        self.process.stdout.close()
        assert until((tmp_path / "pids").exists)
        family = [int(word) for word in (tmp_path / "pids").read_text().split()]
        assert family[0] == pid
        self.pids = [*family, watchdog_pid]
        self.folder = tmp_path / "folder"

    def end(self, number: int) -> None:
        assert all(map(is_alive, self.pids))
        self.process.send_signal(number)
        self.process.wait()

    def left_nothing(self) -> bool:
        return until(lambda: not any(map(is_alive, self.pids)) and not self.folder.exists())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_family_ends_with_an_owner_that_a_signal_ends(tmp_path, number):
    owner = Owner(tmp_path)
    owner.end(number)
    assert owner.left_nothing()


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("extra = os.fork() or (time.sleep(600), os._exit(0))", id="forked"),
        pytest.param("extra = subprocess.Popen(['sleep', '600'], close_fds=False).pid", id="executed"),
    ],
)
def test_family_ends_although_other_children_of_the_owner_live_on(tmp_path, more):
    owner = Owner(tmp_path, more)
    try:
        owner.end(signal.SIGKILL)
        assert owner.left_nothing()
        assert is_alive(owner.extra_pid)
    finally:
        os.kill(owner.extra_pid, signal.SIGKILL)


def test_stop_in_a_forked_copy_of_the_owner_does_nothing(tmp_path):
    owner = Owner(tmp_path, "extra = os.fork() or (owned.stop(), owned.kill(), os._exit(0))")
    assert until(lambda: not is_alive(owner.extra_pid))
    owner.end(signal.SIGKILL)  # asserts that the family lives
    assert owner.left_nothing()


def test_stop_ends_the_whole_family_and_may_be_called_again(tmp_path):
    owned, family = start_family(tmp_path)
    assert owned.poll() is None
    assert owned.pid == family[0]
    assert owned.stop() == -signal.SIGTERM
    assert not any(map(is_alive, [*family, owned.watchdog_pid]))
    assert owned.stop() == owned.kill() == owned.poll() == owned.wait() == -signal.SIGTERM


def test_context_manager_stops_when_its_block_raises(tmp_path):
    owned, family = start_family(tmp_path)
    with pytest.raises(KeyError), owned:
        raise KeyError
    assert not any(map(is_alive, family))


def test_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path):
    ready = tmp_path / "ready"
    script = f"trap '' TERM; touch {ready}; while true; do sleep 0.1; done"
    owned = start_owned(["/bin/sh", "-c", script], grace_s=0.3)
    assert until(ready.exists)
    assert owned.stop() == -signal.SIGKILL


def test_kill_does_not_wait_for_the_grace(tmp_path):
    ready = tmp_path / "ready"
    owned = start_owned(["/bin/sh", "-c", f"trap '' TERM; touch {ready}; sleep 600; sleep 600"], grace_s=3600)
    assert until(ready.exists)
    assert owned.kill() == -signal.SIGKILL


def test_what_the_child_leaves_behind_in_its_group_is_ended_too(tmp_path):
    told = tmp_path / "pid"
    with start_owned(["/bin/sh", "-c", f"sleep 600 & echo $! > {told}; exit 7"]) as owned:
        assert owned.wait(150) == 7
        assert not is_alive(int(told.read_text()))


def test_family_ends_when_only_its_watchdog_is_killed(tmp_path):
    owned, family = start_family(tmp_path)
    os.kill(owned.watchdog_pid, signal.SIGKILL)
    assert owned.wait(150) == -signal.SIGKILL
    assert until(lambda: not any(map(is_alive, family)))
    owned.stop()


def test_family_ends_when_its_watchdog_is_told_to_end(tmp_path):
    owned, family = start_family(tmp_path)
    os.kill(owned.watchdog_pid, signal.SIGTERM)
    assert owned.wait(150) == -signal.SIGTERM
    assert not any(map(is_alive, family))
    owned.stop()


def test_child_is_out_of_reach_of_the_terminal(tmp_path):
    owned, family = start_family(tmp_path)
    with owned:
        assert os.getsid(owned.pid) == owned.pid
        assert os.getpgid(family[1]) == owned.pid
        assert os.getsid(owned.watchdog_pid) == owned.watchdog_pid


def test_wait_gives_the_exit_code_or_a_timeout():
    with start_owned(["/bin/sh", "-c", "exit 3"]) as owned:
        assert owned.wait() == 3
    with start_owned(["sleep", "600"]) as owned, pytest.raises(TimeoutError, match=str(owned.pid)):
        owned.wait(0.05)


def test_command_that_is_not_there_fails_as_in_subprocess(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        start_owned(["no-such-program"])
    with pytest.raises(FileNotFoundError):
        start_owned(["true"], log=tmp_path / "missing" / "log")


def test_child_gets_its_environment_folder_and_output(tmp_path):
    command = ["/bin/sh", "-c", 'echo "$GREETING"; pwd -P; cat; echo problem >&2']
    with start_owned(
        command, env={"GREETING": "héllo"}, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as owned:
        with owned.stdout, owned.stderr:
            assert owned.stdout.read().decode() == f"héllo\n{tmp_path.resolve()}\n"
            assert owned.stderr.read() == b"problem\n"
        assert owned.wait() == 0


def test_folder_stays_until_stop_and_the_log_in_it_can_be_read(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    owned = start_owned(
        ["/bin/sh", "-c", "echo out; echo err >&2; exit 1"], cwd=folder, log=folder / "log", remove=folder
    )
    assert owned.wait() == 1
    assert (folder / "log").read_text() == "out\nerr\n"
    owned.stop()
    assert not folder.exists()


def test_log_is_bounded_and_keeps_the_end(tmp_path):
    log = tmp_path / "log"
    num_lines = 3 * processes.LOG_NBYTES_MAX // 80  # lines of 80 bytes, so three times what one file may hold
    with start_owned([sys.executable, "-c", f"for i in range({num_lines}): print(f'{{i:079d}}')"], log=log) as owned:
        assert owned.wait() == 0
    assert {path.name for path in tmp_path.iterdir()} == {"log", "log.1"}
    assert all(0 < path.stat().st_size <= processes.LOG_NBYTES_MAX for path in tmp_path.iterdir())
    kept = ((tmp_path / "log.1").read_text() + log.read_text()).split()
    assert [int(line) for line in kept[1:]] == list(range(num_lines - len(kept) + 1, num_lines))


def test_log_and_stdout_exclude_each_other(tmp_path):
    with pytest.raises(ValueError, match="either"):
        start_owned(["true"], log=tmp_path / "log", stdout=subprocess.DEVNULL)
