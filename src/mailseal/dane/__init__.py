"""DANE for SMTP (RFC 7672): DNSSEC says which key an MX host must show.

A domain whose MX records, MX addresses and TLSA records are all signed tells every sender that
its hosts do TLS, and which certificate or key to expect. A sender that validates DNSSEC then
needs no public CA and no policy file, and an attacker can neither strip TLS nor forge the MX.
What is not signed is no error: such a host is treated as if it had no TLSA records. What cannot
be looked up is one: that host must not be used until it can.

Nothing here does I/O: ``tlsa`` reads records and tells which are usable, ``host`` turns the
answers of DNS for one MX host into its state, ``exchange`` does so for a whole next hop.
``match`` holds the records against the chain that a host shows, ``rollover`` tells whether they
let its key change.
"""
