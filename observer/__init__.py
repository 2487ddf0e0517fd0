"""Which documented path each connection is on, whether it is safe, and what proves it."""
