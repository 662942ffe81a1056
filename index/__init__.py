"""Documents to searchable passages. Knows nothing of questions."""
