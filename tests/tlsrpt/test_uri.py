"""Addresses that reports go to (RFC 8460 §3)."""

import pytest

from mailseal.tlsrpt.uri import MAX_URI_CHARS, UnknownSchemeError, UriSyntaxError, parse_uri


@pytest.mark.parametrize(
    ("text", "domain", "address"),
    [
        ("mailto:tls@example.com", "example.com", "tls@example.com"),
        ("mailto:TLS@Example.COM", "example.com", "TLS@example.com"),  # local parts have case
        ("mailto:a%2Bb@example.com", "example.com", "a+b@example.com"),
        ("mailto:a%2Cb%21@example.com?subject=x", "example.com", ""),  # a comma is no atom
        ("mailto:%22a%2Cb%22@example.com", "example.com", '"a,b"@example.com'),
        ("mailto:a@xn--mller-kva.example", "xn--mller-kva.example", "a@xn--mller-kva.example"),
        ("mailto:a@m%C3%BCller.example", "xn--mller-kva.example", "a@xn--mller-kva.example"),
    ],
)
def test_a_mail_address_is_decoded(text: str, domain: str, address: str) -> None:
    """Percent-encoding is undone, header fields are dropped, the domain becomes A-labels."""
    if not address:
        with pytest.raises(UriSyntaxError, match="no mailbox name"):
            parse_uri(text)
        return
    uri = parse_uri(text)
    assert (uri.scheme, uri.domain, uri.address, str(uri)) == ("mailto", domain, address, text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://tls.example.com/v1?a=b", "tls.example.com"),
        ("HTTPS://TLS.example.com", "tls.example.com"),
        ("https://tls.example.com:8443", "tls.example.com"),
        ("https://192.0.2.1/x", "192.0.2.1"),
        ("https://[2001:DB8::1]:443/x", "2001:db8::1"),
    ],
)
def test_a_url_tells_its_host(text: str, host: str) -> None:
    """The URL stays as it is; its host is what will be looked up."""
    uri = parse_uri(text)
    assert (uri.scheme, uri.domain, uri.address, uri.text) == ("https", host, "", text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "two commas"),
        ("tls@example.com", "mailto:tls@example.com"),  # the commonest mistake
        ("example.com", "neither mailto: nor https:"),
        ("mailto://tls@example.com", "slashes"),
        ("mailto:tls", "no mail address"),
        ("mailto:@example.com", "no mailbox name"),
        ("mailto:a@b@example.com", "more than one"),
        ("mailto:a@192.0.2.1", "no domain"),
        ("mailto:a..b@example.com", "no mailbox name"),
        ("mailto:" + "a" * 65 + "@example.com", "no mailbox name"),
        ("mailto:%FF@example.com", "UTF-8"),
        ("mailto:tls@example.com!10m", "ends in a size"),  # DMARC's syntax
        ("mailto:a!b@example.com", "written %21"),
        ("mailto:tls @example.com", "a blank"),
        ("mailto:100%@example.com", "percent sign"),
        ("mailto:jürgen@example.com", "not ASCII"),
        ("https:/example.com", "two slashes"),
        ("https://", "no host"),
        ("https://user@example.com/", "user name"),
        ("https://example.com:0/", "no port"),
        ("https://example.com:99999/", "no port"),
        ("https://exa_mple..com/", "no host"),
        ("https://[::1/", "no host"),
        ("https://300.1.1.1/", "no host"),
        ("https://example.com/<x>", "written %3C"),
        ("mailto:a@example.com\x1b[2J", "written %1B"),  # never raw in a message
        ("mailto:" + "a" * MAX_URI_CHARS, "characters"),
    ],
)
def test_the_mistake_is_named_in_words(text: str, words: str) -> None:
    """The message says what went wrong, in printable ASCII."""
    with pytest.raises(UriSyntaxError) as raised:
        parse_uri(text)
    assert words in str(raised.value)
    assert str(raised.value).isascii()
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("text", ["http://example.com/", "ftp://example.com/", "tel:+1"])
def test_other_schemes_are_passed_over(text: str) -> None:
    """A scheme of the future is no syntax error (RFC 8460 §3 has two of them)."""
    with pytest.raises(UnknownSchemeError, match="senders pass it over"):
        parse_uri(text)
