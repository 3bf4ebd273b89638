"""SMTP TLS Reporting (RFC 8460): a domain asks senders to tell it how TLS to its hosts went.

A domain that wants reports has a TXT record at ``_smtp._tls.DOMAIN`` with a list of addresses,
``mailto:`` or ``https:``.  Once a day, each sender that takes part sends them one JSON document:
how many sessions followed the domain's MTA-STS policy or its TLSA records, and what went wrong
with those that did not.
Nobody has to send reports, and nothing about them changes how mail is delivered.

Nothing here does I/O or reads a clock: ``uri`` reads one address, ``record`` the whole record.
"""
