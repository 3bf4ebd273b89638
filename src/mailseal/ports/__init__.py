"""The doors to the world, as Protocols: services see these and never a socket or a database.

One module for each door, with the values that come back through it: what the standards say to do
in a case is a value (``PolicyFetchFailed``, ``SendFailed``), what a store cannot do is an
exception (``storeerrors``). ``net`` and ``store`` have the real doors, ``mailseal.testing`` fakes
of them.

Whoever uses a door imports its module, and nothing is exported here: a process that only answers
mail servers must not load what checks and the watch have behind theirs.
"""
