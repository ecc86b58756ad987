"""The client that the service's users have today, in an environment of its own: it pins other versions than ours."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["finkctl"]

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-fink-client.lock"
_IMPORTS = "import fink_client.scripts.finkctl_register, fink_client.scripts.finkctl_transfer"
UV = str(Path(sys.executable).parent / "uv")


def finkctl() -> str:
    """Return the client's command; the first call makes its environment."""
    folder = ROOT / ".venvs" / "fink-client"
    mark, wanted = folder / "installed", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        install = [UV, "pip", "install", "--quiet", "--python", folder / "bin/python", "--require-hashes", "-r", LOCK]
        subprocess.run(install, check=True)
        # What the client imports is compiled once, not by each of its processes: a sixth of what is installed.
        written = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run([folder / "bin/python", "-c", _IMPORTS], env=written, check=True)
        mark.write_text(wanted)
    return str(folder / "bin" / "finkctl")
