"""
The role C{:api:}: a link into pydoctor's pages, which lie beside the prose.

C{:api:`MemoryServer <txsocketio.testing.MemoryServer>`} or
C{:api:`txsocketio.errors`}.  That the name exists is checked here; pydoctor
makes a page of each module and class, and an anchor of everything else.
"""

from __future__ import annotations

import inspect
import pkgutil
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.logging import getLogger

_log = getLogger(__name__)


def placeOf(name: str) -> str:
    """
    The page and anchor of a name; of a re-export, those of the original.

    @raise ImportError: or L{AttributeError}; there is no such name.
    """
    thing = pkgutil.resolve_name(name)
    if isinstance(thing, ModuleType):
        return f"{name}.html"
    full = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
    if inspect.isclass(thing) or hasattr(thing, "getDescriptionFor"):
        return f"{full.rstrip('.')}.html" if full != "." else f"{name}.html"
    owner, _, last = (name if full == "." else full).rpartition(".")
    return f"{owner}.html#{last}"


class APIRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[Any]]:
        text, _, target = self.text.partition(" <")
        name = target.rstrip(">") or text
        try:
            place = name if name.endswith(".html") else placeOf(name)
        except (ImportError, AttributeError, ValueError) as error:
            message = f"there is no {name} to link to: {error}"
            _log.warning(message, location=self.get_location())
            place = ""
        depth = self.env.docname.count("/")
        uri = "../" * depth + "api/" + place
        link = nodes.reference(self.rawtext, "", refuri=uri)
        link += nodes.Text(text) if target else nodes.literal(text, text.rpartition(".")[2])
        return [link], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("api", APIRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
