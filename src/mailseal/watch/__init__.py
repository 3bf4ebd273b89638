"""Watching domains over time: what is kept of each look, and how news of it reads.

``records`` are the rows that outlive the process. ``notice`` is one piece of news about one
domain, ``noticemail`` the same as a mail, ``noticejson`` as the body of a webhook with its
signature. ``webhookplace`` and ``mailsecurity`` are where it goes, which the configuration reads
too. ``rules`` is what the operator wants, ``judging`` what becomes of a look; what counts as news
is decided in ``checks.changes``.

Nothing here does I/O or reads a clock.
"""
