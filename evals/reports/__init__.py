"""Reports for people and builds: written, read back, compared, gated."""
