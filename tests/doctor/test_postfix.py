"""What the doctor makes of main.cf, as postconf shows it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mailseal.doctor.finding import Finding, Status
from mailseal.doctor.postfix import (
    Expected,
    PostfixFacts,
    SocketmapFact,
    allowed_versions,
    judge_postfix,
    socketmaps,
)

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "postfix.md"
CA = "/etc/ssl/certs/ca-certificates.crt"
GOOD = {
    "mail_version": "3.10.5",
    "queue_directory": "/var/spool/postfix",
    "smtp_dns_support_level": "dnssec",
    "smtp_host_lookup": "dns",
    "smtp_tls_CAfile": CA,
    "smtp_tls_CApath": "",
    "smtp_tls_mandatory_protocols": ">=TLSv1.2",
    "smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8461:postfix",
    "smtp_tls_security_level": "may",
}
EXPECTED = Expected(
    zones={"postfix": "postfix", "postfix-3.10": "postfix-3.10", "QUERY": "postfix"},
    mta_default="may",
    has_dane=True,
)


def judge(expected: Expected = EXPECTED, /, **settings: str) -> list[Finding]:
    """Judge a good main.cf with some other settings."""
    return list(judge_postfix(PostfixFacts(settings={**GOOD, **settings}), expected))


def wrong(findings: list[Finding]) -> dict[str, Status]:
    """Return what is not well; each of it has a remedy."""
    found = [one for one in findings if one.status is not Status.OK]
    assert all(one.remedy for one in found)
    return {one.code: one.status for one in found}


def test_a_good_configuration_has_nothing_wrong() -> None:
    """Whatever the doctor asks for is there."""
    assert wrong(judge()) == {}


def test_who_follows_the_howto_has_nothing_wrong() -> None:
    """Its main.cf sets all that Postfix' own defaults leave open."""
    [lines, *_] = re.findall(r"^```text\n(.*?)^```$", HOWTO.read_text(), re.MULTILINE | re.DOTALL)
    assert wrong(judge(**dict(line.split(" = ", 1) for line in lines.splitlines()))) == {}


def test_the_remedy_for_old_tls_is_one_that_works() -> None:
    """As the how-to has it, in a form that Postfix before 3.6 takes as well."""
    [old] = [one for one in judge(smtp_tls_mandatory_protocols="") if one.remedy]
    setting = old.remedy.removeprefix("postconf -e '").removesuffix("'")
    assert f"\n{setting}\n" in HOWTO.read_text()
    assert wrong(judge(**dict([setting.split(" = ", 1)]))) == {}


@pytest.mark.parametrize(("settings", "code", "status"), [
    ({"smtp_tls_policy_maps": ""}, "postfix-does-not-ask", Status.ERROR),
    ({"smtp_tls_policy_maps": "hash:/etc/postfix/tls"}, "postfix-does-not-ask", Status.ERROR),
    ({"smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8461:postfx"},
     "postfix-unknown-map", Status.ERROR),
    ({"mail_version": "3.3.0"}, "postfix-too-old", Status.ERROR),
    ({"mail_version": ""}, "postfix-version-unknown", Status.UNKNOWN),
    # Every answer dane-only would be deferred.
    ({"smtp_dns_support_level": ""}, "postfix-without-dnssec", Status.ERROR),
    ({"smtp_dns_support_level": "enabled"}, "postfix-without-dnssec", Status.ERROR),
    ({"smtp_host_lookup": "native"}, "postfix-without-dnssec", Status.ERROR),
    ({"smtp_tls_CAfile": ""}, "postfix-without-authorities", Status.ERROR),
    ({"smtp_tls_security_level": ""}, "postfix-without-tls", Status.WARNING),
    ({"smtp_tls_security_level": "none"}, "postfix-without-tls", Status.WARNING),
    ({"smtp_tls_security_level": "dane"}, "postfix-level-differs", Status.WARNING),
    ({"smtp_tls_security_level": "dane-only"}, "postfix-level-weakened", Status.ERROR),
    ({"smtp_tls_security_level": "secure"}, "postfix-level-weakened", Status.ERROR),
    ({"smtp_tls_security_level": "maybe"}, "postfix-level-unknown", Status.UNKNOWN),
    ({"smtp_tls_mandatory_protocols": "TLSv1"}, "postfix-without-tls-1.2", Status.ERROR),
    ({"smtp_tls_mandatory_protocols": ">=TLSv1"}, "postfix-allows-old-tls", Status.WARNING),
    ({"smtp_tls_mandatory_protocols": "!SSLv2, !SSLv3"}, "postfix-allows-old-tls", Status.WARNING),
    ({"smtp_tls_mandatory_protocols": ">=TLSv1.1"}, "postfix-allows-old-tls", Status.WARNING),
    ({"smtp_tls_mandatory_protocols": ""}, "postfix-allows-old-tls", Status.WARNING),
])  # fmt: skip
def test_each_fault_is_told_by_its_name(
    settings: dict[str, str], code: str, status: Status
) -> None:
    """One fault, one finding that is not well."""
    assert wrong(judge(**settings)) == {code: status}


@pytest.mark.parametrize(("version", "map_name", "is_well"), [
    ("3.4.0", "postfix", True),
    ("3.7.11", "postfix", True),
    ("3.7.11", "QUERY", True),
    ("3.7.11", "postfix-3.10", False),      # it takes policy_string= for a mistake
    ("3.9.9", "postfix-3.10", False),
    ("3.10.0", "postfix-3.10", True),
    ("3.11-20260101", "postfix-3.10", True),
    ("4.0.0", "postfix-3.10", True),
])  # fmt: skip
def test_the_version_must_fit_the_profile(version: str, map_name: str, is_well: bool) -> None:
    """3.10 is later than 3.9, and the map's name decides what is answered."""
    maps = f"socketmap:unix:/run/mailseal/socketmap:{map_name}"
    settings = {**GOOD, "mail_version": version, "smtp_tls_policy_maps": maps}
    facts = PostfixFacts(settings=settings, is_reachable={"/run/mailseal/socketmap": True})

    found = wrong(list(judge_postfix(facts, EXPECTED)))

    assert found == ({} if is_well else {"postfix-too-old": Status.ERROR})


@pytest.mark.parametrize(("is_reachable", "code"), [
    (True, None),
    (False, "postfix-socket-missing"),
    (None, "postfix-socket-unseen"),
])  # fmt: skip
def test_the_socket_must_be_where_a_chroot_lets_postfix_see_it(
    is_reachable: bool | None, code: str | None
) -> None:
    """The remedy names the path below the queue."""
    facts = PostfixFacts(
        settings={**GOOD, "smtp_tls_policy_maps": "socketmap:unix:/mailseal/s:postfix"},
        is_chrooted=True,
        is_reachable={"/mailseal/s": is_reachable},
    )
    findings = list(judge_postfix(facts, EXPECTED))

    assert list(wrong(findings)) == ([code] if code else [])
    if code == "postfix-socket-missing":
        remedy = next(one.remedy for one in findings if one.code == code)
        assert "unix:/var/spool/postfix/mailseal/s" in remedy


def test_authorities_that_are_not_there_are_none() -> None:
    """One of two that exists is enough."""
    both = {**GOOD, "smtp_tls_CApath": "/etc/ssl/certs"}
    for missing, codes in (((CA,), []), ((CA, "/etc/ssl/certs"), ["postfix-without-authorities"])):
        facts = PostfixFacts(settings=both, missing_files=missing)
        assert list(wrong(list(judge_postfix(facts, EXPECTED)))) == codes


@pytest.mark.parametrize(("told", "level", "codes"), [
    ("dane", "dane", []),
    ("dane", "secure", []),                          # NOTFOUND leaves it to main.cf
    ("encrypt", "may", []),                          # makes no difference to any answer
    ("dane", "may", ["postfix-level-missing"]),      # NOTFOUND, where dane was meant
])  # fmt: skip
def test_mta_default_must_say_what_main_cf_says(told: str, level: str, codes: list[str]) -> None:
    """It decides whether "dane" is answered, or left to main.cf."""
    expected = replace(EXPECTED, mta_default=told)

    assert list(wrong(judge(expected, smtp_tls_security_level=level))) == codes


def test_without_dane_postfix_needs_no_dnssec() -> None:
    """``enabled = false`` in [dane] is for just that."""
    expected = replace(EXPECTED, has_dane=False)

    assert wrong(judge(expected, smtp_dns_support_level="")) == {}


@pytest.mark.parametrize(("text", "newest"), [
    ("", "TLSv1.3"),
    (">=TLSv1.2", "TLSv1.3"),
    ("!SSLv2, !SSLv3, !TLSv1, !TLSv1.1", "TLSv1.3"),
    ("TLSv1.2", "TLSv1.2"),
    ("TLSv1, TLSv1.1", "TLSv1.1"),
    (">=TLSv1, <=TLSv1.1", "TLSv1.1"),
    ("!TLSv1.3 !TLSv1.2", "TLSv1.1"),
    ("nonsense", "TLSv1.3"),
])  # fmt: skip
def test_lists_of_tls_versions_are_read_as_postfix_does(text: str, newest: str) -> None:
    """Bounds, exclusions, and versions by name."""
    assert allowed_versions(text)[-1] == newest


@pytest.mark.parametrize(("text", "entries"), [
    ("hash:/etc/postfix/tls", ()),
    ("hash:/a, socketmap:unix:/s:QUERY socketmap:inet:[::1]:8461:sts", (
        SocketmapFact(place="unix:/s", map_name="QUERY", path="/s"),
        SocketmapFact(place="inet:[::1]:8461", map_name="sts"),
    )),
])  # fmt: skip
def test_socketmaps_are_found_among_other_tables(
    text: str, entries: tuple[SocketmapFact, ...]
) -> None:
    """Blanks and commas separate tables."""
    assert socketmaps(text) == entries
