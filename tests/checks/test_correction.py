"""A broken policy is written again as it was meant, and nothing is invented."""

import pytest

from mailseal.checks.correction import correct_policy, cover
from mailseal.mtasts.policy import Policy, parse_policy, render_policy

MX = ("mx1.example.com",)
GOOD = "version: STSv1\nmode: enforce\nmx: mx1.example.com\nmax_age: 604800\n"


def summary(policy: Policy | None) -> tuple[str, list[str], int] | None:
    """Return what can be compared at a glance: mode, patterns and seconds."""
    if policy is None:
        return None
    return (policy.mode, [str(one) for one in policy.mx], int(policy.max_age.total_seconds()))


@pytest.mark.parametrize(
    "body",
    [
        GOOD.encode(),
        b"---\nlayout: none\npermalink: .well-known/mta-sts.txt\n---\n\n" + GOOD.encode(),
        GOOD.replace("enforce", "enforced").encode(),
        GOOD.replace("enforce", "Enforcing").encode(),
        GOOD.replace("enforce", "live").encode(),
        "".join(f"      {line}\n" for line in GOOD.splitlines()).encode(),
        GOOD.replace("mx1", "Priority 10: mx1").encode(),
        GOOD.replace("mx1", "https://mx1").encode(),
        GOOD.replace("mx1.example.com", "mx1.example.com.").encode(),
        GOOD.replace("mx1.example.com", "mx1.example.com:25 # main").encode(),
        GOOD.replace("mx:", "ms:").encode(),
        GOOD.replace("mx: ", "mx:\n  - ").encode(),
        GOOD.replace("604800", "7 days").encode(),
        GOOD.replace("604800", "604800version: STSv1\nmode: testing").encode(),
        GOOD.replace("\n", "\\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.replace("\n", "  \n\n").encode(),
        GOOD.replace(": ", "=").encode(),
        GOOD.replace(": ", " : ").encode(),
        GOOD.replace(":", "").encode(),
        ("# our policy\n" + GOOD).encode(),
        ("```\n" + GOOD + "```\n").encode(),
        "".join(f'"{line}"\n' for line in GOOD.splitlines()).encode(),
        ("\\f0\\fs24 \\cf0 " + GOOD.replace("\n", "\\\n").rstrip("\\\n") + "}").encode(),
        ("<pre>" + GOOD.replace("\n", "<br>") + "</pre>").encode(),
        b'{"version": "STSv1", "mode": "enforce", "mx": ["mx1.example.com"], "max_age": 604800}',
        b"\xef\xbb\xbf" + GOOD.encode(),
        b"\xff\xfe" + GOOD.encode("utf-16-le"),
        GOOD.encode("utf-16-be"),
        GOOD.encode("utf-16-le"),
        GOOD.encode() + b"note: caf\xe9\n",
    ],
)
@pytest.mark.parametrize("mx_hosts", [MX, None], ids=["mx-known", "mx-unknown"])
def test_what_was_meant_comes_out_whatever_was_written(
    body: bytes, mx_hosts: tuple[str, ...] | None
) -> None:
    """Each mistake that people make leads back to the same policy, which reads as it is.

    Without the MX set nothing but the file can have led there.
    """
    corrected = correct_policy(body, mx_hosts)
    assert summary(corrected) == ("enforce", ["mx1.example.com"], 604800)
    assert corrected is not None
    assert parse_policy(render_policy(corrected)) == corrected


@pytest.mark.parametrize(
    "mx",
    [
        "<tenant>.example.com",
        "mail.yourdomain.com",
        "_dc-mx.0123.example.net",
        "192.0.2.1",
        "[192.0.2.1]",
        "",
    ],
)
def test_what_names_no_host_is_replaced_by_the_hosts_that_there_are(mx: str) -> None:
    """Placeholders, addresses and nothing at all; without the MX set nobody knows what to write."""
    body = GOOD.replace("mx: mx1.example.com\n", f"mx: {mx}\n" if mx else "").encode()
    assert summary(correct_policy(body, MX)) == ("enforce", ["mx1.example.com"], 604800)
    assert correct_policy(body, None) is None


def test_a_list_of_hosts_ends_with_the_next_field() -> None:
    """As in YAML; what is listed below another field is no host."""
    lists = "mx:\n  - mx1.example.com\n  - 'mx2.example.com'\nnotes:\nmode: enforce\n  - b.test\n"
    corrected = correct_policy(f"version: STSv1\n{lists}max_age: 604800\n".encode(), None)
    assert summary(corrected) == ("enforce", ["mx1.example.com", "mx2.example.com"], 604800)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"This site takes no mail. There is no policy.\n",
        b"name: build\non:\n  push:\njobs:\n  node:\n    runs-on: ubuntu\n",
        b'_mta-sts.example.com. TXT "v=STSv1; id=1"\n',
        b"<!doctype html><title>404</title>",
        b"{" * 10_000,  # JSON beyond any reader's stack
        b"[]",
        b'{"mode": {"a": 1}}',
        b"\x1f\x8b\x08\x00" + b"\xfe" * 20,
    ],
)
def test_another_file_is_replaced_by_a_first_policy(body: bytes) -> None:
    """Without any field the MX hosts are named, in the mode that holds no mail up."""
    assert summary(correct_policy(body, MX)) == ("testing", ["mx1.example.com"], 86400)
    assert correct_policy(body, None) is None


def test_a_repaired_name_counts_only_where_the_mx_set_confirms_it() -> None:
    """What is a guess is not published beside hosts that are known."""
    body = GOOD.replace("mx1.example.com", "://google.com").encode()
    assert summary(correct_policy(body, MX)) == ("enforce", ["mx1.example.com"], 604800)
    assert summary(correct_policy(body, None)) == ("enforce", ["google.com"], 604800)


def test_patterns_that_were_right_stay_and_missing_hosts_are_added() -> None:
    """A host of tomorrow is not taken out; a host of today is put in."""
    body = GOOD.replace("mx1.example.com", "*.example.net").encode()
    corrected = correct_policy(body, ("mx1.example.com", "a.example.net"))
    assert summary(corrected) == ("enforce", ["*.example.net", "mx1.example.com"], 604800)


def test_a_null_mx_leads_to_mode_none() -> None:
    """Who takes no mail has nothing to enforce (RFC 7505)."""
    corrected = correct_policy(GOOD.encode(), (), takes_no_mail=True)
    assert summary(corrected) == ("none", [], 604800)


@pytest.mark.parametrize(
    ("host", "pattern"),
    [
        ("mx1.example.com", "mx1.example.com"),
        ("_mx.example.com", "*.example.com"),  # no underscore in a pattern
        ("mx.a_b.example.com", None),  # nor in the name behind a star
        ("_mx.com", None),  # too broad
        ("localhost", None),
    ],
)
def test_the_narrowest_pattern_for_a_host(host: str, pattern: str | None) -> None:
    """A wildcard is proposed only where the name itself cannot be written."""
    found = cover(host)
    assert (None if found is None else str(found)) == pattern
