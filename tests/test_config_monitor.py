"""The table of watching: what belongs together, and what is not shown."""

import pytest

from mailseal import config
from mailseal.config import ConfigError

MAIL = 'mail_to = ["a@example.com"]\nmail_from = "b@example.com"\n'


def problems(text: str) -> tuple[str, ...]:
    """Return what is wrong with a [monitor] table."""
    with pytest.raises(ConfigError) as caught:
        config.parse(f"[monitor]\n{text}")
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('mail_to = ["a@example.com"]', "mail_from is not"),
        (f'{MAIL}mail_user = "me"', "need each other"),
        (
            f'{MAIL}mail_user = "me"\nmail_password_file = "/x"\nmail_security = "none"',
            "in clear",
        ),
        ('interval = "10m"', "confirm_after is 15m"),
        ('mail_to = ["A <a@example.com>"]', "a mail address in ASCII"),
        ('mail_to = ["a@example.com\\nBcc: b@example.com"]', "a mail address in ASCII"),
        ('webhook_url = "http://example.com/"', "https://HOST/PATH"),
        ('webhook_url = "https://user:secret@example.com/"', "https://HOST/PATH"),
        ('webhook_url = "https://example.com:99999/"', "https://HOST/PATH"),
        ('webhook_url = "https://exa mple.com/"', "https://HOST/PATH"),
        ('webhook_url = "https://a..b.example/"', "https://HOST/PATH"),
    ],
)
def test_what_does_not_fit_is_told(text: str, part: str) -> None:
    """Before a mail is sent to nobody, or a password in clear."""
    assert any(part in problem for problem in problems(text))


def test_a_webhook_that_is_refused_is_not_shown() -> None:
    """Its path may be right, and what is wrong goes to a log."""
    for url in ("https://a..b.example/T0", "hooks.example.com/T0", ["https://h.example/T0"]):
        told = problems(f"webhook_url = {url!r}")
        assert any("[monitor] webhook_url is a value that is not shown" in one for one in told)
        assert not any("T0" in one for one in told)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_webhook_of_this_machine_needs_no_tls(host: str) -> None:
    """A relay that listens on loopback is within reach of nobody else."""
    text = f'[monitor]\nwebhook_url = "http://{host}:8080/x"'
    url = config.parse(text).monitor.webhook_url
    assert url is not None
    assert url.reveal() == f"http://{host}:8080/x"


@pytest.mark.parametrize("path", ["/T0/xyz", "?T0=/xyz", ":/T0"])
def test_a_webhook_is_shown_without_its_path(path: str) -> None:
    """Many services take whoever knows the path for the owner."""
    parsed = config.parse(f'[monitor]\nwebhook_url = "https://hooks.example.com{path}"')
    assert "T0" not in repr(parsed)
    assert config.to_document(parsed)["monitor"]["webhook_url"] == "https://hooks.example.com/***"
    whole = config.to_document(parsed, reveal=True)
    assert config.from_document(whole) == parsed
