"""One survey's names stand in its own folder: elsewhere only where a face or the wire has them, or as an example."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORD = re.compile(r"\b(ztf|lsst|candid|objectId|jd|magpsf)\b", re.IGNORECASE)

JD = "jd('2021-11-22') is a function of conditions, whatever survey they are for"
EXAMPLE = "an example in the terms of the survey that is the default"
CHOICE = "the names of the surveys, which a user types"
ALLOWED = {
    # Paths from the root, or folders -> the words that may stand there, and why.
    "engine/surveys": (None, "each survey's own names"),
    "engine/sample": (None, "each survey's own alerts"),
    "engine/enrichment": (None, "the rules of the broker for ZTF's alerts, which are that survey's enrichments"),
    "engine/conditions/functions": (
        {"jd", "magpsf", "objectid", "candid", "ztf"},
        f"{JD}; each function has {EXAMPLE}, for the page",
    ),
    "engine/conditions": ({"jd", "objectid", "magpsf"}, f"{JD}; {EXAMPLE}"),
    "engine/sky": ({"jd"}, JD),
    "engine/schema": ({"magpsf"}, EXAMPLE),
    "engine/archive": ({"jd", "magpsf"}, EXAMPLE),
    "engine/catalogue": ({"ztf"}, CHOICE),
    "engine/planning": ({"ztf", "jd", "magpsf"}, f"{CHOICE}; {EXAMPLE}"),
    "engine/request": ({"ztf"}, CHOICE),
    "consumer/terms.py": ({"ztf", "lsst"}, CHOICE),
    "consumer/cli/examples.py": ({"lsst", "magpsf", "jd"}, f"{CHOICE}; {EXAMPLE}, which ends the help of commands"),
    "consumer/wire": ({"jd", "candid"}, "time scales, and paths of plans, are named on the wire"),
    "consumer/dataset/partition.py": ({"candid"}, EXAMPLE),
    "consumer/settings": ({"ztf", "lsst"}, CHOICE),
    "ui/dashboard": ({"ztf", "magpsf", "jd"}, f"{CHOICE}; {EXAMPLE}; a time scale, as it is named on the wire"),
    "ui/cli": ({"ztf", "lsst", "magpsf", "objectid", "jd"}, f"{CHOICE}; {EXAMPLE}, which `demo` shows"),
}


def allowed_in(path: str) -> set[str] | None:
    """Return the words that may stand in a file; None for all."""
    fitting = [place for place in ALLOWED if path == place or path.startswith(f"{place}/")]
    return ALLOWED[max(fitting, key=len)][0] if fitting else set()


def found() -> list[tuple[str, int, str]]:
    files = [file for room in ("engine", "consumer", "ui") for file in sorted((ROOT / room).rglob("*.py*"))]
    return [
        (str(file.relative_to(ROOT)), number, match[1].lower())
        for file in files
        if file.suffix in (".py", ".pyi")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for match in WORD.finditer(line)
    ]


def test_no_survey_is_named_outside_its_folder():
    strange = []
    for path, number, word in found():
        words = allowed_in(path)
        if words is not None and word not in words:
            strange.append(f"{path}:{number}: {word}")
    assert strange == []


def test_every_exception_is_needed():
    for place, (words, reason) in ALLOWED.items():
        assert reason
        here = {word for path, _, word in found() if path == place or path.startswith(f"{place}/")}
        assert here >= (words or set()), place
        assert here, place
