"""Requests as Python: laid out as black does, and equal when run."""

import subprocess
import sys

from engine.request import TransferRequest

WHERE = "-- faint ones, away from what is known\ncandidate.magpsf > 19.5;\ncandidate.ssnamenr = 'it''s';\n"


def test_a_short_one_is_one_line():
    request = TransferRequest(nights="2021-11-22", classes=["SN candidate"])
    assert request.to_python() == (
        'import engine\n\nrequest = engine.TransferRequest(nights="2021-11-22", classes=["SN candidate"])\n'
    )


def test_a_long_one_is_laid_out_as_a_formatter_does():
    request = TransferRequest(
        nights=["2021-11-22", "2022-01"],
        archive="s3://bucket/science",
        classes=[f"a label of some length {number}" for number in range(6)],
        where=[WHERE, 'candidate.ssnamenr = "a"', "a\\b = '\"'"],
        content="fields",
        fields=["candidate.magpsf", "x" * 100],
        limit=5,
        skip_unreadable=True,
    )
    text = request.to_python()
    assert '            "candidate.magpsf > 19.5;\\n"\n' in text
    formatter = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=88", "-"]
    assert subprocess.run(formatter, input=text, capture_output=True, text=True, check=True).stdout == text
    made = {}
    exec(text, made)
    assert made["request"] == request
