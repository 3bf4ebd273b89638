"""Who may send mail in a domain's name: the records of SPF, DKIM and DMARC, read strictly.

They are neighbours of what mailseal is for: they protect the mail that a domain sends, MTA-STS
and DANE the mail that it receives.  Owners expect all of them on one page, so their presence and
their syntax are looked at, and nothing else: no mail is judged, no ``include`` is followed.

SPF (RFC 7208) is a TXT record at the domain that lists who may send for it.  DKIM (RFC 6376) is
a public key at ``SELECTOR._domainkey.DOMAIN``.  DMARC (RFC 7489) at ``_dmarc.DOMAIN`` says what
receivers should do with mail that neither of the two vouches for.

Nothing here does I/O or reads a clock.
"""
