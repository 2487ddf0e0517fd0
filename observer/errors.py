"""What a person can put right; everything else that is raised is a bug.

ObserverError
├── InputError          a capture, or another file of data, cannot be read
└── ConfigurationError  a setting, an inventory, a rule or a certificate file is wrong

The message is one line that says where and what (`FILE:LINE: what`); the command line prints it as it is.
"""

from collections.abc import Collection
from typing import NamedTuple, Self


class Problem(NamedTuple):
    """One fault in a file; line and column count from 1, line 0 means the file as a whole."""

    file: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class ObserverError(Exception):
    """The root of the errors that end a command with one clear line and exit code 2."""


class InputError(ObserverError):
    """A file of data cannot be opened or is not what it should be."""


class ConfigurationError(ObserverError):
    """What a person wrote down (settings, inventory, rules, certificates) is wrong.

    Several faults of one file are several lines of one message.
    """

    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, problems: Collection[Problem]) -> Self:
        """All faults of an input as one error, in the order of their places."""
        error = cls("\n".join(str(problem) for problem in sorted(problems)))
        error.problems = tuple(sorted(problems))
        return error
