"""Archives on web servers: index pages as servers write them, sizes that they leave out, ranges of files."""

import datetime as dt
import http.server
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import engine
from engine.archive import Archive
from engine.errors import ArchiveError, UnreadableError

NIGHTS = [dt.date(2021, 11, 22), dt.date(2021, 11, 23)]


class Plain(http.server.SimpleHTTPRequestHandler):
    """As `python -m http.server`: percent-encoded names, whole files only."""

    def log_message(self, *args) -> None:
        """Say nothing."""


class Apache(Plain):
    """As Apache: bare names in the index, links that sort it, that lead up and away; and ranges of files."""

    def list_directory(self, path):
        """Write an index page."""
        names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in Path(path).iterdir()]
        others = ["?C=N;O=D", "?C=M;O=A", "/", "../", "#top", "mailto:me@example.org", "https://example.org/year=2020/"]
        links = "".join(f'<a href="{link}">x</a>' for link in [*others, *names, "../year=2019/", "month=1/day=1/"])
        page = f"<html>{links}</html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        return io.BytesIO(page)

    def do_GET(self) -> None:
        """Answer with the range that is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not asked:
            return super().do_GET()
        data = Path(self.translate_path(self.path)).read_bytes()
        start, end = int(asked[1]), min(int(asked[2]) + 1, len(data))
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        self.wfile.write(data[start:end])
        return None


@contextmanager
def served(folder: Path, handler: type[Plain]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: handler(*args, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/science"
        server.shutdown()


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("web")
    engine.write_sample(home, nights=NIGHTS, alerts_per_night=20)
    (home / "science/year=2021/month=11/day=22/_SUCCESS").touch()
    (home / "science/year=2021/month=11/day=22/read me.txt").touch()
    (home / "science/year=2021/month=11/old_day=22").mkdir()
    return home


@pytest.mark.parametrize("handler", [Plain, Apache])
def test_an_index_page_is_read_as_the_folder_it_shows(sample, handler):
    with served(sample, handler) as url:
        archive = Archive(url)
        assert archive.nights() == NIGHTS
        listing = archive.listing(NIGHTS)
        local = Archive(str(sample / "science")).files(NIGHTS)
        assert [file.nbytes for file in listing.files] == [file.nbytes for file in local]
        assert [file.night for file in listing.files] == NIGHTS
        assert listing.passed_over == ("year=2021/month=11/day=22/read me.txt",)
        assert listing.beside == ("year=2021/month=11/old_day=22/",)
        assert listing.num_hidden == 1
        archive.check_unchanged(listing.files[0])


def test_alerts_are_read_over_http(sample):
    with served(sample, Apache) as url:
        request = engine.TransferRequest(archive=url, nights=NIGHTS, where="candidate.magpsf > 17")
        remote = engine.preview(request, limit=1000)
        local = engine.preview(replace(request, archive=str(sample / "science")), limit=1000)
    assert remote.num_rows
    assert str(remote.to_pylist()) == str(local.to_pylist())  # a NaN equals no other


def test_a_server_without_ranges_is_told_from_a_damaged_file(sample):
    with served(sample, Plain) as url:
        archive = Archive(url)
        with pytest.raises(ArchiveError, match="range") as caught:
            archive.footers(archive.files(NIGHTS), unreadable=[])
        assert not isinstance(caught.value, UnreadableError)
        assert "ranges of a file" in caught.value.next_step


def test_a_server_that_is_away_is_told_from_a_file_that_is_gone(sample):
    with served(sample, Apache) as url:
        archive = Archive(url)
        (file, *_) = archive.files(NIGHTS)
        archive.check_unchanged(file)
        path = sample / "science" / Path(file.path.partition("/science/")[2])
        path.rename(path.with_suffix(".away"))
        with pytest.raises(ArchiveError, match="and is gone"):
            archive.check_unchanged(file)
        path.with_suffix(".away").rename(path)
    with pytest.raises(ArchiveError, match="can't be read"):
        archive.check_unchanged(file)
