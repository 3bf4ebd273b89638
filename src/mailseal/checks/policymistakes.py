"""What the catalogue says of each mistake in a policy file, by the parser's names for them."""

from mailseal.checks.finding import Entry
from mailseal.mtasts.mistakes.cause import Cause
from mailseal.results import ResultType

_CLAUSE = "RFC 8461 §3.2"
_INVALID = ResultType.STS_POLICY_INVALID


def _refused(name: str, title: str, about: str, clause: str = _CLAUSE) -> Entry:
    return Entry(code=f"policy-{name}", title=title, about=about, clause=clause, result=_INVALID)


def _tolerated(name: str, title: str, about: str, clause: str = _CLAUSE) -> Entry:
    return Entry(code=f"policy-{name}", title=title, about=about, clause=clause)


UNREADABLE = _refused(
    "syntax",
    "a line of the policy is no field",
    "A policy consists of lines with a name, a colon and a value; one other line, and senders "
    "refuse all of it.",
)

_EACH_MISTAKE = {
    Cause.BYTE_ORDER_MARK: (
        "the policy begins with a byte order mark",
        (
            "Editors on Windows put three invisible bytes in front of a text in UTF-8; they become "
            "part of the first field's name."
        ),
    ),
    Cause.UTF_16: (
        "the policy is in UTF-16",
        "A policy is plain ASCII, or UTF-8 where it goes beyond.",
    ),
    Cause.NOT_UTF_8: (
        "the policy has bytes that are not UTF-8",
        (
            "An umlaut or a dash in an old encoding, even in a field that nobody reads, makes the "
            "file unreadable."
        ),
    ),
    Cause.COMPRESSED: (
        "the policy file is compressed",
        "Senders do not ask for compression and cannot read the file.",
    ),
    Cause.BARE_CR: (
        "lines of the policy end in CR alone",
        "Lines end in CR LF or LF; for a sender a CR alone ends none, so that fields run together.",
    ),
    Cause.WEB_PAGE: (
        "a web page stands in place of the policy",
        "Many web servers answer every path with a page, and with status 200 at that.",
    ),
    Cause.RTF: (
        "the policy is a document of a word processor",
        "RTF puts commands and backslashes around the text; a policy is plain text.",
    ),
    Cause.JSON: (
        "the policy is JSON",
        "Drafts before RFC 8461 had JSON; no sender reads it any more.",
    ),
    Cause.FRONT_MATTER: (
        "the policy begins with front matter",
        (
            "The lines between --- are for a site generator such as Jekyll, which has not "
            "processed the file; on GitHub Pages a .nojekyll file is often the cause."
        ),
    ),
    Cause.MARKDOWN_FENCE: (
        "the policy stands in a Markdown fence",
        "Three backticks belong to the documentation that the policy was copied from.",
    ),
    Cause.TXT_RECORD: (
        "the TXT record is served in place of the policy",
        "The record belongs in DNS at _mta-sts.DOMAIN, the policy on the web server.",
    ),
    Cause.YAML_LIST: (
        "the mx hosts are a YAML list",
        'A policy is no YAML: each host has its own line "mx: HOST".',
    ),
    Cause.INDENTED: (
        "lines of the policy are indented",
        "A field name stands at the very beginning of its line.",
    ),
    Cause.WORKFLOW: (
        "a workflow file is served in place of the policy",
        "The file tells a build service what to do; the policy is somewhere else.",
    ),
    Cause.PROSE: (
        "prose is served in place of the policy",
        "A sentence that there is no policy is no policy; to have none, remove the TXT record.",
    ),
    Cause.OTHER_FILE: (
        "another file is served in place of the policy",
        "Nothing in it is a field of a policy.",
    ),
    Cause.COMMENT: (
        "the policy has comments",
        "The format has none: one line with #, and senders refuse the file.",
    ),
    Cause.NO_COLON: (
        "a line of the policy has no colon",
        "Each line is a name, a colon and a value.",
    ),
    Cause.BLANK_BEFORE_COLON: (
        "a blank stands before a colon in the policy",
        "The colon follows the field's name at once.",
    ),
    Cause.QUOTES: (
        "the policy has quotes",
        "Neither names nor values are quoted.",
    ),
    Cause.CONTROL_CHARACTER: (
        "the policy has control characters",
        "Tabs inside values and invisible characters are outside the grammar.",
    ),
    Cause.GLUED_LINES: (
        "two fields of the policy stand in one line",
        "Most often two policies were joined, and the first had no line end after its last field.",
    ),
    Cause.LITERAL_NEWLINE: (
        r'the policy has "\n" in place of line ends',
        "The line ends were escaped on the way into the file.",
    ),
    Cause.MODE_WORD: (
        "the policy's mode does not exist",
        (
            "The modes are enforce, testing and none, in lower case; enforced, enforcing, live and "
            "report are none of them."
        ),
    ),
    Cause.MAX_AGE_UNIT: (
        "max_age has a unit",
        "It is a number of seconds, and nothing else.",
    ),
    Cause.MX_ADDRESS: (
        "an mx of the policy is an address",
        "Patterns are names, as in the MX records; an address covers no host.",
    ),
    Cause.MX_EMPTY: (
        "an mx of the policy is empty",
        'Each "mx:" line names one host or one wildcard.',
    ),
    Cause.MX_LEADING_DOT: (
        "an mx of the policy begins with a dot",
        'Drafts before RFC 8461 wrote wildcards so; today it is "*.example.com".',
    ),
    Cause.MX_LIST: (
        "an mx of the policy is a list",
        "Each host has a line of its own.",
    ),
    Cause.MX_MAIL_ADDRESS: (
        "an mx of the policy is a mail address",
        "The names of MX hosts are wanted.",
    ),
    Cause.MX_NULL: (
        "an mx of the policy is a dot",
        "That is a null MX of DNS; a domain without mail needs no policy.",
    ),
    Cause.MX_PLACEHOLDER: (
        "an mx of the policy is an unfilled placeholder",
        "Something like <yourdomain> was left as it stood in the instructions.",
    ),
    Cause.MX_PORT: (
        "an mx of the policy has a port",
        "Patterns are names alone.",
    ),
    Cause.MX_PREFERENCE: (
        "an mx of the policy has a preference",
        'The number in front of an MX host belongs in DNS; the policy has "mx: HOST".',
    ),
    Cause.MX_STAR: (
        "an mx of the policy has a star in the wrong place",
        'A star stands for one whole label, at the beginning: "*.example.com".',
    ),
    Cause.MX_U_LABEL: (
        "an mx of the policy goes beyond ASCII",
        "International names are written in A-labels (xn--).",
    ),
    Cause.MX_UNDERSCORE: (
        "an mx of the policy has an underscore",
        (
            "Host names have none, and the grammar refuses them; a proxy of Cloudflare makes such "
            "names for MX hosts."
        ),
    ),
    Cause.MX_URL: (
        "an mx of the policy is a URL",
        "The names of MX hosts are wanted, not of web sites.",
    ),
}
OF_MISTAKE: dict[str, Entry] = {
    cause: _refused(cause, title, about) for cause, (title, about) in _EACH_MISTAKE.items()
}

OF_CODE = {
    "syntax": UNREADABLE,
    "too-large": _refused(
        "too-long",
        "the policy has too many lines",
        "mailseal reads 4096 lines and 1000 mx lines; other senders stop elsewhere.",
    ),
    "missing-version": _refused(
        "missing-version", "the policy has no version", 'The line "version: STSv1" is required.'
    ),
    "bad-version": _refused(
        "bad-version", "the policy's version is not STSv1", "STSv1 is the only one that exists."
    ),
    "missing-mode": _refused(
        "missing-mode", "the policy has no mode", "It is enforce, testing or none."
    ),
    "bad-mode": _refused("bad-mode", "the policy's mode is empty", "It needs one of three words."),
    "missing-max_age": _refused(
        "missing-max_age", "the policy has no max_age", "It is required, in seconds."
    ),
    "bad-max_age": _refused(
        "bad-max_age", "max_age is no number of seconds", "It has 1 to 10 digits and nothing else."
    ),
    "missing-mx": _refused(
        "missing-mx",
        "the policy names no MX host",
        "In modes enforce and testing at least one mx line is required.",
    ),
    "bad-mx": _refused(
        "bad-mx",
        "an mx of the policy is no host name",
        'A pattern is a host name, or "*." and a domain.',
    ),
    "mx-address": OF_MISTAKE[Cause.MX_ADDRESS],
    "mx-trailing-dot": _tolerated(
        "mx-trailing-dot",
        "an mx of the policy ends in a dot",
        "Zone files end names so; the grammar of a policy does not, and some senders refuse it.",
    ),
    "max_age-above-bound": _tolerated(
        "max_age-above-bound",
        "max_age is above the bound",
        "More than 31557600 seconds, about a year, is not allowed; some senders refuse the policy.",
    ),
    "blank-line": _tolerated(
        "blank-line",
        "the policy has blank lines",
        "The grammar has none, not even at the end, and some senders refuse the policy.",
    ),
    "duplicate-field": _tolerated(
        "duplicate-field",
        "a field of the policy is there twice",
        "Only the first one counts; whoever changes the second one changes nothing.",
    ),
    "likely-typo": _tolerated(
        "likely-typo",
        "a field name of the policy is misspelt",
        'Senders ignore what they do not know: "ms: HOST" is a host lost in silence.',
    ),
    "duplicate-mx": _tolerated(
        "duplicate-mx",
        "an mx of the policy is there twice",
        "It does no harm, but perhaps another host was meant.",
    ),
    "single-label-mx": _tolerated(
        "single-label-mx",
        "an mx of the policy has one label only",
        "No MX host on the Internet has such a name.",
    ),
    "placeholder-mx": _tolerated(
        "placeholder-mx",
        "an mx of the policy looks like an example",
        "A name such as mail.yourdomain.com comes from instructions.",
    ),
    "broad-wildcard": _tolerated(
        "broad-wildcard",
        "a wildcard of the policy covers a public suffix",
        "Whoever registers a name below it can receive the mail once they can forge DNS.",
        "RFC 8461 §10.4",
    ),
    "unknown-field": _tolerated(
        "unknown-field",
        "the policy has a field that senders do not know",
        "Unknown fields are ignored; an id belongs in the TXT record.",
    ),
    "trailing-blank": _tolerated(
        "trailing-blank",
        "lines of the policy end in blanks",
        "The grammar allows it, and careless senders read another value.",
    ),
    "lf-line-ends": _tolerated(
        "mixed-line-ends",
        "lines of the policy end in CR LF and in LF",
        "Both are allowed; a mixture tells of a file that was put together.",
    ),
    "no-final-newline": _tolerated(
        "no-final-newline",
        "the last line of the policy has no end",
        "It is allowed; whatever is appended later becomes part of that line.",
    ),
}
