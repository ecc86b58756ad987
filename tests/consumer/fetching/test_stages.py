"""Work side by side: in order, bounded, and ended with everything that was begun."""

import contextlib
import threading

import pytest

from consumer.fetching.stages import Stage, StoppedError, running


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("alert-transfer")]


def hand_over(stage: Stage, items) -> None:
    for item in items:
        assert stage.put(item, 30)


def wait_for(stage: Stage) -> None:
    while not stage.wait(1):
        pass


def test_items_are_worked_on_in_order_and_all_of_them():
    done = []
    second = Stage("second", done.append, most=1)
    first = Stage("first", lambda item: second.put(item * 2), most=3)
    with running(first, second):
        for item in range(200):
            assert first.put(item)
        while not (first.wait(1) and second.wait(1)):
            pass
        assert done == list(range(0, 400, 2))
    assert threads() == []


def test_no_more_is_taken_than_there_is_room_for():
    may_go_on, began = threading.Event(), threading.Event()

    def work(item) -> None:
        began.set()
        may_go_on.wait(150)

    stage = Stage("slow", work, most=2)
    with running(stage):
        assert stage.put(1)
        assert began.wait(150)
        assert stage.put(2)
        assert not stage.put(3, 0.01)
        assert not stage.wait(0.01)
        may_go_on.set()
        assert stage.put(3, 30)
        assert stage.wait(150)


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError(), OSError(28, "full")])
def test_an_error_comes_out_where_the_work_came_from_and_ends_every_thread(error):
    def fail(item) -> None:
        raise error

    last = Stage("last", fail, most=1)
    first = Stage("first", last.put, most=1)
    with pytest.raises(type(error)) as caught, running(first, last):
        hand_over(first, range(1000))
    assert caught.value is error
    assert threads() == []


def test_whoever_waits_for_the_end_is_told_of_an_error():
    def fail(item) -> None:
        raise ValueError("no")

    stage = Stage("fails", fail, most=1)
    with running(stage):
        stage.put(1)
        with pytest.raises(ValueError, match="no"):
            wait_for(stage)


def test_what_is_stopped_half_way_drops_what_waits_and_leaves_no_thread():
    done, began = [], threading.Event()

    def work(item) -> None:
        began.set()
        while True:
            stage.check_wanted()

    stage = Stage("endless", work, most=5)
    full = Stage("full", lambda item: stage.put(item), most=1)
    with contextlib.suppress(KeyboardInterrupt), running(full, stage):
        hand_over(full, range(6))  # five are there, of which one is at work, and a sixth waits to be put there
        assert began.wait(150)
        raise KeyboardInterrupt
    assert threads() == done == []
    with pytest.raises(StoppedError):
        stage.put(9)


def test_ctrl_c_while_threads_are_waited_for_does_not_leave_them_behind(monkeypatch):
    may_go_on = threading.Event()
    stage = Stage("slow", lambda item: may_go_on.wait(150), most=1)
    join, calls = threading.Thread.join, []

    def interrupted(thread, timeout=None):
        calls.append(timeout)
        if len(calls) == 1:
            raise KeyboardInterrupt
        may_go_on.set()
        join(thread, timeout)

    stage.start()
    stage.put(1)
    stage.stop()
    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stage.join()
    assert len(calls) > 1
    assert threads() == []
