"""Keeping tokens out of what is written down: the libraries that log an address as it is.

A signed address opens a file for whoever reads it. Rasterio quotes addresses in its log even on
level INFO, urllib3 on DEBUG; both are asked to leave the query out.
"""

from __future__ import annotations

import logging
import re

_LOGGERS = (
    "rasterio._base",
    "rasterio._env",
    "rasterio._err",
    "rasterio._io",
    "urllib3.connectionpool",
)
_TOKEN = re.compile(r"\?[^\s'\"`>]*?\b(?:sig|se|token|X-Amz-\w+)=[^\s'\"`>,]*")


def redacted(text: str) -> str:
    """Leave the query out of every signed address in a text.

    Args:
        text: Any text.

    Returns:
        The text; ``?...`` stands where a token was.
    """
    return _TOKEN.sub("?...", text)


class _WithoutTokens(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = redacted(message)
        if clean != message:
            record.msg, record.args = clean, ()
        return True


def keep_tokens_out_of_logs() -> None:
    """Have the libraries that log addresses log them without their tokens; once is enough."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(present, _WithoutTokens) for present in logger.filters):
            logger.addFilter(_WithoutTokens())
