"""
How packets are written in the wire log.
"""

from __future__ import annotations

import pytest

from txsocketio.testing.links import asText


@pytest.mark.parametrize(
    ("packet", "shown"),
    [
        ((4, b'2["hi"]', False), '42["hi"]'),
        ((2, b"probe", False), "2probe"),
        ((4, b"\1\2", True), "bAQI="),
        ((4, b"\xff", False), "4\ufffd"),
    ],
)
def test_asText(packet: tuple[int, bytes, bool], shown: str) -> None:
    """
    Text as it is, bytes as base64, and whatever is not UTF-8 still readable.
    """
    assert asText(*packet) == shown
