"""Documents by their hash: an allow-list that the operator trusts, and what clients registered themselves.

The protocol is that of automatic persisted queries: `extensions.persistedQuery` holds `version` 1 and `sha256Hash`, the
SHA-256 of the document's text in hexadecimal. Source: Apollo, Automatic Persisted Queries.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import BadInput, DocumentNotTrusted, PersistedQueryNotFound, SettingsError
from schema.latest import Latest

MOST_REGISTERED = 512
MOST_REGISTERED_CHARS = 100_000
"""Longer documents are executed, and not kept for their hash."""

PERSISTED = "persistedQuery"
"""The member of a request's extensions that names a document by its hash."""

_HASH = re.compile(r"[0-9a-f]{64}\Z")


def read_trusted(path: Path) -> dict[str, str]:
    """Return the documents of a file by hash: a JSON object of hash -> text, as graphql-codegen writes it.

    Raises:
        SettingsError: the file cannot be read, is no such object, or a hash is not that of its text.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"GRAPHQL_TRUSTED_DOCUMENTS: {path} cannot be read: {type(error).__name__}") from error
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise SettingsError(f"GRAPHQL_TRUSTED_DOCUMENTS: {path} must hold an object of SHA-256 -> document")
    wrong = [name for name, text in found.items() if name != sha256(text)]
    if wrong:
        raise SettingsError(
            f"GRAPHQL_TRUSTED_DOCUMENTS: {wrong[0]} is not the SHA-256 of its document: have the client's build write"
            " hashAlgorithm sha256"
        )
    return found


def sha256(text: str) -> str:
    """Return the hash of a document, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


class DocumentTexts:
    """Finds the text of a request's document. With `only`, nothing but what is trusted is found."""

    def __init__(self, trusted: Mapping[str, str], *, only: bool) -> None:
        self._trusted = trusted
        self._allowed = frozenset(trusted.values())
        self._only = only
        self._registered: Latest[str, str] = Latest(MOST_REGISTERED)

    def text(self, query: str | None, extensions: Mapping[str, Any] | None) -> str | None:
        """Return the document of a request; None where it has none.

        Raises:
            BadInput: the hash is none, or not that of the text beside it.
            PersistedQueryNotFound: the hash is not known: send the text with it.
            DocumentNotTrusted: only trusted documents are executed, and this is none.
        """
        persisted = (extensions or {}).get(PERSISTED)
        if persisted is None:
            if self._only and query is not None and query not in self._allowed:
                raise DocumentNotTrusted
            return query
        name = _hash_of(persisted)
        if name in self._trusted:
            return self._trusted[name]
        if self._only:
            raise DocumentNotTrusted
        if query is None:
            found = self._registered.find(name)
            if found is None:
                raise PersistedQueryNotFound
            return found
        if name != sha256(query):
            raise BadInput("extensions.persistedQuery.sha256Hash is not the SHA-256 of the query")
        if len(query) <= MOST_REGISTERED_CHARS:
            self._registered.keep(name, query)
        return query


def _hash_of(persisted: Any) -> str:
    name = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(name, str) or not _HASH.match(name) or persisted.get("version") != 1:
        raise BadInput("extensions.persistedQuery must hold version 1 and sha256Hash, 64 hexadecimal digits")
    return name
