"""Encryption at rest: AES-256-GCM, with the key's id in the envelope so that keys can be rotated online.

Envelope: one byte length of the key id, the key id, a 12-byte nonce, ciphertext and tag. The purpose and the owner of a
secret are authenticated with it, so an envelope copied to another row or column does not open.
Source: NIST SP 800-38D.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import DecryptionFailed

NONCE_BYTES = 12


class Cipher:
    """Encrypts with the first of the keys and decrypts with any of them."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        """Take key id -> 32 bytes, in order; ids are at most 255 bytes long."""
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.active_key_id = next(iter(keys))

    def encrypt(self, plaintext: str, *, purpose: str) -> bytes:
        """Return the envelope of a secret; `purpose` names what and whose it is, such as `access_token:12`."""
        return self.seal(plaintext.encode(), purpose=purpose)

    def decrypt(self, envelope: bytes, *, purpose: str) -> str:
        """Return the secret in an envelope.

        Raises:
            DecryptionFailed: the key is not configured, or the envelope is damaged or belongs to another purpose.
        """
        try:
            return self.unseal(envelope, purpose=purpose).decode()
        except UnicodeDecodeError as error:
            raise _unopened(purpose) from error

    def seal(self, content: bytes, *, purpose: str) -> bytes:
        """Return the envelope of bytes, as `encrypt` does of text."""
        key_id = self.active_key_id.encode()
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self.active_key_id].encrypt(nonce, content, purpose.encode())
        return bytes([len(key_id)]) + key_id + nonce + sealed

    def unseal(self, envelope: bytes, *, purpose: str) -> bytes:
        """Return the bytes in an envelope; raises what `decrypt` does."""
        length = envelope[0] if envelope else 0
        key_id = envelope[1 : 1 + length].decode(errors="replace")
        cipher = self._keys.get(key_id)
        if cipher is None:
            raise DecryptionFailed(f"no encryption key {key_id!r} is configured: add it to ENCRYPTION_KEYS")
        nonce, sealed = envelope[1 + length :][:NONCE_BYTES], envelope[1 + length + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, sealed, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise _unopened(purpose) from error


def _unopened(purpose: str) -> DecryptionFailed:
    name = purpose.partition(":")[0]
    return DecryptionFailed(f"a stored {name} does not open: it is damaged, or of another row")
