"""Who is who: from a file, or inferred from the traffic itself; compiled into places for the core."""
