//! One frame in, one TCP segment (or the reason why not) out.
