"""
Twisted finds C{sioclient}.
"""

from __future__ import annotations

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins

from support import ROOT, runPython

PLUGIN = ROOT / "twisted" / "plugins" / "txsocketio_plugin.py"


def serviceMaker() -> IServiceMaker:
    """
    Our plugin, as Twisted finds it.
    """
    return next(p for p in getPlugins(IServiceMaker) if p.tapname == "sioclient")


def test_itIsFound() -> None:
    """
    C{twistd} lists it, with a description.
    """
    assert serviceMaker().description


def test_itsModuleHasWhatTwistdNeeds() -> None:
    """
    The module it names has the options and the service.
    """
    maker = serviceMaker()
    assert callable(maker.options) and callable(maker.makeService)


def test_itImportsNothingOfOurs() -> None:
    """
    Other people's C{twistd} commands read the plugin file and nothing more.
    """
    code = f"import runpy, sys; runpy.run_path({str(PLUGIN)!r}); print('txsocketio' in sys.modules)"
    done = runPython("-c", code)
    assert done.stdout.strip() == "False", done.stderr


def test_theFolderIsNoPackage() -> None:
    """
    An C{__init__} here would hide the real Twisted.
    """
    assert not list((ROOT / "twisted").rglob("__init__.py"))


def test_fromABareCheckout() -> None:
    """
    Without any installation, C{python -m twisted sioclient} works in the
    checkout.
    """
    done = runPython("-m", "twisted", "sioclient", "--help")
    assert done.returncode == 0 and "--config" in done.stdout, done.stdout + done.stderr
