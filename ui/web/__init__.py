"""The server: application, guard, limits, the two interfaces for programs."""
