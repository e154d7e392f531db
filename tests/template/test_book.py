"""The documentation site: every link is looked at, and each kind of message has an address."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from template import ROOT


def script(name: str) -> Any:
    sys.path.insert(0, str(ROOT / "packaging"))
    try:
        spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.pop(0)


book = script("book")


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("[a](OUTPUT.md#report) and [b](../README.md) and [c](https://example.com/x#y)", []),
        ("[a](nowhere.md)", ["docs/X.md: there is no nowhere.md"]),
        ("[a](OUTPUT.md#nothing)", ["docs/X.md: OUTPUT.md has no heading #nothing"]),
        ("[the `code`](MESSAGES.md#no-consent)", []),
        ("[`a`](nowhere.md)", ["docs/X.md: there is no nowhere.md"]),
        ("```\n[a](nowhere.md)\n```", []),
        ("[a [b]](../src/lib.rs)", []),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, wrong: list[str]) -> None:
    assert book.wrong_links(Path("docs/X.md"), text) == wrong


def test_the_pages_link_to_each_other_and_else_to_the_repository(tmp_path: Path) -> None:
    book.lay_out(tmp_path / "site", "https://example.com/blob/main")
    made = (tmp_path / "site/src/docs/DEPLOY.md").read_text()
    assert "](OPERATIONS.md#from-plan-to-apply)" in made
    assert "](https://example.com/blob/main/schemas)" in (tmp_path / "site/src/docs/OUTPUT.md").read_text()
    book.lay_out(tmp_path / "site", None)
    assert "](../schemas)" not in (tmp_path / "site/src/docs/OUTPUT.md").read_text()


def test_each_kind_of_message_has_an_address() -> None:
    rows = [line for line in (ROOT / "docs/MESSAGES.md").read_text().splitlines() if line.startswith("| ")][1:]
    laid = book.laid_out(Path("docs/MESSAGES.md"))
    assert laid.count("\n## ") == len(rows) > 40
    assert {"no-consent", "missing-permission-for-everything"} <= book.anchors(laid)


def test_a_page_that_nobody_finds_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert book.missing_pages() == []
    monkeypatch.setattr(book, "documents", lambda: [Path("docs/FORGOTTEN.md")])
    assert book.missing_pages() == ["docs/SUMMARY.md does not have docs/FORGOTTEN.md"]


def test_a_built_page_with_a_broken_reference_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#x">b</a> <a href="#here" id="here">here</a>')
    (tmp_path / "b.html").write_text('<h1 id="x">x</h1>')
    assert book.wrong_pages(tmp_path) == []
    (tmp_path / "b.html").write_text("<h1>x</h1>")
    assert book.wrong_pages(tmp_path) == ["a.html: there is no b.html#x"]
