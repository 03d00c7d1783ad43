"""
Reads the text of a bots file, and remembers the line of everything.

C{configparser} forgets the lines, and stops at the first mistake.  Here keys
keep their case, C{%} is an ordinary character, comments stand on lines of
their own, an indented line continues the value above it, and a mistake does
not hide the next one.

No Twisted here: a bots file is read without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from txsocketio.bots.mistakes import Mistake
from txsocketio.errors import excerpt

__all__ = ["Entry", "IniFile", "Section", "readIni"]

COMMENTS = (";", "#")


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """
    One C{key = value} of a file.  Its repr does not tell the value, which may
    be a secret.

    @ivar text: the value as written, nothing substituted.
    """

    section: str
    key: str
    text: str
    line: int

    def __repr__(self) -> str:
        return f"<Entry [{self.section}] {self.key} line {self.line}>"


@dataclass(slots=True)
class Section:
    """
    One C{[section]}: its entries by key, in the order of the file.
    """

    name: str
    line: int
    entries: dict[str, Entry] = field(default_factory=dict)


class IniFile:
    """
    A file while and after it is read.

    @ivar sections: by name, in the order of the file.
    @ivar mistakes: what is wrong with the file's form.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.sections: dict[str, Section] = {}
        self.mistakes: list[Mistake] = []
        self._section: Section | None = None

    def feed(self, line: int, key: str | None, text: str) -> None:
        """
        Take one logical line: a header (C{key} is L{None}), or an entry.
        """
        if key is None:
            self._open(line, text)
        elif self._section is None:
            self._wrong(line, "", "", 'this stands before the first section, e.g. "[bot:ticker]"')
        else:
            self._add(self._section, Entry(self._section.name, key, text, line))

    def malformed(self, line: int, text: str) -> None:
        """
        Take a line that is neither header nor entry.
        """
        section = self._section.name if self._section else ""
        self._wrong(line, section, "", f'{excerpt(text, 20)} is not "key = value"')

    def _open(self, line: int, header: str) -> None:
        name = header[1:-1].strip() if header.endswith("]") else ""
        # A section told twice is still read, so that its mistakes are told too.
        self._section = Section(name, line)
        if not name:
            self._wrong(line, "", "", f"{excerpt(header, 40)} is not a section; write [name]")
        elif name in self.sections:
            first = self.sections[name].line
            self._wrong(line, name, "", f"this section is already there, in line {first}")
        else:
            self.sections[name] = self._section

    def _add(self, section: Section, entry: Entry) -> None:
        first = section.entries.setdefault(entry.key, entry)
        if first is not entry:
            message = f"this key is already there, in line {first.line}"
            self._wrong(entry.line, section.name, entry.key, message)

    def _wrong(self, line: int, section: str, key: str, message: str) -> None:
        self.mistakes.append(Mistake(self.file, line, section, key, message))


def _logicalLines(text: str) -> Iterator[tuple[int, str]]:
    """
    The lines that say something; a line that stands deeper than the entry
    above it continues that entry.
    """
    start, indent, parts = 0, 0, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        words = line.strip()
        if words.startswith(COMMENTS):
            continue
        depth = len(line) - len(line.lstrip())
        if words and parts and depth > indent and not parts[0].startswith("["):
            parts.append(words)
            continue
        if parts:
            yield start, "\n".join(parts)
        start, indent, parts = number, depth, [words] if words else []
    if parts:
        yield start, "\n".join(parts)


def readIni(text: str, file: str) -> IniFile:
    """
    Read a file's text; what is wrong with it is in C{mistakes}.

    @param file: the file's name, for the mistakes.
    """
    ini = IniFile(file)
    for number, line in _logicalLines(text):
        key, equals, value = line.partition("=")
        if line.startswith("["):
            ini.feed(number, None, line)
        elif equals and key.strip() and "\n" not in key:
            ini.feed(number, key.strip(), value.strip())
        else:
            ini.malformed(number, line)
    return ini
