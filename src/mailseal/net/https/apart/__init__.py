"""Policy hosts looked at by a process apart, so that a scan has a second processor.

More than half of what a domain costs that publishes MTA-STS is the visit to its policy host: the
handshake, the chain, the response. It needs nothing of what a scan shares between domains.

**Security**: strangers' certificates and responses are parsed in the child; what it says is read
strictly and within a bound. **Limits**: one child, which is one processor; no more than the scan
itself has under way is asked of it. **Bugs**: while the child takes over there may be twice as
many visits under way as one process may make.
"""
