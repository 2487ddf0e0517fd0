"""What is known beyond the packets' own words: certificates now; configuration, probes and uprobes later."""
