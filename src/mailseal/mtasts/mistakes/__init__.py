"""What went wrong when a policy or record cannot be read, in the words of whoever wrote it.

The parsers find out *that* a text leaves the grammar of RFC 8461; the modules here are asked
afterwards *why*, and answer with the mistake that people make most often in that place. They
never decide anything: an unknown mistake only has a plainer message.
"""
