"""A question to a checked, cited answer."""
