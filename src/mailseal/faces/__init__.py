"""Programs and pages: what people and mail servers meet; no rule lives here."""
