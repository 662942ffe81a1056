"""The operator's pages under ``/admin``: documents, feedback, gaps, eval runs, load. Off unless a password is set."""
