"""
Tests for L{txsocketio.__main__}.
"""

from __future__ import annotations

import runpy
import sys

import pytest

import txsocketio.__main__ as entry


def test_wordsOfTheProcess(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The entry points take the process's command line.
    """
    monkeypatch.setattr(sys, "argv", ["sioclient", "--version"])
    assert entry.main() == 0
    monkeypatch.delitem(sys.modules, "txsocketio.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("txsocketio", run_name="__main__")
    assert caught.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
