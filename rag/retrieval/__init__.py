"""Passages that may answer: dense and lexical search, one order of both, copies named once."""
