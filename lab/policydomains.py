"""The domains of the lab whose policy host has a fault that senders meet."""

from collections.abc import Iterator

from lab.ca import Flaw
from lab.model import (
    STS_RECORD,
    Answer,
    LabDomain,
    MxHost,
    PolicyHost,
    policy_text,
)

OVERSIZE_BYTES = 65_537  # one more than RFC 8461 §3.3 asks a sender to accept

_HOST_FAULTS: tuple[tuple[str, Answer, Flaw, str, tuple[str, ...]], ...] = (
    (
        "policy-404",
        Answer.NOT_FOUND,
        Flaw.NONE,
        "the policy host answers 404",
        ("error policy-status",),
    ),
    (
        "policy-500",
        Answer.ERROR,
        Flaw.NONE,
        "the policy host answers 500",
        ("error policy-status",),
    ),
    (
        "policy-redirect",
        Answer.REDIRECT,
        Flaw.NONE,
        "the policy host redirects to a policy",
        ("error policy-redirect",),
    ),
    (
        "policy-html",
        Answer.HTML,
        Flaw.NONE,
        "the policy comes as text/html",
        ("warning policy-content-type",),
    ),
    (
        "policy-slow",
        Answer.HANG,
        Flaw.NONE,
        "the policy host never answers",
        ("unknown policy-unfinished",),
    ),
    ("policy-dribble", Answer.DRIBBLE, Flaw.NONE, "the policy comes byte by byte", ()),
    (
        "policy-refused",
        Answer.REFUSE,
        Flaw.NONE,
        "nothing listens on the policy host",
        ("error policy-host-refused",),
    ),
    (
        "policy-wrongname",
        Answer.POLICY,
        Flaw.WRONG_NAME,
        "its certificate is for another name",
        ("error policy-certificate-wrong-name",),
    ),
    (
        "policy-expired",
        Answer.POLICY,
        Flaw.EXPIRED,
        "its certificate has expired",
        ("error policy-certificate-expired",),
    ),
    (
        "policy-selfsigned",
        Answer.POLICY,
        Flaw.SELF_SIGNED,
        "its certificate is self-signed",
        ("error policy-certificate-self-signed",),
    ),
    (
        "policy-unknownca",
        Answer.POLICY,
        Flaw.UNKNOWN_CA,
        "its certificate is from an unknown CA",
        ("error policy-certificate-unknown-ca",),
    ),
)


def domains() -> Iterator[LabDomain]:
    """Declare them."""
    for label, answer, flaw, shows, finds in _HOST_FAULTS:
        yield LabDomain(
            finds=finds,
            name=f"{label}.test",
            shows=shows,
            mx=(MxHost(name=f"mx.{label}.test"),),
            sts_records=(STS_RECORD,),
            policy_host=PolicyHost(
                body=policy_text("enforce", f"mx.{label}.test"), answer=answer, flaw=flaw
            ),
        )
    oversize = policy_text("enforce", "mx.policy-oversize.test")
    oversize += "padding: " + "x" * (OVERSIZE_BYTES - len(oversize) - 11) + "\r\n"
    bodies = (
        (
            "policy-oversize",
            oversize,
            f"a valid policy of {OVERSIZE_BYTES} bytes",
            ("error policy-too-large",),
        ),
        (
            "policy-broken",
            "version: STSv1\r\nmode: enforce\r\n",
            "a policy without mx and max_age",
            ("error policy-missing-max_age", "error policy-missing-mx"),
        ),
        (
            "policy-smuggle",
            policy_text("enforce", "mx.policy-smuggle.test", "x servername=evil policy_type=no"),
            "a policy line that tries to smuggle attributes into the MTA's answer",
            ("error policy-mx-list",),
        ),
    )
    for label, body, shows, finds in bodies:
        yield LabDomain(
            finds=finds,
            name=f"{label}.test",
            shows=shows,
            mx=(MxHost(name=f"mx.{label}.test"),),
            sts_records=(STS_RECORD,),
            policy_host=PolicyHost(body=body),
        )
