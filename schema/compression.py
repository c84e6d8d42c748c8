"""Answers in gzip. Repeated names of fields make JSON shrink to a fraction, at any level."""

import asyncio
import zlib

LEAST_BYTES = 1024
"""Below this an answer fits into one packet as it is."""

LEVEL = 1
"""Higher levels cost several times as much for a tenth less."""

MOST_INLINE_BYTES = 256 * 1024
"""Above this compression leaves the event loop to other requests."""

_GZIP_FRAME = 16 + zlib.MAX_WBITS


async def compress(body: bytes) -> bytes:
    """Return the body as gzip; the same bytes for the same body."""
    return _compress(body) if len(body) <= MOST_INLINE_BYTES else await asyncio.to_thread(_compress, body)


def _compress(body: bytes) -> bytes:
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_FRAME)
    return compressor.compress(body) + compressor.flush()
