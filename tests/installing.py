"""Packages installed as a stranger would install them, and our command run where they are found."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def install(site: Path, sources: Iterable[Path]) -> Path:
    """Let pip build packages from their source and install them into a folder; it reaches no index."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", str(site), *map(str, sorted(sources))], check=True)
    return site


def run(
    site: Path | None, *argv: str, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python where the packages in `site` are found."""
    paths = [str(ROOT), *([str(site)] if site else []), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def clio_service(site: Path | None, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `clio-service` where the packages in `site` are found."""
    return run(site, "-c", "from core.cli import main; main()", *argv, environment=environment)
