"""What must outlive a run: the password and the last port of each server, in one file that only we can read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.embedded.errors import EmbeddedServerError

FILE_NAME = "embedded.json"
PASSWORD_BYTES = 24


@dataclass
class Access:
    """How one server is reached; the password fits a URL unquoted, the port is that of the last start."""

    password: str = field(repr=False)
    port: int | None = None


class State:
    """The state file of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE_NAME
        self._access: dict[str, Access] = {}

    def load(self) -> None:
        """Read the file if it exists.

        Raises:
            EmbeddedServerError: it is not readable or not ours.
        """
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            self._access = {name: Access(**values) for name, values in stored.items()}
        except FileNotFoundError:
            self._access = {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise EmbeddedServerError(
                f"{self._path} cannot be read ({type(error).__name__}): run as its owner, or set another DATA_DIR"
            ) from error

    def known(self, name: str) -> bool:
        """Return whether the server was set up in this folder before."""
        return name in self._access

    def access(self, name: str) -> Access:
        """Return how the server is reached; the first time with a new random password, stored at once."""
        if name not in self._access:
            self._access[name] = Access(secrets.token_hex(PASSWORD_BYTES))
            self._save()
        return self._access[name]

    def keep_port(self, name: str, port: int) -> None:
        """Remember the port, so that the next start prefers it."""
        self._access[name].port = port
        self._save()

    def _save(self) -> None:
        """Replace the file in one step; it is never readable for others, not even while it is written."""
        staging = self._path.with_suffix(".new")
        staging.unlink(missing_ok=True)
        descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({name: asdict(access) for name, access in self._access.items()}, file)
        staging.replace(self._path)
