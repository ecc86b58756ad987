"""A request in all its forms: each gives the same request, whatever stands in it; and the commands that show them."""

import io
import json
import sys

import pytest
from hypothesis import given, settings

from consumer.cli import command_named
from engine.errors import InputError, RequestError
from engine.request import TransferRequest
from tests.command_line import document, run_here
from tests.request_strategy import requests
from ui.cli import from_command

NIGHT = "2021-11-22"
REQUEST = TransferRequest(nights=NIGHT, where="-- faint\ncandidate.magpsf > 19.5;", classes=["SN candidate"])
VERBS = [verb for verb in ("plan", "estimate", "preview", "submit", "request") if command_named(verb)]


@settings(max_examples=60)
@given(requests())
def test_each_form_gives_the_same_request(request_):
    of_yaml = TransferRequest.from_yaml(request_.to_yaml())
    if any("\0" in text for value in request_.to_dict().values() if isinstance(value, list | str) for text in value):
        with pytest.raises(RequestError, match=r"U\+0000"):
            of_yaml.to_command()
        of_command = of_yaml
    else:
        of_command = from_command(of_yaml.to_command())
    made = {}
    exec(of_command.to_python(), made)
    of_link = TransferRequest.from_link(made["request"].to_link())
    assert of_yaml == of_command == made["request"] == of_link == request_


def test_a_shell_passes_on_what_the_command_says(tmp_path):
    """By a real shell, since our reading of its quotes could be wrong as our writing is."""
    import subprocess

    request = TransferRequest(
        nights=NIGHT,
        classes=["-x", "it's", 'a "b" $HOME `id`', "\\n", "C*", "!!"],
        where="--a\nxm.tns_type IN ('SN Ia');\n",
        topic="ftransfer_x",
        widen=["\x1b[2J", "\u202eb\x85c'\\", "é\U000e0001"],
    )
    command = request.to_command().removeprefix("alert-transfer ")
    shown = subprocess.run(
        ["bash", "-c", f'show() {{ printf "%s\\0" "$@"; }}\nshow {command}'],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    ).stdout.decode()
    words = shown.split("\0")[:-1]
    assert [word.removeprefix("--class=") for word in words if word.startswith("--class=")] == ["-x"]
    assert {*request.classes[1:], *request.widen, f"--where={request.where}"} <= {*words}


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_is_read_with_what_stands_around_it(verb):
    command = REQUEST.to_command(verb)
    assert command.startswith(f"alert-transfer {verb} ")
    assert from_command(f"$ {command}  # as in the paper\n") == REQUEST
    elsewhere = command.replace("alert-transfer ", "/opt/bin/alert-transfer --kafka a:1 ")
    assert from_command(f"{elsewhere} --json") == REQUEST
    assert from_command(command.removeprefix("alert-transfer ")) == REQUEST


def test_what_stands_for_other_options_counts():
    assert from_command(f"submit --nights {NIGHT} --test --wait").limit == 10
    assert from_command(f'request "{REQUEST.to_link()}" --limit 3').limit == 3
    assert from_command(f"plan --request='{REQUEST.to_link()}' --class Star").classes == ("Star",)
    quoted = [r"a\ b" + "\\\nc", r'"\$x \"y\" \z"', '"a\\\nb"', "d'e'\"f\""]
    words = from_command(f"plan --nights {NIGHT} --class " + " --class ".join(quoted))
    assert words.classes == ("a bc", '$x "y" \\z', "ab", "def")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "None"),
        ("", "no command"),
        ("rm -rf /", "no command"),
        ("alert-transfer jobs", "no command"),
        ("alert-transfer submit --help", "no command"),
        ("submit", "no nights"),
        ("submit --nights $(date)", "$(date)"),
        ('submit --nights "$NIGHT"', "$NIGHT"),
        ("submit --nights `date`", "`date`"),
        ("submit --nights 2021-11-22 | sh", "| sh"),
        ("submit --nights 2021-11-22; rm x", "; rm x"),
        ("submit --nights '2021-11-22", "not closed"),
        ('submit --nights "2021-11-22', "not closed"),
        ("submit --nights 2021-11-22\\", "a shell does more"),
        (f"submit --nights {NIGHT} --class $'\\UFFFFFFFF'", "UFFFFFFFF"),
        (f"submit --nights {NIGHT} --bogus", "--bogus"),
        (f"submit --nights {NIGHT} --limit ten", "ten"),
        (f"submit --nights {NIGHT} --limit 5 --test", "test=True"),
        (f"submit --nights {NIGHT} --topic a --topic b", "is given 2 times"),
        ("submit --request request.yaml", "request.yaml"),
        ("submit --request -", "'-'"),
        (f"submit --nights {NIGHT} --where @cuts.sql", "@cuts.sql"),
    ],
)
def test_what_is_no_command_of_a_request_is_told(text, said):
    with pytest.raises(InputError) as caught:
        from_command(text)
    assert said in str(caught.value)


def test_what_fits_into_no_command_has_its_yaml():
    long = TransferRequest(nights=NIGHT, where=f"candid IN ({', '.join(map(str, range(30_000)))})")
    with pytest.raises(RequestError, match="100,000") as caught:
        long.to_command()
    assert "YAML" in caught.value.next_step
    with pytest.raises(RequestError, match="'consume'"):
        REQUEST.to_command("consume")


# --- the commands -----------------------------------------------------------------------------------------------------


def test_the_command_shows_each_form(tmp_path):
    file = tmp_path / "request.yaml"
    file.write_text(REQUEST.to_yaml())
    expected = {
        "yaml": REQUEST.to_yaml(),
        "command": REQUEST.to_command() + "\n",
        "python": REQUEST.to_python(),
        "link": REQUEST.to_link() + "\n",
    }
    for form, text in expected.items():
        assert run_here("request", "--request", file, "--as", form).stdout == text
        shown = document(run_here("request", REQUEST.to_link(), "--as", form, "--json"))
        assert shown == {
            "request": REQUEST.to_dict(),
            "as": form,
            "text": text if form in ("yaml", "python") else text[:-1],
        }
    assert run_here("request", file).stdout == expected["yaml"]
    assert document(run_here("request", file, "--limit", 3, "--json")) == REQUEST.to_dict() | {"limit": 3}


def test_requests_of_a_link_and_of_stdin_are_taken(monkeypatch, tmp_path):
    url = f"https://somewhere/transfer{REQUEST.to_link()}"
    assert document(run_here("request", "--request", url, "--class", "Star", "--json"))["classes"] == ["Star"]

    def piped(content: bytes):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return run_here("request", "--request", "-", "--json")

    assert document(piped(b"\xef\xbb\xbf" + REQUEST.to_yaml().encode())) == REQUEST.to_dict()
    assert document(piped(REQUEST.to_link().encode() + b"\n")) == REQUEST.to_dict()
    for content, said in ((b"", "empty"), (b"\xff", "UTF-8"), (b"#" * 1_000_001, "1,000,000 bytes")):
        refused = piped(content)
        assert refused.returncode == 2
        assert said in json.loads(refused.stdout)["error"]["message"]
    monkeypatch.chdir(tmp_path)
    name = REQUEST.to_link().removeprefix("?q=")
    (tmp_path / name).write_text(f"nights: {NIGHT}\nlimit: 7\n")
    assert document(run_here("request", name, "--json"))["limit"] == 7, "a file that is there is a file"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("request",), "no nights"),
        (("request", "a.yaml", "--request", "b.yaml"), "twice"),
        (("request", "no-such.yaml"), "no-such.yaml"),
        (("request", "https://somewhere/?x=1"), "no q="),
        (("request", REQUEST.to_link()[:-5]), "cut off"),
        (("request", REQUEST.to_link(), "--as", "xml"), "xml"),
        (("status", "ftransfer_x", "--as", "link"), "--request"),
    ],
)
def test_what_is_wrong_is_told(words, said):
    done = run_here(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
