"""Entity tags: what a GET answered is known by, so that it need not be sent again. Source: RFC 9110, 8.8.3, 13.1.2."""

import hashlib

TAG_BYTES = 16


def etag_of(body: bytes, media_type: str, encoding: str) -> bytes:
    """Return the strong tag of an answer: of its uncompressed bytes, and another for each form it is sent in."""
    digest = hashlib.blake2b(body, digest_size=TAG_BYTES)
    digest.update(f"\0{media_type}\0{encoding}".encode())
    return b'"%s"' % digest.hexdigest().encode()


def is_known(if_none_match: bytes | None, etag: bytes) -> bool:
    """Tell whether a client has the answer already; tags are compared weakly, as caches on the way may weaken them."""
    if if_none_match is None:
        return False
    listed = [tag.strip() for tag in if_none_match.split(b",")]
    return listed == [b"*"] or etag in (tag.removeprefix(b"W/") for tag in listed)
