"""Options and the file of a request: which wins, what is given twice, what `@` reads."""

import json

import click
import pytest
from click.testing import CliRunner

from consumer.cli import Command, Group
from consumer.cli.commands import _group
from consumer.cli.console import report
from consumer.terms import command_line_terms
from engine.errors import InputError
from engine.request import TransferRequest
from ui.cli.options import request_from, request_options

NIGHTS = ("--nights", "2021-11-22")
FILE = """
survey: ztf
archive: of/file
nights: 2019-09
classes: [Star, QSO]
exclude_classes: [Galaxy]
where: candidate.rb > 0.1
content: fields
fields: [candid]
limit: 7
topic: ftransfer_of_file
tns_catalogue: of/file.parquet
skip_unreadable: true
widen: [candidate.fid]
"""


def made(*arguments: object) -> TransferRequest:
    """Return the request that options make up."""
    found = []

    @click.command(cls=Command)
    @request_options
    def command(**values):
        found.append(request_from(values))

    CliRunner().invoke(command, [*map(str, arguments)], standalone_mode=False, catch_exceptions=False)
    (request,) = found
    return request


def refused(*arguments: object) -> str:
    """Return what is told of options that make up no request."""

    @click.command(cls=Command)
    @request_options
    def command(**values):
        request_from(values)

    with command_line_terms():
        with pytest.raises((InputError, click.UsageError)) as caught:
            command.main([*map(str, arguments)], standalone_mode=False)
        error = caught.value
        return error.format_message() if isinstance(error, click.UsageError) else str(error)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "request.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ((), {}),
        (("--survey", "ztf"), {}),
        (("--archive", "of/option"), {"archive": "of/option"}),
        (NIGHTS, {"nights": ["2021-11-22"]}),
        ((*NIGHTS, "--nights", "2021-12"), {"nights": ["2021-11-22", "2021-12"]}),
        (("--class", "allclasses"), {"classes": ["allclasses"]}),
        (("--class", "a", "--class", "b"), {"classes": ["a", "b"]}),
        (("--exclude-class", "Star"), {"exclude_classes": ["Star"]}),
        (("--where", "true"), {"where": "true"}),
        (("--where", "a > 1; b > 2"), {"where": "a > 1; b > 2"}),
        (("--where", "a > 1", "--where", "b > 2"), {"where": ["a > 1", "b > 2"]}),
        (("--content", "lightcurve"), {"content": None, "fields": None}),
        (("--content", "cutouts"), {"content": "cutouts", "fields": None}),
        (("--content", "fields"), {}),
        (("--content", "fields", "--field", "x"), {"fields": ["x"]}),
        (("--field", "x", "--field", "y"), {"fields": ["x", "y"]}),
        (("--limit", "3"), {"limit": 3}),
        (("--topic", "ftransfer_of_option"), {"topic": "ftransfer_of_option"}),
        (("--tns-catalogue", "of/option.parquet"), {"tns_catalogue": "of/option.parquet"}),
        (("--skip-unreadable",), {}),
        (("--no-skip-unreadable",), {"skip_unreadable": None}),
        (("--widen", "candid"), {"widen": ["candid"]}),
    ],
)
def test_an_option_wins_over_the_file(file, options, changed):
    of_file = TransferRequest.from_yaml(FILE).to_dict()
    expected = {name: value for name, value in (of_file | changed).items() if value is not None}
    assert made("--request", file, *options).to_dict() == expected
    assert set(TransferRequest.__dataclass_fields__) == {*of_file, "survey"}, "the file has every key"


@pytest.mark.parametrize("content", ["lightcurve", "cutouts", "medium", "full"])
def test_fields_and_content_in_every_combination(tmp_path, content):
    path = tmp_path / "request.yaml"
    path.write_text(f"nights: 2021-11-22\ncontent: {content}\n")
    assert made("--request", path).content == content
    request = made("--request", path, "--field", "candid")
    assert (request.content, request.fields) == ("fields", ("candid",))
    request = made("--request", path, "--content", "fields", "--field", "candid")
    assert (request.content, request.fields) == ("fields", ("candid",))
    assert made(*NIGHTS, "--field", "candid").content == "fields"
    for given in (("--request", path), NIGHTS):
        told = refused(*given, "--content", content, "--field", "candid")
        assert "contradict each other" in told
        assert f"--content '{content}'" in told
        assert "--field" in told
    assert "belong together" in refused("--request", path, "--content", "fields")


@pytest.mark.parametrize(
    "options",
    [
        ("--request", "a"),
        ("--survey", "ztf"),
        ("--archive", "a"),
        ("--content", "full"),
        ("--limit", "1"),
        ("--topic", "ftransfer_a"),
        ("--tns-catalogue", "a"),
    ],
)
def test_what_can_count_once_is_refused_twice_and_empty(options):
    name, value = options
    assert f"{name} is given 2 times" in refused(*NIGHTS, name, value, name, value)
    assert f"{name} is given 3 times" in refused(*NIGHTS, f"{name}={value}", name, value, name, value)
    if name != "--limit":
        assert f"{name} is empty" in refused(*NIGHTS, name, "")


def test_a_flag_and_its_opposite_are_refused():
    both = refused(*NIGHTS, "--skip-unreadable", "--no-skip-unreadable")
    assert "--no-skip-unreadable" in both
    assert made(*NIGHTS, "--skip-unreadable", "--skip-unreadable").skip_unreadable


def every_command(group: click.Group = _group, name: str = "alert-transfer"):
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        yield f"{name} {word}", command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{name} {word}")


def test_no_command_lets_options_vanish():
    commands = dict(every_command())
    assert len(commands) > 14
    assert [name for name, command in commands.items() if not isinstance(command, Command | Group)] == []
    assert isinstance(_group, Group)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--kafka a:1 --kafka b:1 jobs", "--kafka"),
        ("jobs --kafka a:1 --kafka b:1", "--kafka"),
        ("jobs --kafka=", "--kafka"),
        ("status ftransfer_x --config a --config b", "--config"),
        ("resume ftransfer_x --dask a --dask b", "--dask"),
        ("consume ftransfer_x --outdir a --outdir b", "--outdir"),
        ("consume ftransfer_x --outdir a --limit 1 --limit 2", "--limit"),
        ("archive sample x --seed 1 --seed 2", "--seed"),
        ("archive info --archive a --archive b", "--archive"),
        ("broker --port 1 --port 2", "--port"),
        ("demo --dir a --dir b", "--dir"),
        ("submit --nights 2021-11-22 --test --limit 3", "--test"),
        ("submit --nights 2021-11-22 --limit 10 --test", "--test"),
    ],
)
def test_commands_refuse_what_would_vanish(words, option, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert report(_group, words.split()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert option in told.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (
            b"\xef\xbb\xbfcandidate.rb > 0.5;\r\n-- good\r\ncandidate.fid = 1;",
            "candidate.rb > 0.5;\n-- good\ncandidate.fid = 1;",
        ),
        (b"-- old lines\rcandidate.fid = 1\r", "-- old lines\ncandidate.fid = 1\n"),
    ],
)
def test_a_file_of_conditions_is_read(tmp_path, data, where):
    path = tmp_path / "cuts.sql"
    path.write_bytes(data)
    assert made(*NIGHTS, "--where", f"@{path}").where == where
    assert made(*NIGHTS, "--where", "a > 1", "--where", f"@{path}").where == ("a > 1", where)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "can't be read"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        ("a > 1".encode("utf-16"), "UTF-16"),
        (b"\xe9 > 1", "not UTF-8"),
        (b"x" * 1_000_001, "1,000,000 bytes"),
        (b"@other.sql", "@other.sql"),
    ],
)
def test_a_file_of_conditions_that_is_none_is_told(tmp_path, data, said):
    path = tmp_path / "cuts.sql"
    if data is not None:
        path.write_bytes(data)
    told = refused(*NIGHTS, "--where", f"@{path}")
    assert said in told
    assert len(told) < 600


def test_a_folder_and_nothing_at_all_are_no_conditions(tmp_path):
    assert "can't be read" in refused(*NIGHTS, "--where", f"@{tmp_path}")
    assert "can't be read" in refused(*NIGHTS, "--where", "@")
    assert "--where is empty" in refused(*NIGHTS, "--where", " ")
    assert "--where is empty" in refused(*NIGHTS, "--where", "", "--where", "a > 1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nights: 2021-11-22\nwhere: a > 1\nwhere: b > 2\n", "lines 2 and 3"),
        ("nights: 2021-11-22\nwhere: '@cuts.sql'\n", "@cuts.sql"),
        ("nights: 2021-11-22\nclass: Star\n", "did you mean 'classes'"),
        ("nights: 2021-11-22\nfilters: a > 1\n", "did you mean 'where'"),
        ("night: 2021-11-22\n", "did you mean 'nights'"),
        ("Nights: 2021-11-22\n", "did you mean 'nights'"),
        ("nights: 2021-11-22\nkafka: a:1\n", "configuration"),
        ("nights: 20211122\n", "did you mean 2021-11-22?"),
        ("nights: 2021-02-30\n", "2021-02-28"),
        ("nights:\n", "no nights"),
        ("", "empty"),
        ("# nothing\n", "empty"),
    ],
)
def test_a_file_that_says_two_things_or_none_is_told(tmp_path, text, said):
    path = tmp_path / "request.yaml"
    path.write_text(text)
    assert said in refused("--request", path)


def test_a_limit_of_nothing_is_told():
    assert "limit is 0" in refused(*NIGHTS, "--limit", "0")
    assert "limit is -1" in refused(*NIGHTS, "--limit", "-1")


def in_process(capsys, *words: object) -> tuple[int, dict | list]:
    code = report(_group, [*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_archives_of_option_file_environment_and_configuration(capsys, tmp_path, monkeypatch, shared_archive):
    """Each wins over those after it: one of them is an archive, those after it are none."""
    request, config = tmp_path / "request.yaml", tmp_path / "config.yaml"
    for place in ("option", "file", "environment", "configuration"):
        roots = dict.fromkeys(("option", "file", "environment", "configuration"))
        for other in list(roots)[list(roots).index(place) :]:
            roots[other] = shared_archive if other == place else "nowhere"
        request.write_text(f"nights: 2021-11\narchive: {roots['file'] or '~'}\n")
        config.write_text(f"archive: {roots['configuration'] or '~'}\n")
        monkeypatch.setenv("ALERT_TRANSFER_ARCHIVE", str(roots["environment"] or ""))
        option = ("--archive", roots["option"]) if roots["option"] else ()
        code, plan = in_process(capsys, "plan", "--request", request, "--config", config, *option)
        assert (code, plan.get("num_archive_alerts")) == (0, 67), place


def test_how_many_a_preview_shows(capsys, tmp_path, shared_archive):
    request = tmp_path / "request.yaml"
    request.write_text(f"archive: {shared_archive}\nnights: 2021-11\nlimit: 3\n")
    assert len(in_process(capsys, "preview", "--request", request)[1]) == 3
    assert len(in_process(capsys, "preview", "--request", request, "--limit", 5)[1]) == 5
    code, told = in_process(capsys, "preview", "--request", request, "--limit", 0)
    assert (code, told["error"]["message"]) == (2, "limit is 0")


def test_a_preview_of_alerts_tells_the_notes_too(capsys, shared_archive):
    words = ("--archive", shared_archive, "--nights", "2021-11", "--where", "candidate.fid < 3 OR candidate.fid > 2")
    assert report(_group, ["preview", *map(str, words), "--json"]) == 0
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 10
    assert "note: the conditions select every alert" not in said.err
    assert "note: one of candidate.fid < 3 and candidate.fid > 2 is true of every alert" in said.err
