"""The report as a page: whole by itself, for everybody, and safe with any server's texts."""

import itertools
import re
from html.parser import HTMLParser

from mailseal.checks.judge import judge
from mailseal.faces.check import htmlform
from mailseal.testing.evidence import domain_evidence, host, session, tls
from tests.faces.check.hostile import HARMFUL, MARKUP, hostile_evidence

_VOID = {"meta", "br", "img", "link", "input", "hr"}


class Outline(HTMLParser):
    """Reads a page: its elements in order, and whether each was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element; only the last one may be closed."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def page(*evidences: object) -> str:
    """Render some evidence."""
    return htmlform.render([judge(one) for one in evidences])  # type: ignore[arg-type]


BROKEN = domain_evidence(host(sessions=(session(handshake=tls("other.example")),)))


def test_nothing_is_loaded_from_anywhere() -> None:
    """A report is mailed, kept for years and opened without a network."""
    text = page(BROKEN)
    outline = Outline(text)

    assert not {name for name, _ in outline.elements} & {"script", "link", "img", "iframe", "form"}
    for _, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_every_element_is_closed_and_every_anchor_exists() -> None:
    """Links lead to areas of the page, each id is there once."""
    outline = Outline(page(BROKEN, domain_evidence(domain="b.example")))
    ids = [one["id"] for _, one in outline.elements if "id" in one]

    assert outline.open == []
    assert len(ids) == len(set(ids))
    for attributes in outline.all("a"):
        assert (attributes["href"] or "").removeprefix("#") in ids


def test_it_can_be_heard_as_well_as_seen() -> None:
    """Headings in order, tables with heads, a word for each sign."""
    outline = Outline(page(BROKEN))
    levels = [int(name[1]) for name, _ in outline.elements if re.fullmatch(r"h[1-6]", name)]

    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(one.get("scope") in ("row", "col") for one in outline.all("th"))
    signs = [one for one in outline.all("span") if (one.get("class") or "").startswith("mark ")]
    assert signs
    assert all(one.get("aria-hidden") == "true" for one in signs)
    assert "error: " in outline.words
    assert outline.all("html") == [{"lang": "en"}]


def test_the_verdict_stands_in_title_and_headline() -> None:
    """A tab, a bookmark and a printed page say what it is about."""
    outline = Outline(page(BROKEN))

    assert "example.com: enforcing and losing mail" in outline.words
    assert "enforcing and losing mail" in outline.words


def test_several_domains_begin_with_a_table_of_them() -> None:
    """Each links to its own part."""
    outline = Outline(page(BROKEN, domain_evidence(domain="b.example")))

    assert "2 domains" in outline.words
    assert [one["href"] for one in outline.all("a")][:2] == ["#d1", "#d2"]


def test_a_hostile_server_puts_nothing_into_the_page() -> None:
    """Neither elements nor attributes nor what turns the direction of the text."""
    text = page(hostile_evidence())
    clean = {name for name, _ in Outline(page(BROKEN)).elements}
    outline = Outline(text)

    assert {name for name, _ in outline.elements} <= clean | {"figure", "figcaption", "pre"}
    assert MARKUP not in text
    assert "&lt;script&gt;" in text
    assert not set(HARMFUL) & set(text)
    assert outline.open == []
    assert "49" not in outline.words  # {{ 7*7 }} is a text


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [
            one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_colours_can_be_told_apart_by_everybody() -> None:
    """Text has a contrast of 4.5 at least on its ground, in light and in dark (WCAG AA)."""
    text = page(BROKEN)
    light, dark, *_ = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    for palette in (light, dark):
        colours: dict[str, str] = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", palette))
        for name in ("ink", "soft", "good", "warning", "error", "unknown", "note", "none"):
            assert contrast(colours[name], colours["paper"]) >= 4.5, name
            ground = colours[f"{name}-tint" if f"{name}-tint" in colours else "tint"]
            assert contrast(colours[name], ground) >= 4.5, name
