"""Asking all questions of a suite, and remembering what was answered."""
