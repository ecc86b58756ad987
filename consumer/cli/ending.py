"""How a command ends before its time: by Ctrl-C, by a service manager, with its terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

import click

from consumer.cli.output import ReaderGone, say, stderr

__all__ = ["INTERRUPTED", "ending_in_order", "going_on", "interruption_kept", "say_interrupted"]

INTERRUPTED = 130
"""The exit code."""
# A terminal's Ctrl-C reaches us twice where the program that started us passes it on as well.
_SAME_S = 0.5
# How often it is looked whether the command still goes on as if nothing had been said.
_LOOK_EVERY_S = 0.5
_SHOW_CURSOR = "\x1b[?25h"
_CAN_LOOK = hasattr(signal, "SIGALRM")  # Windows has none
_interrupted_at: float | None = None


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Have TERM and HUP end the block as Ctrl-C does, in order, and a second Ctrl-C end it at once.

    A signal that is ignored stays so: HUP under `nohup`, INT of what a script runs in the background.

    Python raises KeyboardInterrupt wherever the program is just then, and where that is a callback or code in C that
    takes any exception for one of its own, it is lost (a client of Kafka's that is being made loses one in some two
    hundred). So it is raised again until it ends the block.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no HUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    shown, sys.unraisablehook = sys.unraisablehook, _tell_lost
    if _CAN_LOOK:
        signal.signal(signal.SIGALRM, _on_look)
    try:
        yield
    finally:
        sys.unraisablehook = shown
        if _CAN_LOOK:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _interrupted_at
    now = time.monotonic()
    if _interrupted_at is None:
        _interrupted_at = now
        if _CAN_LOOK:
            signal.setitimer(signal.ITIMER_REAL, _LOOK_EVERY_S, _LOOK_EVERY_S)
        raise KeyboardInterrupt
    # The others come in numbers: a terminal that is closed is told by the shell and by the system.
    if number == signal.SIGINT and now - _interrupted_at > _SAME_S:
        # What we started sees us gone and ends (engine/local/processes.py); a folder's journal knows what is in it.
        _say_last()
        os._exit(INTERRUPTED)


def _on_look(number: int, frame: FrameType | None) -> None:
    if not _is_ending(sys.exception()):
        raise KeyboardInterrupt


def _tell_lost(lost: sys.UnraisableHookArgs) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def _is_ending(error: BaseException | None) -> bool:
    """Whether KeyboardInterrupt is among the exceptions that are being handled, or a generator is being closed."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            return True
        error = error.__context__
    return False


@contextlib.contextmanager
def interruption_kept() -> Iterator[None]:
    """Raise KeyboardInterrupt for an error of this block that came where nobody knew of the interruption."""
    try:
        yield
    except (click.exceptions.Exit, ReaderGone):
        raise  # no errors: it came to its end after all
    except Exception as exc:
        if _interrupted_at is None or _is_ending(exc):
            raise
        raise KeyboardInterrupt from exc


def _say_last() -> None:
    # Not by Python's streams: the interrupted code may hold their locks.
    shown = _SHOW_CURSOR if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{shown}interrupted again: ended at once\n".encode())


@contextlib.contextmanager
def going_on(text: str) -> Iterator[None]:
    """Say how to go on if this block is interrupted, at once, since ending in order may take a while.

    Of blocks in blocks only the innermost says it.
    """
    try:
        with interruption_kept():
            yield
    except KeyboardInterrupt as exc:
        say_interrupted(exc, f": {text}")
        raise


def say_interrupted(exc: BaseException, more: str = "") -> None:
    """Say that the command was interrupted, unless that was said."""
    if not hasattr(exc, "__notes__"):
        after_echo = "\n" if stderr().isatty() else ""  # the terminal has written ^C
        say(f"{after_echo}interrupted{more}")
        exc.add_note("told")
