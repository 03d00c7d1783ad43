"""
Every link inside the built documentation leads somewhere: C{python
scripts/links.py FOLDER}.

Sphinx looks after its own references and pydoctor after its own; this looks at
what they made, and so at the links from one into the other.  Addresses of
others are not asked.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """
    The anchors of a page, and where it links to.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.links: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.anchors.update(known[name] for name in ("id", "name") if name in known)
        self.links.update(known[name] for name in ("href", "src") if name in known)


def broken(root: Path) -> list[str]:
    """
    The links that lead nowhere.
    """
    pages = {path: Page(path) for path in sorted(root.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists():
                found.append(f"{path.relative_to(root)}: {link}")
            elif target in pages and anchor not in pages[target].anchors:
                found.append(f"{path.relative_to(root)}: {link} (no such place in it)")
    return found


def main(folder: str) -> int:
    found = broken(Path(folder).resolve())
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
