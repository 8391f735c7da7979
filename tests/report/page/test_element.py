from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.report.page.element import Fragment, el, join


class Seen(HTMLParser):
    """Tags, attributes and text of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []
        self.values: list[str | None] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])))
def test_text_comes_back_as_text_and_makes_no_element(text: str) -> None:
    seen = Seen(el("p", text, title=text))
    assert seen.tags == ["p"]
    assert seen.text == text
    assert seen.values == [text]


def test_children_and_attributes() -> None:
    line = el("g", "a<b", [el("i", 1), None], class_="x", data_task="t", hidden=True, id=None)
    assert line == '<g class="x" data-task="t" hidden>a&lt;b<i>1</i></g>'
    assert el("line", x1=1.23456, x2=2.0) == '<line x1="1.23" x2="2"></line>'
    assert el("meta", name_="a") == '<meta name="a">'


@pytest.mark.parametrize("child", [None, [], [None, []]])
def test_nothing_is_nothing(child: object) -> None:
    assert join(child) == Fragment()  # type: ignore[arg-type]
