"""Write docs/licences.md: the licence of every pinned package, as it says itself.

python benchmarks/licences.py
"""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = """# Licences of what hgl is built on

`hgl` itself is under Apache-2.0. These are the packages of `constraints.txt`, optional ones and
those of the tests included, with what each says of itself; `python benchmarks/licences.py` writes
this page.

| package | version | licence | remark |
|-|-|-|-|
"""
COPYLEFT = re.compile(r"\bA?L?GPL|\bMPL|\bEPL|\bCDDL|General Public|Mozilla Public", re.I)
WEAK = re.compile(r"LGPL|Lesser|MPL|Mozilla", re.I)
KNOWN = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|Unlicense|Zlib|HPND|CC0|0BSD|ZPL|BlueOak", re.I
)
_LONGEST = 60


def licence(package: PackageMetadata) -> str:
    """Return what a package says: the SPDX expression, its classifiers, or its short text."""
    if stated := package.get("License-Expression"):
        return stated
    found = [
        line.rpartition(" :: ")[2]
        for line in package.get_all("Classifier") or ()
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    text = (package.get("License") or "").strip().splitlines()
    short = text[0] if text and len(text[0]) <= _LONGEST else ""
    return ", ".join(found) or short or "not stated"


def remark(text: str) -> str:
    """Return what to know of a licence that is not plainly permissive."""
    if COPYLEFT.search(text):
        kind = (
            "weak copyleft: changes to its own files stay open" if WEAK.search(text) else "copyleft"
        )
        return f"{kind}; used unchanged, not shipped with hgl"
    return "" if KNOWN.search(text) else "unknown: read its files before you ship it"


def row(name: str, version: str) -> str:
    """Return one row of the table."""
    try:
        text = licence(metadata(name))
    except PackageNotFoundError:
        return f"| {name} | {version} | not installed here | unknown |"
    return f"| {name} | {version} | {text.replace('|', '/')} | {remark(text)} |"


def main() -> None:
    """Write the page."""
    pinned = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = sorted(tuple(line.split("==")) for line in pinned if "==" in line and line[0] != "#")
    seen = dict(pairs)
    rows = [row(name, version) for name, version in seen.items()]
    (ROOT / "docs" / "licences.md").write_text(HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
