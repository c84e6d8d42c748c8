"""Encryption at rest."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db.cipher import Cipher
from core.errors import DecryptionFailed

OLD, NEW = os.urandom(32), os.urandom(32)


@given(text=st.text(), purpose=st.text(min_size=1))
def test_what_goes_in_comes_out(text: str, purpose: str) -> None:
    cipher = Cipher({"k": NEW})
    assert cipher.decrypt(cipher.encrypt(text, purpose=purpose), purpose=purpose) == text


def test_an_envelope_opens_after_rotation_and_new_ones_use_the_new_key() -> None:
    envelope = Cipher({"old": OLD}).encrypt("token", purpose="access_token:1")
    rotated = Cipher({"new": NEW, "old": OLD})
    assert rotated.decrypt(envelope, purpose="access_token:1") == "token"
    assert Cipher({"new": NEW}).decrypt(rotated.encrypt("token", purpose="p"), purpose="p") == "token"


def test_an_envelope_of_another_row_does_not_open() -> None:
    cipher = Cipher({"k": NEW})
    envelope = cipher.encrypt("token", purpose="access_token:1")
    with pytest.raises(DecryptionFailed, match="access_token does not open"):
        cipher.decrypt(envelope, purpose="access_token:2")


def test_a_missing_key_is_named_with_the_next_step() -> None:
    envelope = Cipher({"gone": OLD}).encrypt("token", purpose="p")
    with pytest.raises(DecryptionFailed, match="'gone' is configured: add it to ENCRYPTION_KEYS"):
        Cipher({"k": NEW}).decrypt(envelope, purpose="p")


@given(damage=st.binary(max_size=64))
def test_garbage_is_refused(damage: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        Cipher({"k": NEW}).decrypt(damage, purpose="p")
