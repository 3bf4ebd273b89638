"""The URL of a webhook is read once, for configuration and sender, and never repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.watch.webhookplace import WebhookPlace, WebhookSyntaxError, parse_webhook


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "target"),
    [
        ("https://h.example/S", "h.example", 443, "h.example", "/S"),
        ("https://h.example:/S", "h.example", 443, "h.example", "/S"),  # RFC 3986 §3.2.3
        ("HTTPS://H.Example./S", "h.example", 443, "h.example", "/S"),
        ("https://h.example:8443?a=/b", "h.example", 8443, "h.example:8443", "/?a=/b"),
        ("https://h.example", "h.example", 443, "h.example", "/"),
        ("https://[2001:DB8::1]/S", "2001:db8::1", 443, "[2001:db8::1]", "/S"),
        ("https://192.0.2.1:1/", "192.0.2.1", 1, "192.0.2.1:1", "/"),
        ("http://[0:0::1]:80/", "::1", 80, "[::1]", "/"),
        ("http://localhost:8080/", "localhost", 8080, "localhost:8080", "/"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, authority: str, target: str) -> None:
    """Scheme and host in any case; an empty port is the usual one."""
    place = parse_webhook(url)
    assert (place.host, place.port, place.target) == (host, port, target)
    assert place.authority == authority
    assert place.is_secure is url.lower().startswith("https")


@pytest.mark.parametrize(
    "url",
    [
        "https://a..b.example/SECRET",  # an empty label
        f"https://{'a' * 64}.example/SECRET",  # a label of 64
        "https://@h.example/SECRET",  # an empty user
        "https://u:p@h.example/SECRET",
        "https://h.example:0/SECRET",
        "https://h.example:65536/SECRET",
        "https://h.example:1_0/SECRET",
        "https://ex\\ample.com/SECRET",
        "https://h.example/SECRET\r\nX: y",
        "https://h.example/SECRET#x",
        "https://[::1%25eth0]/SECRET",
        "https://[::zz]/SECRET",
        "https://[1.2.3.4]/SECRET",
        "https://1.2.3/SECRET",  # neither an address nor a name
        "https://x\u00fc.example/SECRET",
        "https:///SECRET",
        "http://h.example/SECRET",  # in clear to another machine
        "ftp://h.example/SECRET",
        "",
    ],
)
def test_another_text_is_refused_and_not_repeated(url: str) -> None:
    """The path of such a URL is often all that its owner is known by."""
    with pytest.raises(WebhookSyntaxError) as caught:
        parse_webhook(url)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(alphabet="hHtTpPsS:/[]@.?#%019aAfF-_ \\", max_size=40))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    """Nothing else is raised, and what is read reads back the same."""
    try:
        place = parse_webhook(f"https://{text}")
    except WebhookSyntaxError:
        return
    assert parse_webhook(f"https://{place.authority}{place.target}") == place


def test_a_place_is_shown_without_its_target() -> None:
    """As in a traceback."""
    place = WebhookPlace(is_secure=True, host="h.example", port=443, target="/SECRET")
    assert "SECRET" not in repr(place)
