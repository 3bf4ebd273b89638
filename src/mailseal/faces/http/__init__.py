"""The HTTP face: policies as JSON, metrics and health, for whatever is not an MTA.

**Security**: whoever can connect may ask, as over socketmap, and reads the metrics as well; it
has no passwords and no TLS, so keep it on loopback or put a web server in front. Nothing can be
changed here. No answer may be read by a web page of another origin (no CORS header is sent), nor
by one that points its own name at us (``authority``).

**Limits**: ``server.Limits`` names them all: 64 connections, heads of 8 KiB, no bodies, a
deadline for every wait. It runs in the resolver's process, so that no client of it can make an
answer to a mail server late.

**Bugs**: while the resolver's process is started anew, requests wait for it.
"""
