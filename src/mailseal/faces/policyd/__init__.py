"""The policy service that an MTA asks: two processes, one that answers and one that finds out.

The answerer (``answerer`` and what it imports) holds the listeners and a bounded table of
finished replies. It knows no DNS, no TLS and no SQL, so it starts in a moment, has little to
break, and answers from memory whatever happens to the rest. The resolver (``resolver``) is its
child at low priority; it meets the network and the store. They talk over a socket pair in the
messages of ``mailseal.wire.link``. When the resolver dies it is started again; open questions
are asked again, and known ones were answered all the time.

Security: whoever may connect may ask, and learns which domains were asked before by the time
an answer takes. Who can put itself in the listeners' place decides how mail is secured: keep
them on loopback, or in a directory that only the MTA may enter.

Limits: ``settings.Bounds`` names them all, and what happens at each.

Bugs: no authentication, socketmap has none; a client that closes before its answer came has
still made the resolver look.
"""
