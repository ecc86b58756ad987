"""The barest client of an S3 server: ranges of objects by HTTP alone, into memory, and thrown away.

What it takes beside a server and a proxy on the same cores no reader of these bytes can do without.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import s3fs

__all__ = ["fetch_bare"]

_PART_NBYTES = 8 * 1024 * 1024
_AT_ONCE = 16


def fetch_bare(options: Mapping[str, Any], objects: Sequence[tuple[str, int]]) -> int:
    """Return how many bytes came of objects, all of whose bytes are fetched: 16 requests at once, 8 MiB each.

    Parameters
    ----------
    options
        fsspec's storage options.
    objects
        Bucket and key, and the bytes of each.
    """
    files = s3fs.S3FileSystem(**options, config_kwargs={"signature_version": "s3v4"})
    urls = [files.url(path) for path, _ in objects]
    sizes = [nbytes for _, nbytes in objects]
    parts = [
        (url, start, nbytes)
        for url, nbytes in zip(urls, sizes, strict=True)
        for start in range(0, nbytes, _PART_NBYTES)
    ]
    own = threading.local()

    def fetch(part: tuple[str, int, int]) -> int:
        url, start, nbytes = part
        if not hasattr(own, "room"):
            own.room = memoryview(bytearray(_PART_NBYTES))
            own.connection = http.client.HTTPConnection(urlsplit(url).netloc)
        end = min(start + _PART_NBYTES, nbytes)
        target = urlsplit(url)._replace(scheme="", netloc="").geturl()
        own.connection.request("GET", target, headers={"Range": f"bytes={start}-{end - 1}"})
        answer = own.connection.getresponse()
        assert answer.status == http.client.PARTIAL_CONTENT, answer.status
        num_came = 0
        while num_came < end - start and (came := answer.readinto(own.room[num_came : end - start])):
            num_came += came
        answer.read()
        return num_came

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(fetch, parts))
