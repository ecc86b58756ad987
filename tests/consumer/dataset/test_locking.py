"""One consumer a folder, in this version and beside 0.1.0; who only reads needs to write nothing."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.dataset.locking import check_unlocked, lock
from consumer.errors import InputError


@pytest.fixture
def home(tmp_path):
    return tmp_path


def test_one_holds_the_lock_and_gives_it_back(home):
    with lock(home, home):
        for other in (lock, check_unlocked):
            with pytest.raises(InputError, match="right now"):
                other(home, home)
    check_unlocked(home, home)
    lock(home, home).close()


@pytest.mark.parametrize("kind", [fcntl.LOCK_EX, fcntl.LOCK_SH])
def test_a_consumer_and_a_proof_of_version_0_1_0_are_seen(home, kind):
    with open(home / "lock", "ab") as file:  # as it locks the folder
        fcntl.flock(file, kind)
        with pytest.raises(InputError, match="right now"):
            lock(home, home)


def test_a_consumer_of_version_0_1_0_sees_us(home):
    with lock(home, home), open(home / "lock", "ab") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_who_asks_makes_no_file(home):
    check_unlocked(home, home)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_who_asks_can_do_with_a_folder_that_is_read_only(home, monkeypatch, code):
    lock(home, home).close()
    open_ = Path.open

    def refuse(path, mode):
        if mode != "rb":
            raise OSError(code, os.strerror(code), str(path))
        return open_(path, mode)

    monkeypatch.setattr(Path, "open", refuse)
    check_unlocked(home, home)


# Whatever it is called with: a lock is taken, told of, and held until the process is killed.
_WITHOUT_FCNTL = """
import sys
sys.modules["fcntl"] = None
from pathlib import Path
from consumer.errors import InputError
from consumer.dataset.locking import check_unlocked, lock
home = Path(sys.argv[1])
try:
    check_unlocked(home, home)
    held = lock(home, home)
except InputError as exc:
    sys.exit(str(exc))
print("held", flush=True)
sys.stdin.read()
"""


def test_where_the_system_has_no_locks_a_marker_stands_for_one(home):
    def start() -> subprocess.Popen:
        command = [sys.executable, "-W", "error", "-c", _WITHOUT_FCNTL, str(home)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, text=True, **pipes)

    lock(home, home).close()  # a folder from a system with locks has the file of one that ended
    first = start()
    assert first.stdout.readline() == "held\n"
    told, wrong = start().communicate(timeout=150)
    assert (told, "right now" in wrong) == ("", True)
    first.kill()
    first.communicate(timeout=150)
    # The lock ends with the process that held it.
    assert start().communicate(timeout=150) == ("held\n", "")
    assert [path.name for path in home.iterdir()] == ["lock"]
