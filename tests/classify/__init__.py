"""Judging shapes."""
