//! Flows: who talks to whom, in order, once.
