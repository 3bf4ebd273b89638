"""Byte formats that mail servers and mailseal's own processes speak; nothing here does I/O.

A Postfix or Sendmail asks in netstrings, ``19:postfix example.com,``: the name of the map as
its configuration calls it, a blank, and the next hop.  The answer is a status word and data:
``OK secure match=mx1.example.com servername=hostname``, ``NOTFOUND``, ``TEMP`` or ``PERM``.
What may follow ``OK`` differs from MTA to MTA, so the map's name chooses a profile.
An Exim asks with one line and gets one line.
"""
