"""Memory that a command's process has done with."""

import os
import platform
import subprocess
import sys

import pyarrow as pa
import pytest

_SCRIPT = """
import resource, sys
from consumer.cli.heap import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
bytearray(64_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    bytearray(b"x") * 64_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Return how many pages the system gives for blocks of a size that was used and freed before."""
    words = [sys.executable, "-c", _SCRIPT, how]
    return int(subprocess.run(words, capture_output=True, text=True, timeout=150, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is set is glibc's")
def test_large_blocks_that_are_freed_are_used_again():
    assert faults("kept") < faults("as it is") / 2


_BACKEND = """
import os, sys
from consumer.cli import main

sys.argv = ["alert-transfer", *sys.argv[1:], "--help"]
try:
    main()
except SystemExit:
    import pyarrow
    print(pyarrow.default_memory_pool().backend_name, os.environ.get("ARROW_DEFAULT_MEMORY_POOL"))
"""


def backend(command: str, **environment: str) -> list[str]:
    """Return which allocator Arrow uses in a command's process, and which its child processes are told to use."""
    words = [sys.executable, "-c", _BACKEND, command]
    known = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True, env=known | environment)
    return done.stdout.splitlines()[-1].split()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is kept, glibc keeps")
def test_fetching_takes_arrows_memory_from_the_system_and_other_commands_leave_it():
    assert backend("consume") == ["system", "None"]
    assert backend("verify") == [pa.default_memory_pool().backend_name, "None"]


def test_an_allocator_that_the_user_chose_stays():
    other = "mimalloc" if "mimalloc" in pa.supported_memory_backends() else "system"
    assert backend("consume", ARROW_DEFAULT_MEMORY_POOL=other) == [other, other]


def test_the_consumers_names_are_there_without_arrow_until_they_are_used():
    code = "import sys, consumer; assert 'pyarrow' not in sys.modules; print(consumer.consume.__name__, dir(consumer))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("consume ")
    assert "stream" in done.stdout
