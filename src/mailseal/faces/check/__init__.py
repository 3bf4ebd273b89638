"""``mailseal check``: what is right and wrong about how mail reaches a domain securely.

``command`` gathers or reads evidence and has it judged; one module for each form says the
judgements. None of them holds a rule.
"""
