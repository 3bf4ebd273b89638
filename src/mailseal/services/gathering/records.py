"""The domain's own records, and those that an owner expects to be looked at with them."""

import asyncio
import re
from collections.abc import Sequence
from typing import TypeVar

from mailseal.answers import Absent, Answer, Found
from mailseal.checks.evidence import DkimLookup, RecipientEvidence, RecordEvidence
from mailseal.names import Domain, NameSyntaxError
from mailseal.services.gathering.questions import Questions

T = TypeVar("T")

MAX_SELECTORS = 32  # ours: given on a command line
MAX_RECIPIENTS = 4  # ours: most records name one, and nobody reads reports at five places
MAX_PARENTS = 5  # ours: a DMARC record of the organisation is one to three labels up

_MAILTO = re.compile(rb"mailto:[^\s,;!?]{1,256}@([^\s,;!?]{1,253})", re.IGNORECASE)


async def gather_mail_records(domain: Domain, asked: Questions) -> RecordEvidence:
    """Ask for what decides how mail must be secured, and for nothing else (for a scan)."""
    sts_name, tlsrpt_name = f"_mta-sts.{domain}", f"_smtp._tls.{domain}"
    mx, sts, tlsrpt = await asyncio.gather(
        asked.mx(domain), asked.txt(sts_name), asked.txt(tlsrpt_name)
    )
    return RecordEvidence(
        mx=mx,
        sts=sts,
        # One after the other, since there is hardly ever anything to ask.
        sts_alias=await _alias_if_any(asked, sts_name, sts),
        tlsrpt=tlsrpt,
        tlsrpt_alias=await _alias_if_any(asked, tlsrpt_name, tlsrpt),
    )


async def gather_records(
    domain: Domain, asked: Questions, *, dkim_selectors: Sequence[str], label: str
) -> RecordEvidence:
    """Ask for all records of a domain; ``label`` is one that nobody has made a name of."""
    sts_name, tlsrpt_name = f"_mta-sts.{domain}", f"_smtp._tls.{domain}"
    selectors = tuple(dict.fromkeys(dkim_selectors))[:MAX_SELECTORS]
    own = asyncio.gather(
        asked.mx(domain),
        asked.txt(sts_name),
        asked.cname(sts_name),
        asked.txt(tlsrpt_name),
        asked.cname(tlsrpt_name),
    )
    beside = asyncio.gather(
        asked.txt(f"_smtp-tlsrpt.{domain}"),
        asked.txt(domain),
        asked.txt(f"_dmarc.{domain}"),
        asked.txt(f"_{label}.{domain}"),
        asked.a(f"{label}.{domain}"),
    )
    zone = asyncio.gather(asked.caa(domain), asked.ds(domain), asked.dnskey(domain))
    dkim = asyncio.gather(*(asked.txt(f"{one}._domainkey.{domain}") for one in selectors))
    _, __, ___, ____ = await asyncio.gather(own, beside, zone, dkim)
    mx, sts, sts_alias, tlsrpt, tlsrpt_alias = own.result()
    legacy, txt, dmarc, unlikely_txt, unlikely_a = beside.result()
    caa, ds, dnskey = zone.result()
    parent_dmarc, recipients = await asyncio.gather(
        _parent_dmarc(domain, dmarc, asked), _recipients(tlsrpt, asked)
    )
    return RecordEvidence(
        mx=mx,
        sts=sts,
        sts_alias=sts_alias,
        tlsrpt=tlsrpt,
        tlsrpt_alias=tlsrpt_alias,
        legacy=legacy,
        txt=txt,
        dmarc=dmarc,
        parent_dmarc=parent_dmarc,
        dkim=tuple(
            DkimLookup(selector=selector, answer=answer)
            for selector, answer in zip(selectors, dkim.result(), strict=True)
        ),
        caa=caa,
        ds=ds,
        dnskey=dnskey,
        unlikely_txt=unlikely_txt,
        unlikely_a=unlikely_a,
        recipients=recipients,
    )


async def _alias_if_any(asked: Questions, name: str, answer: Answer[T]) -> Answer[str] | None:
    if isinstance(answer, Found) and answer.canonical != name:
        return await asked.cname(name)
    return None


async def _parent_dmarc(
    domain: Domain, own: Answer[tuple[bytes, ...]], asked: Questions
) -> Answer[tuple[bytes, ...]] | None:
    """Climb to the next name with a DMARC record; where none has one, the last denial counts."""
    if not isinstance(own, Absent):
        return None
    answer = None
    parent: str = domain
    for _ in range(MAX_PARENTS):
        parent = parent.partition(".")[2]
        if "." not in parent:
            break
        answer = await asked.txt(f"_dmarc.{parent}")
        if not isinstance(answer, Absent):
            break
    return answer


async def _recipients(
    tlsrpt: Answer[tuple[bytes, ...]], asked: Questions
) -> tuple[RecipientEvidence, ...]:
    names = _recipient_domains(tlsrpt)
    answers = await asyncio.gather(*(asked.mx(name) for name in names))
    return tuple(
        RecipientEvidence(domain=name, mx=mx) for name, mx in zip(names, answers, strict=True)
    )


def _recipient_domains(tlsrpt: Answer[tuple[bytes, ...]]) -> tuple[str, ...]:
    """Return the domains of all mail addresses in the records, however well-formed those are."""
    if not isinstance(tlsrpt, Found):
        return ()
    names: dict[str, None] = {}
    for record in tlsrpt.records:
        for match in _MAILTO.finditer(b"".join(record)):
            try:
                names[Domain.parse(match[1].decode("utf-8"))] = None
            except (NameSyntaxError, UnicodeDecodeError):
                continue
            if len(names) == MAX_RECIPIENTS:
                return tuple(names)
    return tuple(names)
