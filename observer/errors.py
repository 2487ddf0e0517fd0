"""What a person can put right; everything else that is raised is a bug.

ObserverError
├── InputError          a capture, or another file of data, cannot be read
└── ConfigurationError  a setting, an inventory, a rule or a certificate file is wrong

The message is one line that says where and what (`FILE:LINE: what`); the command line prints it as it is.
"""


class ObserverError(Exception):
    """The root of the errors that end a command with one clear line and exit code 2."""


class InputError(ObserverError):
    """A file of data cannot be opened or is not what it should be."""


class ConfigurationError(ObserverError):
    """What a person wrote down (settings, inventory, rules, certificates) is wrong.

    Several faults of one file are several lines of one message.
    """
