"""What is told to Prometheus: declared in ``catalogue``, gathered by ``collector`` when asked.

Nothing is done per question. The answerer keeps plain integers, which come over the link when a
scrape wants them; the resolver's process keeps its own in ``mailseal.services.meter``.
"""
