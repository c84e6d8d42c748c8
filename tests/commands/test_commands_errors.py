"""What a person sees when something is wrong: one clear message, and the right exit status."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.embedded.servers import EmbeddedServers
from core.settings import Settings

GOOD = {
    "CLIO_CLIENT_ID": "id",
    "CLIO_CLIENT_SECRET": "of clio",
    "JWT_SECRET": "x" * 32,
    "ENCRYPTION_KEYS": "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}


def clio_service(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing of ours in its environment but what is given."""
    ours = {name.upper() for name in Settings.model_fields}
    base = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "-c", "from core.cli import main; main()", *argv],
        env={**base, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def last_line(answer: subprocess.CompletedProcess[str]) -> str:
    return answer.stderr.strip().splitlines()[-1]


def test_missing_settings_are_listed_at_once() -> None:
    answer = clio_service("serve")
    assert answer.returncode == 1
    assert "4 setting(s) need attention (see docs/settings.md)" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_wrong_use_says_how_and_exits_with_2() -> None:
    answer = clio_service("token", **GOOD)
    assert (answer.returncode, "name the firms with --firm" in answer.stderr) == (2, True)
    assert clio_service("no-such-command").returncode == 2


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_an_unreachable_database_is_one_message(command: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answer = clio_service(
        command,
        **GOOD,
        PORT=str(port),
        DATA_DIR=str(tmp_path),
        DATABASE_URL="postgresql://clio:hunter2@127.0.0.1:1/clio",
        REDIS_URL="redis://127.0.0.1:1/0",
    )
    assert answer.returncode == 1
    assert last_line(answer).startswith("clio-service: cannot connect to PostgreSQL")
    assert "hunter2" not in answer.stderr
    assert "Traceback" not in answer.stderr


async def test_an_unreachable_redis_is_one_message(servers: EmbeddedServers, database_url: str) -> None:
    assert servers.database_url
    answer = clio_service("worker", **GOOD, DATABASE_URL=database_url, REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    assert answer.returncode == 1
    assert last_line(answer).startswith("clio-service: cannot connect to Redis")
    assert "hunter2" not in answer.stderr


@pytest.mark.parametrize("command", [["serve"], ["demo"]])
def test_an_occupied_port_is_named_with_the_setting_that_moves_it(command: list[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        options = ["--port", port] if command == ["demo"] else []
        answer = clio_service(*command, *options, **GOOD, PORT=port, DATA_DIR=str(tmp_path))
    assert answer.returncode == 1
    assert f"port {port} on 127.0.0.1 is taken by another process: stop it, or set PORT" in last_line(answer)
    assert list(tmp_path.iterdir()) == []  # nothing was started


def test_a_token_is_printed_alone_on_stdout() -> None:
    answer = clio_service("token", "--firm", "1", "--scope", "read", **GOOD)
    assert answer.returncode == 0
    assert answer.stdout.count(".") == 2
    assert len(answer.stdout.split()) == 1


@pytest.mark.parametrize(
    "command", ["serve", "worker", "migrate", "connect", "sync", "reconcile", "token", "demo", "plugins"]
)
def test_every_help_ends_with_an_example(command: str) -> None:
    answer = clio_service(command, "--help")
    assert answer.returncode == 0
    assert answer.stdout.strip().splitlines()[-1].strip().startswith("Example: ")
