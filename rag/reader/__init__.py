"""Which sentences of the passages answer, and whether any does."""
