"""Faults of the policy host, its certificate and its answers."""

from collections.abc import Iterator

from lab.ca import Flaw
from lab.faults.parts import SHARED_HOST, hosted
from lab.model import Answer, LabDomain, PolicyHost, Record, policy_text

BODY = policy_text("enforce", SHARED_HOST)
LARGE_BYTES = 5000

_FLAWS: tuple[tuple[str, Flaw, str, tuple[str, ...]], ...] = (
    (
        "host-early",
        Flaw.NOT_YET_VALID,
        "its certificate is not valid yet",
        ("error policy-certificate-not-yet-valid",),
    ),
    (
        "host-soon",
        Flaw.ENDS_SOON,
        "its certificate ends in five days",
        ("warning policy-certificate-ends-soon",),
    ),
    (
        "host-incomplete",
        Flaw.NO_INTERMEDIATE,
        "it does not send its intermediate certificate",
        ("error policy-certificate-incomplete-chain",),
    ),
    (
        "host-common-name",
        Flaw.COMMON_NAME_ONLY,
        "its certificate has a common name alone",
        ("error policy-certificate-wrong-name",),
    ),
    (
        "host-many-names",
        Flaw.MANY_NAMES,
        "its certificate has 10 000 names",
        ("error policy-host-no-tls",),
    ),
)
_ANSWERS: tuple[tuple[str, Answer, str, tuple[str, ...]], ...] = (
    (
        "host-robots",
        Answer.NO_ROBOTS,
        "it turns away whoever is no browser",
        ("error policy-user-agent-blocked",),
    ),
    (
        "host-misplaced",
        Answer.MISPLACED,
        "the policy lies one folder up",
        ("error policy-elsewhere",),
    ),
    (
        "host-abandoned",
        Answer.ABANDONED,
        "a hosting service says that nobody claims the name",
        ("error policy-host-abandoned",),
    ),
    (
        "host-gzip",
        Answer.COMPRESSED,
        "the policy comes with Content-Encoding gzip",
        ("error policy-content-encoding",),
    ),
    (
        "host-no-type",
        Answer.NO_TYPE,
        "the policy comes without Content-Type",
        ("warning policy-content-type",),
    ),
    ("host-closing", Answer.CLOSING, "it hangs up at once", ("unknown policy-host-closed",)),
    ("host-clear", Answer.CLEAR, "it does not speak TLS", ("error policy-host-no-tls",)),
    (
        "host-tls-old",
        Answer.TLS_1_0,
        "it speaks TLS 1.0 and nothing newer",
        ("error policy-certificate-old-tls",),
    ),
    (
        "host-not-http",
        Answer.NOT_HTTP,
        "it does not speak HTTP within TLS",
        ("error policy-unfinished",),
    ),
    (
        "host-endless-head",
        Answer.ENDLESS_HEAD,
        "its header never ends",
        ("error policy-unfinished",),
    ),
    (
        "host-long-header",
        Answer.LONG_HEADER,
        "one line of its header never ends",
        ("error policy-unfinished",),
    ),
    ("host-endless-body", Answer.ENDLESS_BODY, "its body never ends", ("error policy-too-large",)),
    ("host-cut", Answer.CUT, "its body ends in the middle", ("unknown policy-unfinished",)),
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    for label, flaw, shows, finds in _FLAWS:
        host = PolicyHost(body=BODY, flaw=flaw)
        yield hosted(label, f"policy host: {shows}", policy_host=host, finds=finds)
    for label, answer, shows, finds in _ANSWERS:
        host = PolicyHost(body=BODY, answer=answer)
        yield hosted(label, f"policy host: {shows}", policy_host=host, finds=finds)
    yield hosted(
        "host-absent",
        "policy host: it has no address",
        policy_host=None,
        finds=("error policy-host-absent",),
    )
    for label, target, shows, find in (
        (
            "host-dangling",
            "mta-sts.nxdomain.test.",
            "an alias of a name that is gone",
            "error policy-host-dangling",
        ),
        (
            "host-loop",
            "mta-sts.host-loop.test.",
            "an alias of itself",
            "unknown policy-host-unknown",
        ),
    ):
        alias = Record(name=f"mta-sts.{label}.test", rdtype="CNAME", data=target)
        told = f"policy host: {shows}"
        yield hosted(label, told, policy_host=None, more=(alias,), finds=(find,))
    yield hosted(
        "host-wildcard",
        "policy host: any name below the domain leads to a web server",
        policy_host=None,
        more=(
            Record(name="*.host-wildcard.test", rdtype="CNAME", data="mta-sts.policy-404.test."),
        ),
        finds=(
            "error policy-certificate-wrong-name",
            "error policy-status",
            "warning policy-host-wildcard",
        ),
    )
    yield hosted(
        "host-half",
        "policy host: one of its two addresses refuses",
        more=(Record(name="mta-sts.host-half.test", rdtype="A", data="127.0.29.200"),),
        finds=("warning policy-host-refused",),
    )
    padding = "x-note: " + "x" * (LARGE_BYTES - len(BODY)) + "\r\n"
    yield hosted(
        "host-large",
        f"policy: more than {LARGE_BYTES} bytes",
        policy_host=PolicyHost(body=BODY + padding),
        finds=("warning policy-large",),
    )
