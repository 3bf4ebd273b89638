"""What ``mailseal doctor`` makes of a machine: facts go in, findings come out, nothing is done.

A machine protects mail only when several parts fit: a resolver that validates, a clock that is
right, authorities to check certificates with, a service that answers, and a mail server that
asks it in its own dialect and may do what it is told. Each module judges one part, from facts
that somebody else has gathered. A finding has a code, which docs/reference/doctor.md explains,
and says what to do.
"""
