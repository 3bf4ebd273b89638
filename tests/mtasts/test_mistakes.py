"""The mistakes that people make are named in words, with what to do (RFC 8461 §3.2)."""

import pytest

from mailseal.mtasts.mistakes import typo
from mailseal.mtasts.mistakes.cause import Cause
from mailseal.mtasts.mistakes.mx import meant_hosts
from mailseal.mtasts.mistakes.value import explain_max_age
from mailseal.mtasts.policy import MAX_MAX_AGE, read_policy

GOOD = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n"


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), 1, "byte order mark"),
        (b"\xff\xfe" + GOOD.encode("utf-16-le"), 1, "UTF-16"),
        (GOOD.encode("utf-16-be"), 1, "UTF-16"),
        (GOOD.encode("utf-16-le"), 1, "UTF-16"),
        (b"\x1f\x8b\x08\x00" + b"\xfe" * 20, 1, "gzip"),
        (GOOD.replace("\n", "\r").encode(), 1, "CR alone"),
        (b"<!doctype html>\n<p>Hello\n", 1, "HTML"),
        (b'<?xml version="1.0"?>\n<Error/>\n', 1, "HTML or XML"),
        (b"\n\n  <html>\n", 1, "HTML"),
        (b'{"version": "STSv1"}', 1, "JSON"),
        (b"{\\rtf1 version: STSv1}\n", 1, "RTF"),
        (b"\\f0 version: STSv1\\\nmode: enforce\\\n", 1, "RTF"),
        (b"---\npermalink: x\n---\n" + GOOD.encode(), 1, "front matter"),
        (b"```\n" + GOOD.encode() + b"```\n", 1, "Markdown"),
        (b'_mta-sts.example.com. IN TXT "v=STSv1; id=1"\n', 1, "TXT record"),
        (b"\nv=STSv1; id=1\n", 2, "TXT record"),
        (b"version: STSv1\nmode: none\nmx:\n - a.example\nmax_age: 1\n", 3, "YAML list"),
        (b"  version: STSv1\n  mode: none\n  max_age: 1\n", 1, "every line begins with a blank"),
        (b"Hello.\nNothing here.\n", None, "another file"),
        (b"name: build\non:\n  push:\n", None, "another file"),
        (b"User-agent: *\nDisallow: /\n", None, "another file"),  # fields, and none of them ours
    ],
)
def test_a_file_that_is_no_policy_gives_one_deviation(
    body: bytes, line: int | None, words: str
) -> None:
    """What explains the whole file replaces an error for each of its lines."""
    reading = read_policy(body)
    assert reading.policy is None
    (deviation,) = reading.deviations
    assert (deviation.code, deviation.line) == ("syntax", line)
    assert words in deviation.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("# comment", "meant as a comment"),
        ("  // comment", "meant as a comment"),
        (" mode: none", "begins with a blank"),
        ("\u00a0mode: none", "begins with a blank"),  # a no-break space looks the same
        ("mode none", 'Write "mode: none"'),
        ("MX=a.example", 'Write "mx: a.example"'),
        ("nonsense", "a name, a colon and a value"),
        (": x", "no field name"),
        ("mode : none", 'Write "mode: none"'),
        ('"mode": "none"', "quotes"),
        ("- mx: a.example", "YAML"),
        ("n" * 33 + ": x", "33 characters"),
        ("_x: y", "letters, digits, dots"),
        ("n\u00f6te: x", "letters, digits, dots"),
        ("note:", "no value"),
        ("note: a\rb", "stray CR"),
        ("note: a\tb", "a tab"),
        ("note: a\x00b", "0x00"),
    ],
)
def test_a_line_that_is_no_field_is_explained(line: str, words: str) -> None:
    """The message names the line's own mistake."""
    deviation = read_policy((GOOD + line + "\n").encode()).deviations[0]
    assert (deviation.code, deviation.line) == ("syntax", 5)
    assert words in deviation.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", 'one line "mx: HOST"'),
        (".", "null MX"),
        ("10 MX.example.com", 'Write "mx: mx.example.com"'),
        ("Priority 5: mx.example.com", 'Write "mx: mx.example.com"'),
        ("https://mx.example.com/", "URL"),
        ("<tenant>.example.com", "placeholder"),
        ("{{ mx }}", "placeholder"),
        ("${MX}", "placeholder"),
        ("a.example,b.example", "one pattern"),
        ("a.example b.example", "one pattern"),
        ("[192.0.2.1]", "address"),
        ("2001:db8::1", "address"),
        ("mx.example.com:25", 'Write "mx: mx.example.com"'),
        ("me@example.com", "mail address"),
        ("'mx.example.com'", 'Write "mx: mx.example.com"'),
        ("mx.example.com # one", "comments"),
        ("mx.b\u00fccher.example", 'Write "mx: mx.xn--bcher-kva.example"'),
        ("*.b\u00fccher.example", 'Write "mx: *.xn--bcher-kva.example"'),
        ("\ud7a4.example", "no such form"),  # not assigned in Unicode
        ("\u00fc" * 1000, "no such form"),  # converting it would take long
        ("*", "allow any host"),
        ("mx*.example.com", "one whole label"),
        ("**.example.com", 'Write "mx: *.example.com"'),
        ("mx_1.example.com", "underscore"),
        (".example.com", 'Write "mx: *.example.com"'),
        ("a..example.com", "Two dots"),
        ("a" * 64 + ".example", "at most 63"),
        ("a." * 130 + "b", "at most 253"),
        ("-a.example.com", "hyphen"),
        ("a.example.com\\", "backslash"),
        ("a!.example.com", "letters, digits, hyphens and dots"),
        ("a.example mode: none", "a line of its own"),
        ("a.example\\nmode: none", "a line of its own"),
    ],
)
def test_a_value_that_is_no_pattern_is_explained(value: str, words: str) -> None:
    """The message names the mistake, and the right value where it can be told."""
    body = GOOD.replace("mail.example.com", value)
    (deviation,) = read_policy(body.encode()).deviations
    assert (deviation.code, deviation.line) == ("bad-mx", 3)
    assert words in deviation.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("enforced", 'Write "mode: enforce"'),
        ("Enforcing", 'Write "mode: enforce"'),
        ("report", "drafts before RFC 8461"),
        ("test", 'Write "mode: testing"'),
        ("off", 'Write "mode: none"'),
        ("NONE", 'Write "mode: none"'),
        ("enforce # yes", 'Write "mode: enforce"'),
        ("'enforce'", 'Write "mode: enforce"'),
        ("enforce mx: a.example", "a line of its own"),
        ("purple", 'Write "mode: testing" until'),
        ("", 'Write "mode: testing" until'),
    ],
)
def test_a_mode_that_does_not_exist_is_explained(value: str, words: str) -> None:
    """The message names the mode that was probably meant."""
    (deviation,) = read_policy(GOOD.replace("enforce", value).encode()).deviations
    assert (deviation.code, deviation.line) == ("bad-mode", 2)
    assert words in deviation.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1 week", 'Write "max_age: 604800"'),
        ("7d", 'Write "max_age: 604800"'),
        ("24 Hours", 'Write "max_age: 86400"'),
        ("10 years", 'Write "max_age: 31557600"'),  # more than the bound is no advice
        ("1 month", "without sign, unit or separator"),  # a month has no number of seconds
        ("604,800", "without sign, unit or separator"),
        ("86400version: STSv1", "a line of its own"),
    ],
)
def test_a_max_age_with_a_unit_is_converted(value: str, words: str) -> None:
    """The message has the seconds that were probably meant."""
    most = int(MAX_MAX_AGE.total_seconds())
    assert words in explain_max_age(value, most_seconds=most).words


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ms", "mx"),
        ("nmx", "mx"),
        ("mxs", "mx"),
        ("MX", "mx"),
        ("xm", "mx"),  # exchanged
        ("max-age", "max_age"),
        ("maxage", "max_age"),
        ("max_ag", "max_age"),
        ("Mode", "mode"),
        ("modes", "mode"),
        ("verison", "version"),
        ("note", None),  # two letters differ from "mode"
        ("contact", None),
        ("m", None),
        ("id", None),
    ],
)
def test_a_field_name_nearly_spelt_is_recognised(name: str, meant: str | None) -> None:
    """One letter, case or a hyphen makes a likely typo; anything further is another field."""
    assert typo.meant_by(name) == meant


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"---\npermalink: x\n---\n" + GOOD.encode(), Cause.FRONT_MATTER),
        (b"  version: STSv1\n  mode: none\n  max_age: 1\n", Cause.INDENTED),
        (b"version: STSv1\nmode: none\nmx:\n - a.example\nmax_age: 1\n", Cause.YAML_LIST),
        (b"\\f0 version: STSv1\\\nmode: enforce\\\n", Cause.RTF),
        (b"name: build\non:\n  push:\n", Cause.WORKFLOW),
        (b"This site takes no mail at all.\n", Cause.PROSE),
        (b"a b\n", Cause.OTHER_FILE),
        (b"v=STSv1; id=1\n", Cause.TXT_RECORD),
        (GOOD.encode() + b"note: caf\xe9\n", Cause.NOT_UTF_8),
        (GOOD.replace("enforce", "live").encode(), Cause.MODE_WORD),
        (GOOD.replace("enforce", "enforce\\").encode(), Cause.RTF),
        (GOOD.replace("604800", "7 days").encode(), Cause.MAX_AGE_UNIT),
        (GOOD.replace("604800", "604800version: STSv1").encode(), Cause.GLUED_LINES),
        (GOOD.replace("enforce", "enforce\\nmx: a.example").encode(), Cause.LITERAL_NEWLINE),
        (GOOD.replace("mail.", "10 mail.").encode(), Cause.MX_PREFERENCE),
        (GOOD.replace("mail.", "://mail.").encode(), Cause.MX_URL),
        (GOOD.replace("mail.", "_mail.").encode(), Cause.MX_UNDERSCORE),
        (GOOD.replace("mail.", "<mail>.").encode(), Cause.MX_PLACEHOLDER),
        (GOOD.replace("enforce", "").encode(), ""),  # no word, no mistake with a name
    ],
)
def test_a_known_mistake_has_a_name(body: bytes, cause: str) -> None:
    """Programs tell mistakes apart by a word that stays when the sentence gets better."""
    assert read_policy(body).deviations[0].cause == cause


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("10 mx.example.com", ("mx.example.com",)),
        ("Priority 5: mx.example.com", ("mx.example.com",)),
        ("a.example, b.example", ("a.example", "b.example")),
        ("https://mx.example.com/path", ("mx.example.com",)),
        ("://example.com", ("example.com",)),
        ("me@example.com", ("example.com",)),
        ("mx.example.com:25", ("mx.example.com",)),
        (".example.com", ("*.example.com",)),
        ("'mx.example.com'", ("mx.example.com",)),
        ("mx.example.com\\", ("mx.example.com",)),
        ("mx.example.com # main", ("mx.example.com",)),
        ("*.b\u00fccher.example", ("*.xn--bcher-kva.example",)),
        ("\u00fc" * 1000 + ".example", ()),  # beyond any name
        ("<tenant>.example.com", ()),  # nobody knows what was to stand there
        ("*", ()),
        ("", ()),
    ],
)
def test_the_hosts_in_a_wrong_value_are_found(value: str, hosts: tuple[str, ...]) -> None:
    """Only what stands in the value is proposed."""
    assert meant_hosts(value) == hosts


def test_a_missing_field_names_its_misspelling() -> None:
    """The admin sees the line that was meant to be it."""
    body = GOOD.replace("max_age", "max-age").encode()
    deviations = read_policy(body).deviations
    assert [(one.code, one.line) for one in deviations] == [
        ("missing-max_age", None),
        ("likely-typo", 4),
    ]
    assert '"max-age" does not count' in deviations[0].message
