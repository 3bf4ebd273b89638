"""What is measured, how, and against what: one module per family of figures.

``python -m bench`` runs all of them but ``scan_million``, ``python -m bench warm`` one; all but
``warm`` and ``memory`` need root, for a network namespace. Each family is a module with
``TARGETS`` (key to the largest value that is good enough) and ``measure(say)``, which returns
values for some or all of these keys. Everything compared is measured in the same run, in turns,
and the smallest of several runs counts: on a shared machine only the smallest repeats.
"""
