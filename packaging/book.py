#!/usr/bin/env python3
"""Lays the documents out for mdBook, and checks every link: `packaging/book.py FOLDER [URL]`.

FOLDER/src mirrors the repository, so that links between documents hold. A link to a file that is no document leads to URL
(of the repository's files, such as https://github.com/OWNER/NAME/blob/main), or is left as text where URL is not given.
"""

import re
import shutil
import sys
from pathlib import Path

from project import ROOT

LINK = re.compile(r"(?<!!)\[((?:[^\[\]`]|`[^`]*`|\[[^\]]*\])*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"(?ms)^( *)(```+|~~~+).*?^\1\2[`~]*[ \t]*$")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.S)


def documents() -> list[Path]:
    """The pages, as paths in the repository: those of SUMMARY.md, and what lies beside them."""
    pages = {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "terraform/README.md"}
    found = [ROOT / name for name in pages] + [path for path in (ROOT / "docs").rglob("*.md") if path.name != "SUMMARY.md"]
    found += [path for path in (ROOT / "crates").rglob("*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def summary() -> str:
    """SUMMARY.md with paths from the root, and each decision below the list of decisions."""
    text = (ROOT / "docs" / "SUMMARY.md").read_text()
    lines = []
    for line in text.splitlines():
        link = LINK.search(line)
        if not link:
            lines.append(line)
            continue
        path = (ROOT / "docs" / link[2]).resolve().relative_to(ROOT)
        lines.append(line.replace(f"({link[2]})", f"({path})"))
        if path.name == "README.md" and path.parent != Path("."):
            lines += [f"    - [{heading(one)}]({one})" for one in beside(path)]
    return "\n".join(lines) + "\n"


def beside(index: Path) -> list[Path]:
    """The other pages of a folder whose README is a page."""
    return [path for path in documents() if index.parent in path.parents and path != index]


def heading(path: Path) -> str:
    first = re.search(r"^# (.*)$", (ROOT / path).read_text(), re.M)
    return first[1] if first else path.stem


def messages(text: str) -> str:
    """A section for each kind of message, so that each has an address."""
    rows = re.findall(r"^\| (.+?) \| (.+) \| (\d+) \|$", text, re.M)
    sections = [f"## {kind.replace('`', '')}\n\nExit code {code}. For example: {example}\n" for kind, example, code in rows]
    return text + "\n# Each kind of message\n\n" + "\n".join(sections).replace("\\|", "|")


def prose(text: str) -> str:
    """The text with its code blanked out, of the same length."""
    blank = lambda found: re.sub(r"[^\n]", " ", found[0])  # noqa: E731
    return CODE.sub(blank, FENCE.sub(blank, text))


def anchors(text: str) -> set[str]:
    """The ids of the headings, as mdBook and GitHub make them."""
    found: set[str] = set()
    for title in re.findall(r"(?m)^#+ (.*)$", FENCE.sub("", text)):
        title = LINK.sub(r"\1", title).replace("`", "").strip().lower()
        name = re.sub(r"[^\w -]", "", title).replace(" ", "-")
        nth = 0
        while (unique := name if nth == 0 else f"{name}-{nth}") in found:
            nth += 1
        found.add(unique)
    return found


def wrong_links(path: Path, text: str) -> list[str]:
    """Links of a document that lead nowhere."""
    wrong = []
    for found in LINK.finditer(prose_links(text)):
        file, _, anchor = found[2].partition("#")
        if "://" in found[2] or file.startswith("mailto:"):
            continue
        to = (ROOT / path.parent / file).resolve() if file else ROOT / path
        if not to.exists():
            wrong.append(f"{path}: there is no {found[2]}")
        elif anchor and to.suffix == ".md" and anchor not in anchors(laid_out(to.relative_to(ROOT))):
            wrong.append(f"{path}: {file or path} has no heading #{anchor}")
    return wrong


def prose_links(text: str) -> str:
    """The text without fenced blocks; inline code stays, as names of links have it."""
    return FENCE.sub("", text)


def laid_out(path: Path) -> str:
    text = (ROOT / path).read_text()
    return messages(text) if path == Path("docs/MESSAGES.md") else text


def led_to_repository(path: Path, text: str, url: str | None) -> str:
    """With links to files that are no pages of the site led to the repository."""
    pages = set(documents())

    def link(found: re.Match[str]) -> str:
        name, (file, _, _) = found[1], found[2].partition("#")
        if not file or "://" in found[2]:
            return found[0]
        to = (ROOT / path.parent / file).resolve().relative_to(ROOT)
        if to in pages:
            return found[0]
        return f"[{name}]({url}/{to})" if url else name

    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(link, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, LINK.sub(link, text[at:])])


def missing_pages() -> list[str]:
    named = set(re.findall(r"\(([^()]+)\)", summary()))
    return [f"docs/SUMMARY.md does not have {path}" for path in documents() if str(path) not in named]


def wrong_pages(html: Path) -> list[str]:
    """References between the built pages that lead nowhere."""
    wrong = []
    ids: dict[Path, set[str]] = {}
    for page in html.rglob("*.html"):
        if page.name in ("print.html", "404.html", "toc.html"):
            continue
        for target in re.findall(r'\bhref="([^"]+)"', page.read_text()):
            file, _, anchor = target.partition("#")
            if "://" in target or file.startswith(("mailto:", "javascript:")):
                continue
            to = (page.parent / file).resolve() if file else page.resolve()
            if not to.is_file():
                wrong.append(f"{page.relative_to(html)}: there is no {target}")
                continue
            if to not in ids:
                ids[to] = set(re.findall(r'\bid="([^"]+)"', to.read_text())) if to.suffix == ".html" else set()
            if anchor and to.suffix == ".html" and anchor not in ids[to]:
                wrong.append(f"{page.relative_to(html)}: there is no {target}")
    return wrong


def check(wrong: list[str]) -> None:
    if wrong:
        raise SystemExit("\n".join(wrong))


def lay_out(folder: Path, url: str | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for path in documents():
        to = folder / "src" / path
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(led_to_repository(path, laid_out(path), url))
    (folder / "src" / "SUMMARY.md").write_text(summary())
    shutil.copy(ROOT / "docs" / "book.toml", folder / "book.toml")


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "--built":
        return check(wrong_pages(Path(sys.argv[2])))
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    check(missing_pages() + [one for path in documents() for one in wrong_links(path, laid_out(path))])
    lay_out(Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) == 3 else None)
    print(f"{len(documents())} documents, all links lead somewhere")


if __name__ == "__main__":
    main()
