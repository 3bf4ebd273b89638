"""How evidence about one domain is come by: one module for each kind of server that is asked.

Nothing here concludes anything for mail. What a server does not answer is written down as what
it did instead, and when the time of the whole observation is up, what is left is written down
as not asked: nobody waits longer, and nothing becomes an absence.
"""
