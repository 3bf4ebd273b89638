"""What is told to Prometheus: gathered by ``collector`` when asked, listed in ``catalogue``.

``metric`` is what one of them is; ``questions``, ``decisions``, ``policies``, ``resources``,
``watching`` and ``service`` declare them, and ``reference`` makes their page.

Nothing is done per question. The answerer keeps plain integers, which come over the link when a
scrape wants them; the resolver's process keeps its own in ``mailseal.services.meter``.
"""
