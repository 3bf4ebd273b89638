"""Notices as mail and as JSON: whole, bounded, and nothing in them that acts on its own."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest

from mailseal.checks.finding import Finding, Kind, Ready, Severity
from mailseal.watch.notice import Notice, NoticeSyntaxError, id_of, read_notice, write_notice
from mailseal.watch.noticejson import render_json, sign
from mailseal.watch.noticemail import render_mail

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FINDING = Finding(
    code="tlsa-left-behind",
    severity=Severity.ERROR,
    subject="mx1.example.com",
    seen="The key has changed and the TLSA records have not.",
    follows="Senders with DANE do not deliver there.",
    remedy="Publish the record of the present key at once.",
    ready=(Ready(kind=Kind.RECORD, place="_25._tcp.mx1.example.com", text="TLSA 3 1 1 00ff"),),
    clause="RFC 7671 §8.1",
)
NOTICE = Notice(
    domain="example.com",
    at=AT,
    verdict="enforcing-and-losing-mail",
    verdict_before="enforcing-and-healthy",
    sentence="Senders that enforce lose mail to example.com.",
    added=(FINDING,),
    resolved=(replace(FINDING, code="certificate-expired"),),
    still_there=2,
)


def body_of(*notices: Notice) -> str:
    """Render a mail and read its text back as a mail program would."""
    raw = render_mail(notices, sender="mailseal@example.com", recipients=("a@example.com",))
    message = message_from_bytes(bytes(raw), policy=default)
    text = message.get_body()
    assert text is not None
    return str(text.get_content())


def test_a_notice_reads_back_as_it_was() -> None:
    """It waits in the store until it is sent."""
    assert read_notice(write_notice(NOTICE)) == NOTICE
    for text in (b"", b"{}", b"[" * 100_000, b"\xff"):
        with pytest.raises(NoticeSyntaxError):
            read_notice(text)


def test_a_mail_tells_what_was_seen_what_follows_and_what_to_do() -> None:
    """With the record ready, and where to read the rest."""
    text = body_of(NOTICE)
    for part in (
        "example.com: enforcing and losing mail (1 new, 1 resolved)",
        'The verdict was "enforcing and healthy" and is "enforcing and losing',
        "* ERROR tlsa-left-behind: mx1.example.com",
        FINDING.seen,
        FINDING.follows,
        f"Do: {FINDING.remedy}",
        "TLSA 3 1 1 00ff",
        "Resolved:",
        "Still there, told before: 2.",
        "mailseal monitor show example.com",
    ):
        assert part in text
    assert text.count(FINDING.remedy) == 1  # what is over needs no remedy


def test_a_mail_has_the_headers_that_automatic_mail_should_have() -> None:
    """One id for one notice however often it is tried; no vacation notice comes back."""
    first, again = (
        render_mail((NOTICE,), sender="mailseal@example.com", recipients=("a@example.com", "b@c.d"))
        for _ in range(2)
    )
    assert bytes(first) == bytes(again)
    assert first["Message-ID"] == f"<{NOTICE.id}@example.com>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["To"] == "a@example.com, b@c.d"
    assert bytes(first).isascii()


def test_several_notices_are_one_mail() -> None:
    """Each has its block; the subject names the domains."""
    other = replace(NOTICE, domain="example.net")
    raw = render_mail((NOTICE, other), sender="m@example.com", recipients=("a@example.com",))
    assert raw["Subject"] == "[mailseal] 2 domains: 2 new, 2 resolved (example.com, example.net)"
    assert body_of(NOTICE, other).count("Seen on 2026-11-22") == 2
    assert id_of((NOTICE, other)) == id_of((other, NOTICE)) != NOTICE.id


def test_what_a_server_has_said_becomes_no_header_and_moves_no_cursor() -> None:
    """Line ends and escapes are shown as question marks."""
    evil = replace(
        NOTICE,
        verdict="x\r\nBcc: everybody@example.com",
        added=(replace(FINDING, seen="It said \x1b[2J\r\n.\r\nQUIT."),),
    )
    raw = bytes(render_mail((evil,), sender="m@example.com", recipients=("a@example.com",)))
    assert b"\x1b" not in raw
    assert b"\nBcc:" not in raw
    assert message_from_bytes(raw)["Bcc"] is None


def test_a_mail_stays_readable_however_much_is_wrong() -> None:
    """Beyond fifty findings of a kind they are counted."""
    many = tuple(replace(FINDING, subject=f"mx{number}.example.com") for number in range(80))
    text = body_of(replace(NOTICE, added=many))
    assert "* and 30 more" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_name_is_never_broken_at_the_end_of_a_line() -> None:
    """Hyphens are part of it; in two halves it can be neither copied nor searched for."""
    name = "a-name-with-so-many-hyphens-that-it-ends-in-the-next-line.example.com"
    seen = f"The certificate is for {name}."
    text = body_of(replace(NOTICE, sentence=seen, added=(replace(FINDING, seen=seen),)))

    assert text.count(f"{name}.") == 2


def test_a_webhook_carries_the_same_and_can_be_verified() -> None:
    """Whoever has the secret can tell that it is from here, and from when."""
    body = render_json((NOTICE,))
    (event,) = json.loads(body)["events"]
    assert (event["id"], event["event"], event["domain"]) == (NOTICE.id, "changed", "example.com")
    assert event["added"][0]["ready"][0]["text"] == "TLSA 3 1 1 00ff"

    signature = dict(part.split("=") for part in sign(body, b"secret", AT).split(","))
    signed = f"{signature['t']}.".encode() + body
    assert signature["v1"] == hmac.new(b"secret", signed, hashlib.sha256).hexdigest()
    assert signature["t"] == str(int(AT.timestamp()))


def test_a_test_says_that_it_is_one() -> None:
    """In the subject, in the text and in the event."""
    notice = replace(NOTICE, is_test=True, added=(), resolved=(), sentence="This is a test.")
    assert "test" in render_mail((notice,), sender="m@e.x", recipients=("a@e.x",))["Subject"]
    assert body_of(notice).strip() == "This is a test."
    assert json.loads(render_json((notice,)))["events"][0]["event"] == "test"
