"""A domain whose servers send everything that could act upon a terminal, a page or a reader."""

from dataclasses import replace

from mailseal.checks.evidence import Evidence, Failure, Stage, Trouble
from mailseal.testing.evidence import (
    domain_evidence,
    fetch,
    host,
    policy_host,
    records,
    session,
    txt,
)

ESCAPE = "\x1b]0;owned\x07\x1b[31m"
MARKUP = "<script>alert(1)</script><img src=x onerror='alert(1)'>\"'&amp;{{ 7*7 }}[bold]"
TURNED = "\u202egnp.exe\u2066\u200f\u0301\u0301"
CONTROLS = "\x00\x08\x7f\x9b2J\r\n::set-output x\u2028"
PIPE = "| errors=0;;; 'x'=1"
ALL = f"{ESCAPE}{MARKUP}{TURNED}{CONTROLS}{PIPE}"
HARMFUL = "\x1b\x07\x00\x08\x7f\x9b\r\u202e\u2066\u200f\u0301\u2028"


def hostile_evidence() -> Evidence:
    """Return evidence as a file might bring it: what we observe ourselves is ASCII already."""
    failure = Failure(trouble=Trouble.REJECTED, reason=f"554 {ALL}", code=554)
    rude = replace(
        session(),
        stage=Stage.CONNECTED,
        failure=failure,
        banner=ALL,
        extensions=(ALL,),
        starttls_reply=ALL,
        offers_starttls=None,
        tls=None,
    )
    bad = replace(
        fetch(ALL.encode()),
        headers=(("content-type", ALL), ("location", ALL)),
        failure=Failure(trouble=Trouble.PROTOCOL, reason=ALL),
    )
    own = records(sts=txt(f"v=STSv1; id={ALL};", ALL))
    return domain_evidence(
        host(sessions=(rude,)),
        policy=policy_host(bad),
        own_records=replace(own, tlsrpt=txt(f"v=TLSRPTv1; rua=mailto:{ALL}"), txt=txt(ALL)),
    )
