"""Judging how mail reaches a domain securely: MTA-STS, DANE and TLS of every MX host together.

``evidence`` is everything that was observed, and nothing that was concluded from it; a failure
to observe is evidence too, and never an absence. ``reading`` turns it once into the standards'
own terms. One module per mechanism turns a reading into findings, each of a code that
``catalogue`` explains: what was seen, what follows for mail, and what to change. ``verdict``
answers the question that matters to an owner: is it safe to enforce?

Nothing here does I/O or reads a clock, so that saved evidence can be judged again at any time.
"""
