"""``mailseal scan``: a list of domains in, a line for each out, and what all of them come to.

**Security**: with ``--level policy`` and ``smtp`` thousands of servers learn that this machine
asks, so it says whose it is; what they send is bounded, and only codes and names of it are kept.
**Limits**: memory stays the same however long a list is, but for the list of opt-outs.
**Bugs**: domains that share a mail server are told what one session showed, up to
``[check] keep_sessions`` ago.
"""
