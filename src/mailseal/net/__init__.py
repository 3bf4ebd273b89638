"""The doors out: the only users of sockets, TLS and the libraries of DNS and HTTP.

Everything that comes in through them is hostile. It is bounded before it is read, every wait
has a deadline, and whatever a server sends ends in a value of ``mailseal.answers`` or
``mailseal.ports``; no exception of a library leaves this package.
"""
