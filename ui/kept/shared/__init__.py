"""What the web servers of several processes and hosts share, in PostgreSQL."""
