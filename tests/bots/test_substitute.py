"""
Tests for L{txsocketio.bots.substitute}.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from txsocketio.bots.substitute import MAX_FILE_BYTES, Substitution, onlyRefers, written

ENVIRON = {"A": "alpha", "EMPTY": "", "TRICK": "${A}"}


@pytest.fixture
def substitution(tmp_path: Path) -> Substitution:
    (tmp_path / "token").write_bytes("s\u00e9cret\n".encode())
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "big").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    return Substitution(ENVIRON, tmp_path)


@pytest.mark.parametrize(
    ("text", "value", "secrets"),
    [
        ("plain", "plain", ()),
        ("${A}", "alpha", ("alpha",)),
        ("a ${A}-${A} b", "a alpha-alpha b", ("alpha", "alpha")),
        ("${B:-none}", "none", ("none",)),
        ("${EMPTY:-none}", "none", ("none",)),
        ("${B:-}", "", ("",)),
        ("${EMPTY}", "", ("",)),
        ("${TRICK}", "${A}", ("${A}",)),
        ("$A $ 5$ %d", "$A $ 5$ %d", ()),
        ("$${A}", "${A}", ()),
        ("${file:token}", "s\u00e9cret", ("s\u00e9cret",)),
    ],
)
def test_valuesAreFilledIn(
    substitution: Substitution, text: str, value: str, secrets: tuple[str, ...]
) -> None:
    """
    Variables and files, alone or amid text; what is put in is not read again.
    """
    assert substitution.expand(text) == (value, secrets)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${B}", "environment variable B is not set; set it, or write ${B:-default}"),
        ("${A", "without"),
        ("${}", "wants the name"),
        ("${a b}", "wants the name"),
        ("${A:+x}", "wants the name"),
        ("${file:nowhere}", "nowhere: No such file"),
        ("${file:latin}", "latin is not UTF-8"),
        ("${file:big}", f"big has more than {MAX_FILE_BYTES} bytes"),
        ("${file:a\0b}", "cannot read"),
    ],
)
def test_whatCannotBeHadIsNamed(substitution: Substitution, text: str, said: str) -> None:
    """
    The error says what to set or to correct.
    """
    with pytest.raises(ValueError) as caught:
        substitution.expand(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "whether"),
    [("${A}", True), ("${file:/x y}${B}", True), ("", False)]
    + [(text, False) for text in ("x${A}", "${A}x", "${A:-secret}", "$${A}", "${A")],
)
def test_aValueMayBeMadeOfReferencesAlone(text: str, whether: bool) -> None:
    """
    Only then can it be shown without giving anything away.
    """
    assert onlyRefers(text) is whether


def test_aValueCanBeWrittenSoThatItComesBack(substitution: Substitution) -> None:
    """
    Whatever is in it.
    """
    for value in ("${A}", "$", "$${x", "plain"):
        assert substitution.expand(written(value)) == (value, ())
