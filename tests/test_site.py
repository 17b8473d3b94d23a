"""The documentation as a site: built by Zensical from all pages, with no dead link."""

from __future__ import annotations

import filecmp
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from testing import pages
from testing.project import ROOT
from tests.support import require
from tools import python_markdown
from tools import site as tool

NAVIGATION = tomllib.loads(tool.CONFIG.read_text())["project"]["nav"]
COUNTED = ("h1", "h2", "h3", "h4", "li", "table", "tr", "pre", "img")


class Html(HTMLParser):
    """What a test reads of a page of the site."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        """What the browser fetches to show the page."""
        self.article: Counter[str] = Counter()
        self.headings: list[str] = []
        self.text = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside |= tag == "article"
        if self._inside:
            self.article[tag] += 1
        if "id" in given:
            self.ids.add(given["id"])
            self.headings += [given["id"]] if re.fullmatch("h[1-6]", tag) else []
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(given["href"])
        elif "src" in given or "srcset" in given:
            self.loaded.append(given.get("src") or given["srcset"])

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "article"

    def handle_data(self, data: str) -> None:
        self.text += data if self._inside else ""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the pages as they are, built as `make docs` builds it."""
    require(tool.PROGRAM)
    folder = tmp_path_factory.mktemp("site") / "site"
    assert tool.main([str(folder)]) == 0
    return folder


@cache
def read(file: Path) -> Html:
    return Html(file.read_text())


def built(site: Path, page: str) -> Html:
    """The page of the site that a page of the repository becomes."""
    return read(site / re.sub(r"README\.md$", "index.md", page).replace(".md", ".html"))


def test_the_navigation_has_every_page_once() -> None:
    assert sorted(tool.pages(NAVIGATION)) == sorted(pages.PAGES)


def test_the_navigation_has_the_four_kinds_of_pages() -> None:
    """https://diataxis.fr: tutorials, how-to guides, reference, explanation."""
    kinds = [title for section in NAVIGATION for title in section]

    assert [each for each in kinds if each in KINDS] == KINDS


KINDS = ["Tutorial", "How-to", "Reference", "Explanation"]


def test_every_link_leads_to_a_page_and_to_a_place_of_it(site: Path) -> None:
    dead = []
    for file in sorted(site.rglob("*.html")):
        for link in [*read(file).links, *read(file).loaded]:
            if re.match(r"https?:|mailto:|data:", link):
                continue
            target, _, fragment = link.partition("#")
            # The page of errors is shown at any address, so its links begin at the root.
            base = site if target.startswith("/") else file.parent
            there = (base / target.lstrip("/")).resolve() if target else file
            if not (there.is_file() and there.is_relative_to(site.resolve())) or (
                fragment and there.suffix == ".html" and fragment not in read(there).ids
            ):
                dead.append(f"{file.relative_to(site)}: {link}")

    assert dead == []


def test_no_page_loads_anything_of_another_host(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert [each for each in read(file).loaded if "//" in each] == []
    styles = "".join(file.read_text() for file in site.rglob("*.css"))
    assert set(re.findall(r"(?:url\(|@import)[\"' ]*(?!data:)([^)\"';]+)", styles)) == set()


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_page_has_the_anchors_of_github(page: str, site: Path) -> None:
    anchors = pages.anchors(page)

    assert len(set(anchors)) == len(anchors)
    assert built(site, page).headings == anchors


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_page_has_the_structure_that_github_shows(page: str, site: Path) -> None:
    """Lists, tables and blocks: Python-Markdown reads some otherwise, and tells nobody."""
    found = built(site, page)

    assert {tag: found.article[tag] for tag in COUNTED} == dict(expected(page))
    assert "```" not in found.text
    assert r"\|" not in found.text


def expected(page: str) -> Iterator[tuple[str, int]]:
    prose, indented = re.subn(r"(?<=\n\n)(?: {4}.*\n)+(?=\n|\Z)", "", pages.prose(page))
    rows = re.findall(r"^ *\|.*\|$", prose, re.MULTILINE)
    rulers = [row for row in rows if re.fullmatch(r" *(\|[ :]*-+[ :]*)+\|", row)]
    for level in range(1, 5):
        yield f"h{level}", len(re.findall(rf"^#{{{level}}} ", prose, re.MULTILINE))
    yield "li", len(re.findall(r"^ *(?:-|\d+\.) ", prose, re.MULTILINE))
    yield "table", len(rulers)
    yield "tr", len(rows) - len(rulers)
    yield "pre", len(pages.blocks(page)) + indented
    yield "img", len(re.findall(r"!\[|<img\b", prose))


def test_it_is_found_without_a_server_what_the_server_finds(site: Path) -> None:
    script = (site / "search.js").read_text()
    index = json.loads((site / "search.json").read_text())

    assert json.loads(script.removeprefix("var __index = ")) == index
    assert any("IRA029" in item["title"] for item in index["items"])


def test_a_build_gives_the_same_files_again(site: Path, tmp_path: Path) -> None:
    tool.main([str(tmp_path / "site")])

    names = [str(file.relative_to(site)) for file in site.rglob("*") if file.is_file()]
    same, _, _ = filecmp.cmpfiles(site, tmp_path / "site", names, shallow=False)
    assert sorted(same) == sorted(names)


@pytest.mark.parametrize("link", ["missing.md", "README.md/missing.py", "docs/testing.md"])
def test_a_link_that_leads_nowhere_or_to_a_page_outside_is_told(link: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/testing.md").write_text("# Not in the navigation\n")
    (tmp_path / "README.md").write_text(f"# A page\n\n[there]({link})\n")

    with pytest.raises(tool.NotBuiltError, match=f"README.md: the link to {link} leads to no page"):
        tool.assembled(tmp_path, ["README.md"])


def test_an_anchor_that_is_not_there_stops_the_build(tmp_path: Path) -> None:
    require(tool.PROGRAM)
    config = '[project]\nsite_name = "a"\ndocs_dir = "pages"\nsite_dir = "html"\n'
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine.html").write_text("mine")

    with pytest.raises(tool.NotBuiltError, match=r"README\.md:3:") as raised:
        tool.build({"README.md": "# A page\n\n[there](#missing)\n"}, config, tmp_path / "site")

    assert "Traceback" not in str(raised.value)
    assert (tmp_path / "site/mine.html").read_text() == "mine"


def test_a_file_of_code_becomes_a_page_that_shows_it(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "app.py").write_text("print('```')\n")
    (tmp_path / ".ci").write_text("make\n")
    text = "# A\n\n[the app](../app.py), [again](../app.py#L1), [CI](../.ci)\n"
    (tmp_path / "docs/a.md").write_text(text)

    sources = tool.assembled(tmp_path, ["docs/a.md"])

    links = "[the app](../app.py.md), [again](../app.py.md#L1), [CI](../ci.md)"
    assert sources["docs/a.md"] == f"# A\n\n{links}\n"
    assert sources["app.py.md"] == "# app.py\n\n`app.py`:\n\n````py\nprint('```')\n````\n"


@pytest.mark.parametrize(
    ("given", "converted"),
    [
        ("1. one\n\n   more\n2. two\n", "1. one\n\n    more\n\n2. two\n"),
        ("1. one\n2. two\n", "1. one\n2. two\n"),
        ("1. one\n   ```\n   a\n   ```\n\n   b\n", "1. one\n    ```\n    a\n    ```\n\n    b\n"),
        ("1. one\n\nText.\n\n   not of the list\n", "1. one\n\nText.\n\n   not of the list\n"),
        ("| a |\n|---|\n| `<a\\|b>` |\n", "| a |\n|---|\n| <code>&lt;a&#124;b&gt;</code> |\n"),
        ("`a\\|b`\n", "`a\\|b`\n"),
        ("| `engine.tag` | `model_download.token` |\n",
         "| `engine.tag` | <code>model_<wbr>download.<wbr>token</code> |\n"),
    ],
)  # fmt: skip
def test_markdown_is_converted_where_the_readers_differ(given: str, converted: str) -> None:
    assert python_markdown.converted(given) == converted


def test_the_site_is_no_part_of_the_repository() -> None:
    assert "build/" in (ROOT / ".gitignore").read_text().splitlines()
    assert tool.SITE.parts[0] == "build"
