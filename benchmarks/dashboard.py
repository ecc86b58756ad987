"""The page under load: how fast it answers 20 sessions beside a job, what sessions leave in memory, the first paint.

    .venv/bin/python benchmarks/dashboard.py [--sessions 20] [--seconds 30] [--opened 200] [--browser /usr/bin/chromium]

Sessions are websockets that speak Bokeh's protocol, as the page's script does, so that no browser takes the server's
cores: each goes to another step, or chooses other nights, at a person's pace, and every change of nights has the query
estimated. A change is answered once the server has taken it in and says so. The job transfers whole alerts, again and
again, on a cluster of two workers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

import engine

STEP = "active"
NIGHTS_LABEL = "The same as text"
NIGHTS = [f"2021-11-{day}" for day in range(20, 25)]
_GOING_AWAY = 1001
"""The code by which browsers close the socket of a page that is left."""
_GIVEN_UP_S = 75.0
"""After so long the server has ended the sessions whose browsers are gone."""


class Visitor:
    """A session of the page, without a browser."""

    def __init__(self, url: str):
        self._url = url
        self._socket: WebSocketClientConnection | None = None
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> float:
        """Open the page and return how long its HTML took, in seconds."""
        begun = time.perf_counter()
        html = await asyncio.to_thread(lambda: urllib.request.urlopen(self._url).read().decode())
        took_s = time.perf_counter() - begun
        token = re.search(r'"token":"([^"]+)"', html)[1]
        request = HTTPRequest(self._url.replace("http", "ws", 1) + "ws", headers={"Origin": self._url.rstrip("/")})
        self._socket = await websocket_connect(request, subprotocols=["bokeh", token], max_message_size=200_000_000)
        for _ in range(3):  # the frames of ACK: now the server listens
            await self._socket.read_message()
        self._reading = asyncio.create_task(self._read())
        document = await self._ask("PULL-DOC-REQ", {})
        stepper = _attributes_of(document, lambda values: values.get("class_name") == "StepperMenu")
        nights = _attributes_of(
            document,
            lambda values: (
                isinstance(values.get("data"), dict)
                and values["data"].get("attributes", {}).get("label") == NIGHTS_LABEL
            ),
        )
        self._stepper, self._nights = stepper["data"]["id"], nights["data"]["id"] if nights else None
        return took_s

    async def go(self, chance: random.Random) -> float:
        """Change something and return how long it took until the server had taken it in, in seconds."""
        if self._nights and chance.random() < 0.5:
            changed = (self._nights, "value", ", ".join(sorted(chance.sample(NIGHTS, 2))))
        else:
            changed = (self._stepper, STEP, chance.randrange(4))
        model, name, value = changed
        event = {"kind": "ModelChanged", "model": {"id": model}, "attr": name, "new": value}
        begun = time.perf_counter()
        await self._ask("PATCH-DOC", {"events": [event]})
        return time.perf_counter() - begun

    async def close(self) -> None:
        """Close the page as a browser does."""
        self._socket.close(_GOING_AWAY)
        await self._reading

    async def _ask(self, kind: str, content: dict[str, Any]) -> Any:
        identity = uuid.uuid4().hex
        answer = self._answers[identity] = asyncio.get_running_loop().create_future()
        for frame in ({"msgid": identity, "msgtype": kind}, {}, content):
            await self._socket.write_message(json.dumps(frame))
        return await asyncio.wait_for(answer, 120)

    async def _frames(self, number: int) -> list[Any]:
        """Return the next frames of the server; none once the socket is closed, be it within a message."""
        found = []
        while len(found) < number and (frame := await self._socket.read_message()) is not None:
            found.append(frame)
        return found if len(found) == number else []

    async def _read(self) -> None:
        while message := await self._frames(3):
            header, content = json.loads(message[0]), message[2]
            if (num_frames := 2 * header.get("num_buffers", 0)) and not await self._frames(num_frames):
                return
            asked = self._answers.pop(header.get("reqid", ""), None)
            if asked is not None and not asked.done():
                if header["msgtype"] == "ERROR":
                    asked.set_exception(RuntimeError(content))
                else:
                    asked.set_result(json.loads(content))


def _attributes_of(document: Any, is_meant: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the attributes of the first model that is meant, none if there is none."""
    left = [document]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            values = one.get("attributes")
            if isinstance(values, dict) and is_meant(values):
                return values
            left += one.values()
        elif isinstance(one, list):
            left += one
    return {}


@contextlib.contextmanager
def jobs(archive: str, client: Any, kafka: str) -> Iterator[list[str]]:
    """Run one job after the other; yields their topics so far."""
    ended, topics = threading.Event(), []
    request = engine.TransferRequest(archive=archive, nights=NIGHTS, content="full")

    def run() -> None:
        while not ended.is_set():
            with contextlib.closing(engine.submit(request, client=client, kafka=kafka)) as job:
                topics.append(job.topic)
                job.wait()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield topics
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def served(archive: str, *words: str) -> Iterator[dict[str, Any]]:
    """Serve the page, and yield what the command says of it."""
    command = [str(Path(sys.executable).with_name("alert-transfer")), "serve", "--port", "0", "--archive", archive]
    with subprocess.Popen([*command, *words, "--json"], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.terminate()


async def load(url: str, num_sessions: int, seconds: float) -> list[float]:
    """Have sessions used for a while; returns how long each change took, in seconds."""
    visitors = [Visitor(url) for _ in range(num_sessions)]
    for visitor in visitors:
        await visitor.open()
    until = time.monotonic() + seconds

    async def use(visitor: Visitor, chance: random.Random) -> list[float]:
        found = []
        while time.monotonic() < until:
            await asyncio.sleep(chance.uniform(0.5, 3))
            found.append(await visitor.go(chance))
        return found

    found = await asyncio.gather(*(use(visitor, random.Random(at)) for at, visitor in enumerate(visitors)))
    for visitor in visitors:
        await visitor.close()
    return [one for each in found for one in each]


async def memory(url: str, pid: int, numbers: tuple[int, ...]) -> list[int]:
    """Open and close sessions; returns the server's memory after so many of them in all, once they have been ended."""
    found, opened = [], 0
    for number in numbers:
        while opened < number:
            visitor = Visitor(url)
            await visitor.open()
            await visitor.go(random.Random(opened))
            await visitor.close()
            opened += 1
        await asyncio.sleep(_GIVEN_UP_S)
        found.append(psutil.Process(pid).memory_info().rss)
    return found


def first_paint(url: str, browser: str, rounds: int = 3) -> tuple[float, float]:
    """Return when a browser paints first, and when the first step can be used; seconds, medians of new browsers."""
    from playwright.sync_api import sync_playwright

    painted, usable = [], []
    with sync_playwright() as playwright:
        for _ in range(rounds):
            window = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
            page = window.new_page()
            begun = time.perf_counter()
            page.goto(url)
            page.get_by_role("textbox", name=NIGHTS_LABEL).wait_for()
            usable.append(time.perf_counter() - begun)
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            painted.append(page.evaluate(paint) / 1000)
            window.close()
    return statistics.median(painted), statistics.median(usable)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--opened", type=int, default=200, help="sessions opened and closed in all; 0 leaves it out")
    parser.add_argument("--num-procs", type=int, default=1)
    parser.add_argument("--browser", help="a Chrome or Chromium, for the first paint")
    options = parser.parse_args()
    table = Table("what", "measured")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        archive = engine.write_sample(folder, nights=NIGHTS, alerts_per_night=2_000).archive
        broker = stack.enter_context(engine.start_broker())
        client = stack.enter_context(engine.local_cluster(num_workers=2))
        words = ("--kafka", broker.bootstrap, "--dask", client.scheduler.address)
        said = stack.enter_context(served(archive, *words, "--num-procs", str(options.num_procs)))
        url = said["url"]
        if options.browser:
            painted_s, usable_s = first_paint(url, options.browser)
            table.add_row("first paint; first step usable", f"{painted_s:.2f} s; {usable_s:.2f} s")
        with jobs(archive, client, broker.bootstrap) as topics:
            found = sorted(asyncio.run(load(url, options.sessions, options.seconds)))
        tells = ", ".join(f"{name} {1000 * found[int(share * (len(found) - 1))]:.0f} ms" for name, share in SHARES)
        table.add_row(f"{len(found)} changes, {options.sessions} sessions, {len(topics)} jobs", tells)
        if options.opened:
            numbers = (min(50, options.opened), options.opened)
            before, after = asyncio.run(memory(url, said["pid"], numbers))
            table.add_row(
                f"memory after {numbers[0]} and {numbers[1]} sessions",
                f"{before / 1e6:.0f} MB, {after / 1e6:.0f} MB ({(after - before) / 1e6:+.1f} MB)",
            )
    load_now = os.getloadavg()[0]
    table.caption = f"{os.cpu_count()} cores, load {load_now:.1f}"
    Console().print(table)


SHARES = (("median", 0.5), ("95th percentile", 0.95), ("worst", 1.0))

if __name__ == "__main__":
    main()
