"""Events in the words of others: one module a format, each a pure function of one event."""
