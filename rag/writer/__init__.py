"""A language model that writes from quotes, and the verification of what it writes."""
