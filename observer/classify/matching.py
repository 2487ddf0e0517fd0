"""Holds conditions of a rule against facts."""

import functools

from observer.classify.facts import Facts
from observer.ruleset import PathConditions


def holds(conditions: PathConditions, facts: Facts) -> bool:
    """Whether each fact that is asked for has one of the values listed."""
    return all(not facts[name].isdisjoint(allowed) for name, allowed in asked(conditions))


@functools.cache
def asked(conditions: PathConditions) -> tuple[tuple[str, frozenset[str | int]], ...]:
    """The facts a conjunction asks for, with the values it allows."""
    fields = ((name, getattr(conditions, name)) for name in conditions.__struct_fields__)
    return tuple(
        (name, frozenset(value if isinstance(value, int) else str(value) for value in allowed))
        for name, allowed in fields
        if allowed is not None
    )
