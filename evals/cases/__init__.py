"""Questions with expected answers: their format, and where new ones come from."""
