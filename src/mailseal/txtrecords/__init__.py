"""TXT records that begin with a version, ``v=WORD;``, as MTA-STS and TLS reporting have them.

RFC 8461 §3.1 and RFC 8460 §3 describe the same record in the same words: of all TXT records at a
name those count that begin with the version, exactly one may be left, and behind its version
stand fields ``name=value`` between semicolons, unknown ones among them.  What differs is a word,
a place, the field that is required, and what people get wrong; a standard says it in a
``form.RecordForm`` and reads the value of its own field.

Nothing here does I/O or reads a clock: ``selection`` says which record counts, ``fields`` takes
it apart, ``mistakes`` names what people get wrong in either, ``reading`` is the outcome.
"""
