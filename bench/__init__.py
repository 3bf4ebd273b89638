"""What is measured, how, and against what: one module per family of figures."""
