"""The actors behind the faces, one a module; they see the world only through ``mailseal.ports``.

``resolver`` answers for a next hop. It asks ``discoverer`` for the MTA-STS policy in force and
``surveyor`` for the MX hosts and their DANE state; ``refresher`` fetches policies anew before
they run out, and ``explainer`` tells how an answer came about.
"""
