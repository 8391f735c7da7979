"""Names, values and trees that somebody means ill with."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = (
    "users",
    'a"b',
    "a'b",
    "a`b",
    "a;b",
    "a--b",
    "/* a */",
    "a]b[",
    "$1",
    "?",
    "%s",
    "{timedelta}",
    ":name",
    "a\nb",
    "a\tb",
    " ",
    " a ",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "*",
    "**",
    "select",
    "order",
    "table",
    "null",
    "rowid",
    "main",
    "timestamps",
    "_row",
    "hgl:row",
    "f2p_a",
    "é",
    "客户",
    "🙂",
    "a\u202eb",
    "\ufeffa",
    "x" * 300,
    '"; DROP TABLE users; --',
    "'; ATTACH 'x.db'; --",
    "Users",
    "USERS",
    "true",
    "2024",
    "1e5",
    "~",
)
"""What has broken quoting, paths, YAML or case somewhere."""

plain = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
"""Characters that a text may hold."""
names = st.sampled_from(NAMES) | st.text(plain, min_size=1, max_size=12)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 2**31, 2**63, -(2**63) - 1, 10**40, 1e308, 5e-324])
)
scalars = st.none() | st.booleans() | numbers | names | st.text(max_size=8)
scalars |= st.dates() | st.datetimes() | st.binary(max_size=4)


def trees(leaves: st.SearchStrategy[Any] = scalars) -> st.SearchStrategy[Any]:
    """Return whatever YAML can hold."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    )


@st.composite
def mutated(draw: st.DrawFn, tree: Any) -> Any:
    """Return a tree with one of its places changed, left out or put under another name."""
    if isinstance(tree, dict) and tree and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(tree, key=str)))
        kept = {name: value for name, value in tree.items() if name != key}
        match draw(st.sampled_from(["in", "in", "in", "out", "renamed", "more"])):
            case "out":
                return kept
            case "renamed":
                return {**kept, draw(names): tree[key]}
            case "more":
                return {**tree, draw(names): draw(trees())}
        return {**tree, key: draw(mutated(tree[key]))}
    if isinstance(tree, list) and tree and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(tree) - 1))
        return [*tree[:at], draw(mutated(tree[at])), *tree[at + 1 :]]
    return draw(trees())


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return bytes with a few changed, cut off, repeated or put in."""
    at = draw(st.integers(0, len(content)))
    piece = draw(st.binary(max_size=8))
    match draw(st.sampled_from(["cut", "over", "in", "twice", "other"])):
        case "cut":
            return content[:at]
        case "over":
            return content[:at] + piece + content[at + len(piece) :]
        case "in":
            return content[:at] + piece + content[at:]
        case "twice":
            return content[:at] + content
    return draw(st.binary(max_size=64))
