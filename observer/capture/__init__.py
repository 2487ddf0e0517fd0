"""What this machine offers for live capture."""
