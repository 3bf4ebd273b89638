"""MTA-STS (RFC 8461): a domain says over HTTPS how mail to it must be secured.

A domain that takes part has a TXT record at ``_mta-sts.DOMAIN`` with an ``id``, and a policy file
at ``https://mta-sts.DOMAIN/.well-known/mta-sts.txt``: a mode, a lifetime, and the MX hosts that
mail may go to.  In mode ``enforce`` a sender delivers only to an MX host whose name the policy
covers and whose certificate is valid for that name; otherwise the mail waits in the queue.
``testing`` asks for reports alone, ``none`` says that the domain has left.
The record is only a hint that something changed: what counts is the policy fetched over HTTPS,
kept for ``max_age`` seconds, so that an attacker who blocks DNS or the policy host gains nothing.

Nothing here does I/O or reads a clock: ``record`` and ``policy`` read bytes, ``pattern`` matches
MX names, ``freshness`` says what is to be done with a cached policy at a given instant.
"""
