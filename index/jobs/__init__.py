"""Files that wait to be indexed, and the workers that do it."""
