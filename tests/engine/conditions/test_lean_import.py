"""What dask-sql is imported without, and that its functions are there all the same."""

import json
import subprocess
import sys

import pytest

SERVER_AND_PROMPT = {"fastapi", "starlette", "uvicorn", "prompt_toolkit", "pygments", "dask_sql.server", "dask_sql.cmd"}
OURS = "import engine.conditions.dask_sql_adapter, dask_sql"


def told_by(code: str) -> object:
    """Return what a fresh interpreter prints of some code, as JSON."""
    found = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, timeout=120)
    return json.loads(found.stdout)


def test_neither_server_nor_prompt_is_imported():
    loaded = told_by(f"{OURS}\nimport json, sys\nprint(json.dumps(list(sys.modules)))")
    assert "dask_sql.context" in loaded
    assert SERVER_AND_PROMPT.isdisjoint(loaded)


@pytest.mark.parametrize("first", [OURS, "import warnings; warnings.simplefilter('ignore'); import dask_sql; " + OURS])
def test_whoever_wants_them_has_them(first):
    # The real functions: one of them is called through dask_sql, with what it does not take.
    code = f"""
{first}
import json, warnings
warnings.simplefilter("ignore")
try:
    dask_sql.run_server(nonsense=1)
except TypeError as exc:
    said = str(exc)
import dask_sql.cmd, dask_sql.server.app
print(json.dumps([said, dask_sql.cmd.__file__, dask_sql.server.app.__file__]))
"""
    said, *files = told_by(code)
    assert "nonsense" in said
    assert [file.rpartition("/")[2] for file in files] == ["cmd.py", "app.py"]
