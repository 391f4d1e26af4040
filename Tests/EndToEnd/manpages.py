"""Man pages in mdoc(7), as data."""

import re

from processes import ROOT

FOLDER = ROOT / "deploy/man"


def plain(text):
    """A text line without what is only there for roff."""
    return text.replace(r"\-", "-").replace(r"\(dq", '"').replace(r"\(aq", "'").replace(r"\&", "")


def sections(name):
    """The lines of each .Sh and .Ss, by title."""
    found, title = {}, None
    for line in (FOLDER / name).read_text().splitlines():
        if match := re.match(r"\.S[hs] (.*)", line):
            title = plain(match[1])
            assert title not in found, f"{name}: {title} twice"
            found[title] = []
        elif title:
            found[title].append(plain(line))
    return found


def items(lines):
    """The heads of the list's items, each with the text below it."""
    found = {}
    for line in lines:
        if line.startswith(".It "):
            head = line[4:]
            assert head not in found, f"{head} twice"
            found[head] = []
        elif found:
            found[head].append(line)
    return found


def options(text):
    """What .Fl names, with its dashes."""
    return {"-" + flag for flag in re.findall(r"\bFl ([\w-]+)", text)}
