"""
How far a file was read, kept in another file over restarts.

Must not know: what is in the file.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

__all__ = ["Bookmark", "Place"]


class Place(NamedTuple):
    """
    A place in a file.

    @ivar inode: which file it is, whatever its name.
    """

    inode: int
    offset: int


class Bookmark:
    """
    Keeps a place.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def load(self) -> Place | None:
        """
        @return: the place, or L{None} when none was kept yet.
        @raise OSError: it cannot be read.
        @raise ValueError: something else is there.
        """
        try:
            with open(self._path, encoding="ascii") as stream:
                said = json.loads(stream.read(1000))
            return Place(int(said["inode"]), int(said["offset"]))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{self._path} keeps no place in a file") from None

    def save(self, place: Place) -> None:
        """
        Keep a place; whenever we are killed, the old one or this one is there.

        @raise OSError: it cannot be written.
        """
        new = f"{self._path}.new"
        with open(new, "w", encoding="ascii") as stream:
            stream.write(json.dumps(place._asdict()) + "\n")
        os.replace(new, self._path)
