"""The keys of the chain's codes, derived from the encryption keys: access to the database alone gives none of them."""

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.settings import Settings, parse_encryption_keys

_INFO = b"clio-service history seal"
_KEY_BYTES = 32


class SealKeys:
    """Codes with the first of the keys, and checks with any of them.

    HKDF and HMAC with SHA-256. Source: RFC 5869, RFC 2104.
    """

    def __init__(self, encryption_keys: dict[str, bytes]) -> None:
        """Take key id -> 32 bytes, in order, as ENCRYPTION_KEYS holds them; an empty one checks nothing."""
        self._keys = {
            key_id: HKDF(SHA256(), _KEY_BYTES, salt=None, info=_INFO).derive(key)
            for key_id, key in encryption_keys.items()
        }
        self.active_key_id = next(iter(encryption_keys), "")

    @classmethod
    def of(cls, settings: Settings) -> "SealKeys":
        """Return the keys of a service's settings."""
        return cls(parse_encryption_keys(settings.encryption_keys.get_secret_value()))

    def knows(self, key_id: str) -> bool:
        """Return whether codes made with this key can be checked."""
        return key_id in self._keys

    def code(self, content: bytes) -> bytes:
        """Return the code of some bytes, made with the first key."""
        return hmac.digest(self._keys[self.active_key_id], content, "sha256")

    def holds(self, key_id: str, content: bytes, code: bytes) -> bool:
        """Return whether a code was made of these bytes with this key, in constant time."""
        return self.knows(key_id) and hmac.compare_digest(hmac.digest(self._keys[key_id], content, "sha256"), code)
