"""The account servers run as: our own, or, under root, an existing one without rights, for PostgreSQL refuses root."""

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.embedded.errors import EmbeddedServerError

PROC_DESCRIPTORS = Path("/proc/self/fd")
CANDIDATES = ("nobody", "daemon", "postgres")


@dataclass(frozen=True)
class Account:
    """A user of this machine and its first group; supplementary groups are never kept."""

    name: str
    uid: int
    gid: int

    @classmethod
    def from_entry(cls, entry: pwd.struct_passwd) -> Self:
        """Return the account of one line of the user database."""
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)


def server_account(folder: Path) -> Account | None:
    """Return whom a server that stores into `folder` must become; None is the user we already are.

    Under root that is whoever owns the folder already, else the first of `CANDIDATES` that exists. No user is created.

    Raises:
        EmbeddedServerError: we are not root and somebody else owns the folder, or no candidate exists.
    """
    owner = folder.stat().st_uid if folder.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise EmbeddedServerError(
                f"{folder} belongs to another user (id {owner}): run as that user, or set DATA_DIR to a folder of yours"
            )
        return None
    for entry in pwd.getpwall():
        if owner and entry.pw_uid == owner:
            return Account.from_entry(entry)
    for name in CANDIDATES:
        try:
            return Account.from_entry(pwd.getpwnam(name))
        except KeyError:
            continue
    raise EmbeddedServerError(
        f"embedded servers do not run as root, and no account named {', '.join(CANDIDATES)} exists: "
        "run as an ordinary user, or set DATABASE_URL and REDIS_URL"
    )


def own_folder(path: Path, account: Account | None) -> None:
    """Make `path` a folder that the account alone may enter; its parent must exist.

    Raises:
        EmbeddedServerError: the file system does not let us.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        if account is not None and path.stat().st_uid != account.uid:
            os.chown(path, account.uid, account.gid)
    except OSError as error:
        raise EmbeddedServerError(
            f"{path} cannot be made ready ({error.strerror}): set DATA_DIR to a folder on a local file system"
        ) from error


@dataclass(frozen=True)
class OpenedFolder:
    """How a child names a folder on its command line, and the descriptors it needs for that name to work."""

    argument: str
    descriptors: tuple[int, ...] = ()


@contextmanager
def open_folder(path: Path, account: Account | None) -> Iterator[OpenedFolder]:
    """Yield a name by which a child of that account reaches the folder; spawn it inside the block.

    A child that changes its user gets the opened folder itself, since it may not be able to enter those above it.
    That takes Linux; elsewhere such a child needs a data folder that it can reach by its path.
    """
    if account is None or not PROC_DESCRIPTORS.exists():
        yield OpenedFolder(str(path))
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield OpenedFolder(str(PROC_DESCRIPTORS / str(descriptor)), (descriptor,))
    finally:
        os.close(descriptor)


def can_use(path: Path, account: Account) -> bool:
    """Return whether the account may read `path` and enter every folder above it (access lists aside)."""
    real = path.resolve()
    if not all(_allows(folder, account, stat.S_IXOTH) for folder in real.parents):
        return False
    return _allows(real, account, stat.S_IROTH)


def _allows(path: Path, account: Account, for_others: int) -> bool:
    """Return whether the mode of `path` grants the bit, given as its `others` form, to the account."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    if status.st_uid == account.uid:
        return bool(status.st_mode & (for_others << 6))
    if status.st_gid == account.gid:
        return bool(status.st_mode & (for_others << 3))
    return bool(status.st_mode & for_others)
