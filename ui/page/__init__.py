"""The chat page, and what its scripts ask for."""
