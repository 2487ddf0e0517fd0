"""One place to ask about a whole cluster: takes the agents' events in, keeps them, answers and tells what changes."""
