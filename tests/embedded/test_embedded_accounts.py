"""Root and ordinary users: who the servers run as, and what they can reach."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from core.embedded.accounts import Account, can_use, server_account
from core.embedded.child import spawn, wait_ended
from core.embedded.errors import EmbeddedServerError
from core.embedded.postgres_programs import NEEDED, find_postgres, reachable_postgres
from core.embedded.servers import EmbeddedServers
from tests.embedded.embedded_parents import REPOSITORY, hold_servers, nothing_left

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to become")

# Makes the interpreter reachable in a mount namespace of this command alone, then becomes the user: some
# interpreters live in a home folder that nobody else may enter.
OPENED_INTERPRETER = """
mount --bind "$1" "$2" && mount -t tmpfs -o mode=755 tmpfs "$3" && mkdir -p "$1" && mount --bind "$2" "$1" || exit 77
user=$4; shift 4; exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
"""


@pytest.fixture
def nobody(tmp_path: Path) -> Account:
    """The account that servers of root run as."""
    account = server_account(tmp_path / "absent")
    assert account is not None
    return account


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that everybody can reach, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def become(account: Account, mount_point: Path) -> list[str]:
    """Return the command that runs Python as the account; skips where this machine does not allow it."""
    prefix = Path(sys.base_prefix)
    closed = [path for path in reversed([prefix, *prefix.parents]) if not can_use(path, account)]
    tools = [shutil.which(name) for name in ("setpriv", "unshare")]
    if not all(tools) or not can_use(REPOSITORY / "core" / "__init__.py", account):
        pytest.skip("needs setpriv and unshare, and a checkout that other users can read")
    if not closed:
        return ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    mount_point.mkdir()
    command = ["unshare", "-m", "sh", "-c", OPENED_INTERPRETER, "sh"]
    command += [str(prefix), str(mount_point), str(closed[0]), str(account.uid)]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root make a mount namespace")
    return command


def status_of(pid: int) -> dict[str, str]:
    return dict(line.split(":", 1) for line in Path("/proc", str(pid), "status").read_text().splitlines())


@as_root
async def test_servers_of_root_run_without_rights_in_a_folder_they_could_not_enter(
    tmp_path: Path, nobody: Account
) -> None:
    data_dir = tmp_path / "closed" / "data"
    (tmp_path / "closed").mkdir(mode=0o700)
    async with EmbeddedServers(data_dir, durable=False) as servers:
        for pid in servers.pids.values():
            status = status_of(pid)
            assert status["Uid"].split() == [str(nobody.uid)] * 4
            assert status["Gid"].split() == [str(nobody.gid)] * 4
            assert status["Groups"].split() == []
    assert {path.name for path in data_dir.glob("*") if path.stat().st_uid} == {"postgres", "redis"}


@as_root
async def test_an_ordinary_user_runs_servers_that_end_with_it(open_path: Path, nobody: Account) -> None:
    data_dir = open_path / "data"
    data_dir.mkdir()
    os.chown(data_dir, nobody.uid, nobody.gid)
    with hold_servers(data_dir, through=become(nobody, open_path / "python")) as parent:
        for pid in (parent.process.pid, *parent.pids.values()):
            assert status_of(pid)["Uid"].split() == [str(nobody.uid)] * 4
        connection = await asyncpg.connect(parent.database_url)
        await connection.close()
        parent.process.kill()
        assert nothing_left(data_dir, list(parent.pids.values()))


@as_root
async def test_root_runs_the_servers_of_an_ordinary_user_as_that_user(open_path: Path, nobody: Account) -> None:
    other = next(Account.from_entry(entry) for entry in pwd.getpwall() if entry.pw_uid not in {0, nobody.uid})
    for name in ("postgres", "redis"):
        folder = open_path / name
        folder.mkdir(mode=0o700)
        os.chown(folder, other.uid, other.gid)
        assert server_account(folder) == other


@as_root
async def test_programs_out_of_reach_are_copied_once_for_root_alone_to_change(
    tmp_path: Path, open_path: Path, nobody: Account
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = find_postgres().parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, ignore=shutil.ignore_patterns("include", "pginstall18"))
    hidden = closed / package.name / "pginstall"
    assert not can_use(hidden / NEEDED[0], nobody)
    copy = await reachable_postgres(hidden, nobody, bases=[closed, open_path])
    assert copy.is_relative_to(open_path)
    assert all(can_use(copy / name, nobody) for name in NEEDED)
    for path in (copy.parent, copy, *copy.rglob("*")):
        assert path.stat().st_uid == 0
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    made = copy.stat().st_ino
    assert (await reachable_postgres(hidden, nobody, bases=[open_path])).stat().st_ino == made
    process = spawn([str(copy / "bin" / "initdb"), "-D", str(open_path / "d"), "--show"], user=nobody, env={})
    assert await wait_ended(process, timeout_s=10) == 0


@as_root
async def test_a_shelf_that_others_could_have_filled_is_not_used(open_path: Path, nobody: Account) -> None:
    shelf = open_path / "clio-integration-service"
    shelf.mkdir()
    os.chown(shelf, nobody.uid, nobody.gid)
    closed = open_path / "install"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match=r"no folder for a copy can be made below .*set DATABASE_URL"):
        await reachable_postgres(closed, nobody, bases=[open_path])
