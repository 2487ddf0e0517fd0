"""Tells people of findings: routes, groups and repeats them, and delivers them as signed webhooks. Finds nothing."""
