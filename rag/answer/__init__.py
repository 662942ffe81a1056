"""Sentences to an answer: what is quoted, the short answer, what is said besides, in which words."""
