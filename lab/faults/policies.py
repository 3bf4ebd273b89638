r"""Faults of the policy file, as real domains have published them.

Each file names one host and has been spoilt in one way; ``\n`` and ``\r\n`` are meant.
"""

from collections.abc import Iterator

from lab.faults.parts import SHARED_HOST, hosted
from lab.model import LabDomain, PolicyHost, policy_text

GOOD = policy_text("enforce", SHARED_HOST)


def _with(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


_BODIES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "front-matter",
        f"---\r\nlayout: none\r\n---\r\n{GOOD}",
        "front matter of Jekyll before it",
        ("error policy-front-matter",),
    ),
    (
        "enforced",
        _with("enforce", "enforced"),
        "the mode is `enforced`",
        ("error policy-mode-word",),
    ),
    (
        "upper-mode",
        _with("enforce", "Enforce"),
        "the mode is `Enforce`",
        ("error policy-mode-word",),
    ),
    ("no-mode", _with("mode: enforce\r\n", ""), "no mode", ("error policy-missing-mode",)),
    (
        "indented",
        "".join(f"  {line}\r\n" for line in GOOD.splitlines()),
        "all lines are indented",
        ("error policy-indented",),
    ),
    (
        "ms-for-mx",
        _with("mx:", f"mx: {SHARED_HOST}\r\nms:"),
        "`ms:` for `mx:`",
        ("warning policy-likely-typo",),
    ),
    (
        "yaml-list",
        _with(f"mx: {SHARED_HOST}", f"mx:\r\n  - {SHARED_HOST}"),
        "a YAML list of hosts",
        ("error policy-yaml-list",),
    ),
    (
        "preference",
        _with("mx: ", "mx: 10 "),
        "an MX host with its preference",
        ("error policy-mx-preference",),
    ),
    ("mx-url", _with("mx: ", "mx: https://"), "a URL for a host", ("error policy-mx-url",)),
    (
        "underscore",
        _with(SHARED_HOST, "_dc-mx.good.test"),
        "an underscore in a host name",
        ("error policy-mx-underscore",),
    ),
    (
        "placeholder",
        _with(SHARED_HOST, "<your mail server>"),
        "an unfilled placeholder",
        ("error policy-mx-placeholder",),
    ),
    (
        "mx-list",
        _with(SHARED_HOST, f"{SHARED_HOST}, mx2.good.test"),
        "two hosts in one line",
        ("error policy-mx-list",),
    ),
    (
        "mx-star",
        _with(SHARED_HOST, "mx.*.test"),
        "a star in the middle of a name",
        ("error policy-mx-star",),
    ),
    (
        "mx-ip",
        _with(SHARED_HOST, "127.0.25.1"),
        "an address for a host",
        ("error policy-bad-mx", "error policy-mx-address"),
    ),
    (
        "mx-dot",
        _with("max_age", "mx: .test\r\nmax_age"),
        "a pattern with a leading dot",
        ("error policy-mx-leading-dot",),
    ),
    (
        "mx-mail",
        _with(SHARED_HOST, f"postmaster@{SHARED_HOST}"),
        "a mail address for a host",
        ("error policy-mx-mail-address",),
    ),
    (
        "mx-port",
        _with(SHARED_HOST, f"{SHARED_HOST}:25"),
        "a port behind a host",
        ("error policy-mx-port",),
    ),
    ("rtf", "{\\rtf1\\ansi\r\n" + GOOD + "}", "RTF around it", ("error policy-rtf",)),
    (
        "json",
        '{"version": "STSv1", "mode": "enforce", "mx": ["mx.good.test"]}',
        "JSON",
        ("error policy-json",),
    ),
    (
        "html",
        "<!doctype html><html><body>Welcome</body></html>\r\n",
        "a web page",
        ("error policy-web-page",),
    ),
    (
        "workflow",
        "name: deploy\r\non: push\r\njobs:\r\n  build:\r\n    runs-on: x\r\n",
        "a workflow file",
        ("error policy-workflow",),
    ),
    ("prose", "This domain has no MTA-STS policy.\r\n", "prose", ("error policy-prose",)),
    (
        "txt-record",
        "v=STSv1; id=1;\r\n",
        "the TXT record in its place",
        ("error policy-txt-record",),
    ),
    (
        "glued",
        _with("604800\r\n", "604800version: STSv1\r\n"),
        "two policies in one line",
        ("error policy-glued-lines",),
    ),
    ("comment", f"# our policy\r\n{GOOD}", "a comment", ("error policy-comment",)),
    ("quoted", _with("enforce", '"enforce"'), "a quoted value", ("error policy-mode-word",)),
    (
        "literal",
        GOOD.replace("\r\n", "\\n"),
        r"`\n` in place of line ends",
        (
            "error policy-literal-newline",
            "error policy-missing-mode",
            "error policy-missing-max_age",
        ),
    ),
    (
        "bare-cr",
        GOOD.replace("\r\n", "\r"),
        "lines that end in CR alone",
        ("error policy-bare-cr",),
    ),
    ("fence", f"```\r\n{GOOD}```\r\n", "a Markdown fence", ("error policy-markdown-fence",)),
    (
        "no-colon",
        _with("mode: ", "mode "),
        "a line without colon",
        ("error policy-no-colon", "error policy-missing-mode"),
    ),
    (
        "blank-colon",
        _with("mode:", "mode :"),
        "a blank before a colon",
        ("error policy-blank-before-colon", "error policy-missing-mode"),
    ),
    ("bom", "\ufeff" + GOOD, "a byte order mark", ("error policy-byte-order-mark",)),
    ("week", _with("604800", "1 week"), "a max_age with a unit", ("error policy-max_age-unit",)),
    (
        "age-above",
        _with("604800", "99999999"),
        "a max_age above its bound",
        ("warning policy-max_age-above-bound",),
    ),
    (
        "age-missing",
        _with("max_age: 604800\r\n", ""),
        "no max_age",
        ("error policy-missing-max_age",),
    ),
    (
        "age-short",
        _with("604800", "3600"),
        "a max_age of one hour",
        ("warning policy-short-max_age",),
    ),
    (
        "no-version",
        _with("version: STSv1\r\n", ""),
        "no version",
        ("error policy-missing-version",),
    ),
    ("version-two", _with("STSv1", "STSv2"), "version STSv2", ("error policy-bad-version",)),
    ("no-mx", _with(f"mx: {SHARED_HOST}\r\n", ""), "no mx", ("error policy-missing-mx",)),
    ("blank-line", _with("max_age", "\r\nmax_age"), "a blank line", ("warning policy-blank-line",)),
    (
        "two-modes",
        _with("mode: enforce", "mode: enforce\r\nmode: none"),
        "two modes",
        ("warning policy-duplicate-field",),
    ),
    (
        "two-mx",
        _with("max_age", f"mx: {SHARED_HOST}\r\nmax_age"),
        "the same host twice",
        ("warning policy-duplicate-mx",),
    ),
    (
        "max-age",
        _with("max_age", "max-age: 1\r\nmax_age"),
        "`max-age:` beside `max_age:`",
        ("warning policy-likely-typo",),
    ),
    (
        "trailing",
        _with("enforce\r", "enforce  \r"),
        "blanks at the end of a line",
        ("info policy-trailing-blank",),
    ),
    (
        "mixed-ends",
        _with("enforce\r\n", "enforce\n"),
        "line ends of both kinds",
        ("info policy-mixed-line-ends",),
    ),
    (
        "empty",
        "",
        "nothing at all",
        (
            "error policy-missing-version",
            "error policy-missing-mode",
            "error policy-missing-max_age",
        ),
    ),
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    for label, body, shows, finds in _BODIES:
        host = PolicyHost(body=body)
        yield hosted(f"file-{label}", f"policy: {shows}", policy_host=host, finds=finds)
    yield hosted(
        "file-none",
        "policy: mode none",
        policy_host=PolicyHost(body=policy_text("none")),
        finds=("warning policy-mode-none",),
    )
    yield hosted(
        "file-unreported",
        "policy: mode testing, and nobody gets the reports",
        policy_host=PolicyHost(body=policy_text("testing", SHARED_HOST)),
        has_neighbours=False,
        finds=("warning policy-testing-without-reports",),
    )
