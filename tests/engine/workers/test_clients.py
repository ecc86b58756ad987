"""What a synchronous function says to a client that it can't use, before anything is started."""

import asyncio
import threading
import time

import distributed
import pytest

import engine
from engine.errors import InputError

REQUEST = engine.TransferRequest(archive="/nowhere", nights="2021-11-22")
CALLS = {
    "submit": lambda client: engine.submit(REQUEST, client=client, kafka="localhost:1"),
    "resume": lambda client: engine.resume("ftransfer_ztf_1", client=client, kafka="localhost:1"),
    "preview": lambda client: engine.preview(REQUEST, client=client),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_asynchronous_client_is_refused_at_once(name, dask_client):
    assert getattr(engine, name), "imported now, which takes seconds"

    async def call() -> InputError:
        async with distributed.Client(dask_client.scheduler.address, asynchronous=True, set_as_default=False) as client:
            began = time.monotonic()
            with pytest.raises(InputError, match="asynchronous") as raised:
                CALLS[name](client)
            assert time.monotonic() - began < 8
            return raised.value

    told = asyncio.run(call())
    assert f"engine.{name}" in told.message
    assert f"await engine.aio.{name}(" in told.next_step


def test_the_way_that_it_names_works(dask_client, tmp_path):
    archive = engine.write_sample(tmp_path, nights=["2021-11-22"], alerts_per_night=3).archive
    request = engine.TransferRequest(archive=archive, nights="2021-11-22")

    async def call() -> int:
        with distributed.Client(dask_client.scheduler.address, asynchronous=False, set_as_default=False) as client:
            found = await engine.aio.preview(request, client=client)
            return found.num_rows

    assert asyncio.run(call()) == 3


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_client_is_refused(name):
    with pytest.raises(InputError, match="str") as raised:
        CALLS[name]("tcp://127.0.0.1:8786")
    assert "distributed.Client" in raised.value.next_step


def test_a_client_of_a_loop_that_runs_elsewhere_is_synchronous(dask_client):
    """Nothing but the client itself decides: a thread, or a loop of its own, does not make it asynchronous."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(engine.workers.check_client(dask_client, "submit")))
    thread.start()
    thread.join()
    assert found == [None]
