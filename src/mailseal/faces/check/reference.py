"""The reference of all findings, docs/reference/findings.md, from the catalogue itself."""

from collections.abc import Iterator, Mapping, Sequence

from mailseal.checks import history
from mailseal.checks.catalogue import MODULES
from mailseal.checks.finding import Entry

_HEAD = """\
<!-- Made by "make docs"; a test compares. Change src/mailseal/checks instead. -->

# What `mailseal check` finds

Each finding has a code that does not change, a severity, and a subject: the domain, an MX host, \
or one of its addresses.
It says what was seen, what follows for mail, and what to do.
Where there is a text to copy, such as a record or a policy, it comes with its place.

The severity depends on what is enforced.
The same certificate is an error under a policy in mode `enforce`, and a warning in mode \
`testing`: [how a verdict is reached](../explain/verdict.md) has the table.

- `error`: mail is lost or will be, or what was published has no effect.
- `unknown`: something could not be observed; that is never taken for an absence.
- `warning`: it should be changed, and mail flows all the same.
- `info`: good to know; much of it says what is right.

Together they make the exit code of a monitoring plug-in: 2 with errors, else 3 with something \
unknown, else 1 with warnings, else 0.
[The list of checks](checks.md) says what is looked at, and what is left out.
"""

_SECTIONS: Mapping[str, Sequence[str]] = {
    "The record of MTA-STS": ("stsrecord", "stsnames"),
    "The policy host": ("policyhost", "policycertificate", "policyresponse"),
    "The policy": ("policyfile", "coverage", "policylife"),
    "MX records": ("mxrecords",),
    "Mail servers": (
        "reachability",
        "starttls",
        "tlsversions",
        "certificates",
        "certificatequality",
        "certificatedrift",
    ),
    "DANE": ("daneuse", "danematch", "danerollover", "daneservers"),
    "DNSSEC": ("dnssec", "zone"),
    "TLS reports": ("tlsrptrecord",),
    "SPF, DKIM, DMARC and CAA": ("spf", "dkim", "dmarc", "caa"),
}


def render_reference() -> str:
    """Return the reference as Markdown, one sentence per line; ends with one newline."""
    entries = {module.__name__.rpartition(".")[2]: module.ENTRIES for module in MODULES}
    parts = [_HEAD]
    for title, names in _SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [_render(entry) for name in names for entry in entries.pop(name)]
    parts.append("## What only time shows\n")
    parts += [_render(entry) for entry in history.ENTRIES]
    if entries:
        parts.append("## Everything else\n")
        parts += [_render(entry) for others in entries.values() for entry in others]
    return "\n".join(parts)


def _render(entry: Entry) -> str:
    about = entry.about.replace(". ", ".\n")
    title = entry.title[0].upper() + entry.title[1:]
    return "\n".join([f"### `{entry.code}`\n", f"{title}.", f"{about}\n", *_facts(entry), ""])


def _facts(entry: Entry) -> Iterator[str]:
    yield f"- Clause: {entry.clause}."
    if entry.result is not None:
        yield f"- In senders' TLS reports: `{entry.result}`."
    if entry.is_deep:
        yield "- Found with `--deep` only."
    if entry.needs_history:
        yield "- Found by comparing with what was seen before."
