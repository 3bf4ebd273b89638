"""The policy file, what it covers, and where it stands in its life: what makes each finding."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.answers import Answer
from mailseal.checks import coverage, policyfile, policylife
from mailseal.checks.evidence import Evidence
from mailseal.checks.finding import Kind, Severity
from mailseal.checks.policymistakes import OF_MISTAKE
from mailseal.checks.similarity import distance
from mailseal.mtasts.mistakes.cause import Cause
from mailseal.mtasts.policy import MAX_BODY_BYTES, parse_policy
from mailseal.results import ResultType
from mailseal.testing.evidence import (
    POLICY,
    absent,
    domain_evidence,
    failed,
    fetch,
    tls,
    txt,
)

from .stsworld import (
    TESTING,
    Case,
    codes,
    covering,
    file,
    find,
    judge,
    null_mx,
    serving,
    texts,
    with_record,
)

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741 # letters of the catalogue

GOOD = POLICY.decode()
MX = "mx1.example.com"
MODULES = (policyfile, coverage, policylife)


def broken(name: str, body: bytes | str, words: str = "") -> Case:
    """A file that senders refuse, for which there is a corrected one."""
    return Case(why=name, evidence=file(body), code=f"policy-{name}", severity=E, words=words)


def tolerated(name: str, body: bytes | str, words: str = "", severity: Severity = W) -> Case:
    """A file that is used all the same."""
    return Case(
        why=name, evidence=file(body), code=f"policy-{name}", severity=severity, words=words
    )


def covering_implicit(policy: str) -> Evidence:
    """A domain without MX records, which is its own MX host."""
    evidence = covering(policy, (10, MX))
    return replace(evidence, records=replace(evidence.records, mx=absent(is_name_known=True)))


def under_test(answer: Answer[tuple[bytes, ...]]) -> Evidence:
    """A domain in mode testing, and what it has at _smtp._tls."""
    evidence = file(TESTING)
    return replace(evidence, records=replace(evidence.records, tlsrpt=answer))


BROKEN = (
    broken("byte-order-mark", b"\xef\xbb\xbf" + POLICY),
    broken("utf-16", GOOD.encode("utf-16")),
    broken("not-utf-8", POLICY + b"note: caf\xe9\r\n", "0xe9"),
    broken("compressed", b"\x1f\x8b\x08\x00STSv1" + b"\xfe" * 9),
    broken("bare-cr", GOOD.replace("\r\n", "\r")),
    broken("web-page", "<!doctype html><title>Not found</title>"),
    broken("rtf", "{\\rtf1 " + GOOD + "}"),
    broken("json", '{"version": "STSv1", "mode": "enforce"}'),
    broken("front-matter", "---\nlayout: none\n---\n" + GOOD, "site generator"),
    broken("markdown-fence", f"```\n{GOOD}```\n"),
    broken("txt-record", '_mta-sts.example.com. TXT "v=STSv1; id=1"\n', "belongs in DNS"),
    broken("yaml-list", GOOD.replace("mx: ", "mx:\n  - ")),
    broken("indented", "".join(f"   {line}\n" for line in GOOD.splitlines())),
    broken("workflow", "name: build\non:\n  push:\njobs:\n", "workflow"),
    broken("prose", "This domain has no policy, since it takes no mail.\n", "prose"),
    broken("other-file", "User-agent: *\nDisallow: /\n"),
    broken("comment", "# ours\n" + GOOD),
    broken("no-colon", GOOD.replace("mode:", "mode"), 'Write "mode: enforce"'),
    broken("blank-before-colon", GOOD.replace("mode:", "mode :")),
    broken("quotes", GOOD.replace("mode: enforce", '"mode": "enforce"')),
    broken("control-character", GOOD + "note: a\tb\r\n"),
    broken("glued-lines", GOOD.rstrip() + GOOD, "line of its own"),
    broken("literal-newline", GOOD.replace("\r\n", "\\n")),
    broken("mode-word", GOOD.replace("enforce", "enforced"), 'Write "mode: enforce"'),
    broken("mode-word", GOOD.replace("enforce", "enforcing"), 'Write "mode: enforce"'),
    broken("mode-word", GOOD.replace("enforce", "live"), 'Write "mode: enforce"'),
    broken("mode-word", GOOD.replace("enforce", "report"), "drafts before RFC 8461"),
    broken("max_age-unit", GOOD.replace("604800", "1 week"), "604800"),
    broken("mx-address", GOOD.replace(MX, "[192.0.2.1]")),
    broken("mx-empty", GOOD + "mx:\r\n"),
    broken("mx-leading-dot", GOOD + "mx: .example.net\r\n"),
    broken("mx-list", GOOD.replace(MX, f"{MX}, mx2.example.com")),
    broken("mx-mail-address", GOOD.replace(MX, "postmaster@example.com")),
    broken("mx-null", GOOD.replace(MX, ".")),
    broken("mx-placeholder", GOOD.replace(MX, "<your-domain>.example.net"), "unfilled"),
    broken("mx-port", GOOD.replace(MX, f"{MX}:25")),
    broken("mx-preference", GOOD.replace(MX, f"10 {MX}"), "belongs in DNS only"),
    broken("mx-star", GOOD.replace(MX, "*")),
    broken("mx-u-label", GOOD + "mx: mx.b\u00fccher.example\r\n"),
    broken("mx-underscore", GOOD.replace(MX, "_dc-mx.example.com"), "underscore"),
    broken("mx-url", GOOD.replace(MX, f"https://{MX}"), "no URL"),
    broken("syntax", GOOD + "_x: y\r\n"),
    broken("too-long", GOOD + "n: x\r\n" * 4096),
    broken("missing-version", GOOD.replace("version: STSv1\r\n", "")),
    broken("bad-version", GOOD.replace("STSv1", "STSv2")),
    broken("missing-mode", GOOD.replace("mode: enforce\r\n", "")),
    broken("bad-mode", GOOD.replace("enforce", "")),
    broken("missing-max_age", GOOD.replace("max_age: 604800\r\n", "")),
    broken("bad-max_age", GOOD.replace("604800", "604,800")),
    broken("missing-mx", GOOD.replace(f"mx: {MX}\r\n", "")),
    broken("bad-mx", GOOD.replace(MX, "mx1..example.com")),
)

TOLERATED = (
    tolerated("mx-address", GOOD + "mx: 192.0.2.1\r\n", "without this line"),
    tolerated("mx-trailing-dot", GOOD.replace(MX, f"{MX}."), "final dot"),
    tolerated("max_age-above-bound", GOOD.replace("604800", "31557601"), "31557600"),
    tolerated("blank-line", GOOD + "\r\n", "some senders refuse"),
    tolerated("duplicate-field", GOOD + "mode: testing\r\n"),
    tolerated("likely-typo", GOOD + "ms: mx2.example.com\r\n", '"mx" is meant'),
    tolerated("duplicate-mx", GOOD + f"mx: {MX}\r\n"),
    tolerated("single-label-mx", GOOD + "mx: mailhost\r\n"),
    tolerated("placeholder-mx", GOOD + "mx: mail.yourdomain.com\r\n", "placeholder"),
    tolerated("broad-wildcard", GOOD + "mx: *.co.uk\r\n", "forges DNS"),
    tolerated("unknown-field", GOOD + "id: 1\r\n", "belongs in the TXT record", I),
    tolerated("trailing-blank", GOOD.replace("enforce", "enforce "), severity=I),
    tolerated("mixed-line-ends", GOOD.replace("\r\n", "\n", 1), severity=I),
    tolerated("no-final-newline", GOOD.rstrip(), severity=I),
)

COVERAGE = (
    Case(
        why="the provider was changed and the policy was not",
        evidence=covering("old.example.net", (10, "a.new.example"), (20, "b.new.example")),
        code="mx-none-covered",
        severity=E,
        words='"mx: a.new.example" and "mx: b.new.example"',
    ),
    Case(
        why="the same while testing",
        evidence=covering("old.example.net", (10, "a.new.example"), mode="testing"),
        code="mx-none-covered",
        severity=W,
        words="In mode testing it is only reported",
    ),
    Case(
        why="the primary is missing",
        evidence=covering("mx2.example.com", (10, MX), (20, "mx2.example.com")),
        code="mx-best-uncovered",
        severity=E,
        words="mx1.example.com (preference 10)",
    ),
    Case(
        why="one of two primaries is missing",
        evidence=covering(MX, (10, MX), (10, "mx2.example.com")),
        code="mx-best-uncovered",
        severity=E,
    ),
    Case(
        why="the backup is missing",
        evidence=covering(MX, (10, MX), (20, "backup.example.net")),
        code="mx-backup-uncovered",
        severity=E,
        words="while the better hosts are down",
    ),
    Case(
        why="a letter is missing",
        evidence=covering("mail.exampel.com", (10, "mail.example.com")),
        code="mx-none-covered",
        severity=E,
        words='"mx: mail.exampel.com" looks like a typing mistake of mail.example.com',
    ),
    Case(
        why="two labels under the star",
        evidence=covering("*.mx.microsoft", (10, "example-com.o-v1.mx.microsoft")),
        code="mx-none-covered",
        severity=E,
        words="stands for one label only",
    ),
    Case(
        why="the star's own name",
        evidence=covering("*.example.com", (10, "example.com")),
        code="mx-none-covered",
        severity=E,
        words="not example.com itself",
    ),
    Case(
        why="a host that no pattern can name",
        evidence=covering(MX, (10, MX), (20, "mx.a_b.example.com")),
        code="mx-backup-uncovered",
        severity=E,
        words="give it another name",
    ),
    Case(
        why="no MX record",
        evidence=covering_implicit(MX),
        code="mx-implicit-uncovered",
        severity=E,
        words="its own MX host",
    ),
    Case(
        why="a null MX",
        evidence=null_mx(domain_evidence()),
        code="mx-null-with-policy",
        severity=I,
        words="takes no mail",
    ),
    Case(
        why="a host of the past",
        evidence=covering(f"{MX} old.example.net", (10, MX)),
        code="mx-pattern-without-host",
        severity=W,
        words='"mx: old.example.net" covers no MX host',
    ),
    Case(
        why="a typing mistake beside the right name",
        evidence=covering("mail.example.com mial.example.com", (10, "mail.example.com")),
        code="mx-pattern-without-host",
        severity=W,
        words="Perhaps mail.example.com is meant by mial.example.com",
    ),
    Case(
        why="a wildcard for nobody",
        evidence=covering(f"{MX} *.example.net", (10, MX)),
        code="mx-wildcard-without-host",
        severity=W,
        words='"mx: *.example.net" covers no MX host',
    ),
    Case(
        why="a wildcard one level too high",
        evidence=covering(
            f"*.example.com {MX} a.b.example.net *.example.net", (10, "a.b.example.net")
        ),
        code="mx-wildcard-without-host",
        severity=W,
        words="a.b.example.net has more in front",
    ),
    Case(
        why="a wildcard for all customers",
        evidence=covering(
            "*.mail.protection.outlook.com", (0, "example-com.mail.protection.outlook.com")
        ),
        code="mx-wildcard-shared",
        severity=I,
        words='Write "mx: example-com.mail.protection.outlook.com" instead',
    ),
)

LIFE = (
    Case(
        why="testing",
        evidence=file(TESTING),
        code="policy-mode-testing",
        severity=I,
    ),
    Case(
        why="mode none",
        evidence=file(GOOD.replace("enforce", "none")),
        code="policy-mode-none",
        severity=W,
    ),
    Case(
        why="testing in silence",
        evidence=under_test(absent()),
        code="policy-testing-without-reports",
        severity=W,
        words="nowhere to report to",
    ),
    Case(
        why="testing, and SPF in place of TLSRPT",
        evidence=under_test(txt("v=spf1 -all")),
        code="policy-testing-without-reports",
        severity=W,
    ),
    Case(
        why="a day while enforcing",
        evidence=file(GOOD.replace("604800", "86400")),
        code="policy-short-max_age",
        severity=W,
        words="86400 seconds (24.0 hours)",
    ),
    Case(
        why="six minutes while testing",
        evidence=file(TESTING.replace(b"86400", b"360")),
        code="policy-short-max_age",
        severity=I,
        words="0.1 hours",
    ),
    Case(
        why="a year while testing",
        evidence=file(TESTING.replace(b"86400", b"31557600")),
        code="policy-long-max_age-while-testing",
        severity=I,
        words="365 days",
    ),
)

FINE = (
    domain_evidence(),
    file(GOOD.replace("\r\n", "\n")),  # LF throughout
    covering("*.example.com", (10, MX), (20, "mx2.example.com")),
    covering(MX.upper(), (10, MX)),  # names are compared in lower case
    covering("*.xn--bcher-kva.example", (10, "mx.xn--bcher-kva.example")),
)

CASES = (*BROKEN, *TOLERATED, *COVERAGE, *LIFE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}: {case.why}")
def test_each_fault_leads_to_its_finding(case: Case) -> None:
    """What was seen is said with its line, as bad as it is."""
    finding = find(case)
    assert finding.severity is case.severity
    assert case.words in texts(finding)
    assert finding.clause


@pytest.mark.parametrize("evidence", FINE)
def test_what_is_fine_is_left_alone(evidence: Evidence) -> None:
    """A finding that comes without need is not read when it is needed."""
    assert codes(evidence) == set()


def test_every_entry_has_its_case() -> None:
    """A code that nothing leads to would be a promise of the catalogue that nobody keeps."""
    own = {entry.code for module in MODULES for entry in module.ENTRIES}
    assert own == {case.code for case in CASES}


def test_every_mistake_with_a_name_has_its_entry() -> None:
    """What the parser can name the catalogue explains."""
    assert set(OF_MISTAKE) == set(Cause)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.why)
def test_a_broken_file_comes_with_the_corrected_one(case: Case) -> None:
    """It can be read, covers the MX host, and a record with a new id follows it."""
    findings = [one for one in judge(case.evidence) if one.ready]
    assert next(one.code for one in findings if one.code.startswith("policy-")) == case.code
    file_ready, record_ready = findings[0].ready
    assert (file_ready.kind, record_ready.kind) == (Kind.POLICY, Kind.RECORD)
    assert parse_policy(file_ready.text.encode()).covers(MX)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.why)
def test_a_broken_file_has_the_word_of_reports(case: Case) -> None:
    """Senders report it as sts-policy-invalid (RFC 8460 §4.3.2.2)."""
    assert find(case).result is ResultType.STS_POLICY_INVALID


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.why)
def test_a_broken_file_that_nobody_asks_for_is_no_error(case: Case) -> None:
    """Without a record senders never see it."""
    without = with_record(absent(), txt=txt("v=STSv1; id=1;"))
    evidence = domain_evidence(policy=case.evidence.policy_host, own_records=without.records)
    assert {one.severity for one in judge(evidence) if one.code == case.code} == {W}


def test_the_same_mistake_in_many_lines_is_told_once() -> None:
    """The first has its words, the others their lines."""
    hosts = "".join(f"mx: 10 mx{n}.example.com\r\n" for n in range(12))
    findings = [one for one in judge(file(GOOD + hosts)) if one.code == "policy-mx-preference"]
    assert len(findings) == 1
    assert findings[0].seen.startswith('Policy line 5: mx is "10 mx0.example.com"')
    assert findings[0].seen.endswith("The same in lines 6, 7, 8, 9, 10, 11, 12, 13 and 3 more.")


def test_a_first_policy_is_not_enforced_blindly() -> None:
    """What no sender ever enforced may lose mail on its first day."""
    for body, is_warned in ((GOOD.replace("enforce", "enforced"), True), (GOOD + "\r\n", False)):
        (finding,) = judge(file(body))
        assert ("mode testing is the safer beginning" in finding.remedy) is is_warned


def test_without_the_mx_set_nothing_is_compared() -> None:
    """A failed look-up is no MX set, and a file's own names have to do for its correction."""
    evidence = with_record(txt("v=STSv1; id=1;"), mx=failed())
    assert codes(evidence) == set()


def test_a_policy_behind_a_bad_certificate_is_read_all_the_same() -> None:
    """Once the certificate is repaired, its other faults would show; today nobody gets it."""
    body = POLICY.replace(b"mx1", b"mx9")
    evidence = serving(fetch(body, handshake=tls("www.example.com")))
    found = {one.code: one for one in judge(evidence)}
    assert set(found) == {
        "policy-certificate-wrong-name",
        "mx-none-covered",
        "mx-pattern-without-host",
    }
    assert found["mx-none-covered"].severity is W
    assert "No sender gets this policy today" in found["mx-none-covered"].follows


def test_a_failed_look_up_of_tlsrpt_is_no_absence() -> None:
    """Nobody is told to publish what may be there."""
    assert "policy-testing-without-reports" not in codes(under_test(failed()))


@pytest.mark.parametrize(
    ("left", "right", "far"),
    [
        ("", "", 0),
        ("mail", "mail", 0),
        ("mail", "mial", 2),
        ("mail", "mai", 1),
        ("mail", "maail", 1),
        ("mail", "nail", 1),
        ("mail", "smtp", 3),
        ("a", "abcd", 3),
        ("", "ab", 2),
    ],
)
def test_distance_counts_letters(left: str, right: str, far: int) -> None:
    """Up to two are counted, anything more is three."""
    assert distance(left, right) == far
    assert distance(right, left) == far


def slow_distance(left: str, right: str) -> int:
    """Count in the plainest way."""
    if not left or not right:
        return len(left) + len(right)
    return min(
        slow_distance(left[1:], right) + 1,
        slow_distance(left, right[1:]) + 1,
        slow_distance(left[1:], right[1:]) + (left[0] != right[0]),
    )


@given(st.text("ab", max_size=5), st.text("ab", max_size=5))
def test_distance_in_a_band_is_the_distance(left: str, right: str) -> None:
    """The short way comes to what the long way does."""
    assert distance(left, right) == min(slow_distance(left, right), 3)


@given(st.binary(max_size=300))
def test_any_file_is_judged(body: bytes) -> None:
    """Nothing that a server sends ends the judgement."""
    judge(file(body))


@pytest.mark.parametrize(
    "body",
    [
        b"mx: " + b"a." * 32_000,
        b"version: STSv1\n" + b"mx: a\n" * 10_000,
        b"mode: " * 10_000,
        b"<" * MAX_BODY_BYTES,
        b"{" * MAX_BODY_BYTES,
        b"\\f0" * 20_000,
        b"version: STSv1\nmode: enforce\nmax_age: 1\n"
        + b"".join(b"mx: %d.%s.example.com\n" % (n, b"a" * 40) for n in range(999)),
        b"version: STSv1\nmode: enforce\nmax_age: 1\n"
        + b"".join(b"mx: *.%d.%s.example.com\n" % (n, b"a" * 40) for n in range(999)),
    ],
)
def test_hostile_files_are_judged_in_few_words(body: bytes) -> None:
    """Thousands of mistakes are some findings, each of a size to be read."""
    findings = judge(file(body))
    assert len(findings) < 20
    assert all(len(texts(one)) < 5_000 for one in findings)
