"""Memory that a command's process has done with."""

import platform
import subprocess
import sys

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
