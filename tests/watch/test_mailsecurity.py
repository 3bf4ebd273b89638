"""Where nothing may be said to the mail server before TLS."""

import pytest

from mailseal.watch.mailsecurity import MailSecurity

AUTO, STARTTLS = MailSecurity.AUTO, MailSecurity.STARTTLS


@pytest.mark.parametrize(
    ("security", "host", "insists"),
    [
        (AUTO, "mail.example.com", True),
        (AUTO, "192.0.2.1", True),
        (AUTO, "localhost.example.com", True),  # a name like any other
        (AUTO, "localhost", False),
        (AUTO, "127.0.0.1", False),
        (AUTO, "::1", False),
        (STARTTLS, "localhost", True),  # the operator's own word
        (MailSecurity.TLS, "mail.example.com", False),  # TLS is there from the first byte
        (MailSecurity.NONE, "mail.example.com", False),
    ],
)
def test_starttls_is_left_out_on_this_machine_alone(
    security: MailSecurity, host: str, insists: bool
) -> None:
    """Whoever sits on the way to another machine must not be able to take TLS away."""
    assert security.insists_on_starttls(host) is insists
