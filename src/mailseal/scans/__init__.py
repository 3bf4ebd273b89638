"""Looking at very many domains: what a list says, what is kept of each, and what all come to.

``listing`` reads names from lines, each name once. ``positions`` remembers which of them are
done, in little memory. ``result`` is what one domain comes to in one line of JSON; ``tally``
counts such lines, and ``unexamined`` makes those that have nothing but a reason. ``optouts`` are
those who asked not to be looked at.

Nothing here does I/O: lines come in, values go out.
"""
