"""Checks of domains over HTTP: rationed, shared, and made by a process of their own.

**Security**: whoever may ask makes this machine connect to servers of his choice. So it is off by
default; each client, each domain and all together are bounded (``desk``), only public addresses
are contacted, and requests that a page of another site makes a browser send are refused.

**Limits**: the child process is nicer than anything, is started by the first check, and ends when
nobody has asked for five minutes (``process``); it meets the network, and this process does not.

**Bugs**: behind a web server that is not in ``trusted_proxies`` all clients share one ration.
"""
