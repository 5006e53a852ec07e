"""Bytes as LLVM's textual IR writes them."""

from __future__ import annotations

from typing import Final

_PLAIN: Final = frozenset(
    byte for byte in range(32, 127) if chr(byte) not in '"\\'
)  # bytes that stand for themselves in an IR string


def quoted(data: bytes) -> str:
    """Bytes between quotes as the IR writes them."""
    return '"' + "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02X}" for byte in data) + '"'
