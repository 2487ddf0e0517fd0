"""YAML into typed structs, strictly: every error at once, each with line, column and field. Knows no format."""

import re
import types
import typing
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import yaml

from observer.errors import ConfigurationError, Problem

T = TypeVar("T")
Where = tuple[str | int, ...]

STRING = "tag:yaml.org,2002:str"
# YAML 1.2.2 section 10.3.2, the core schema: `no`, `12:30:45` and `0755` stay what the writer meant.
CORE_TYPES = {
    "tag:yaml.org,2002:null": re.compile(r"~|null|Null|NULL|"),
    "tag:yaml.org,2002:bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0|[1-9][0-9]*)"),
    "tag:yaml.org,2002:float": re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+]?[0-9]+)?"),
}
# Deeper input is no configuration of ours.
DEPTH_LIMIT = 40


class Document(Generic[T]):
    """A file read into `value`, which still knows where each of its fields stands."""

    def __init__(self, file: str, root: yaml.Node, value: T) -> None:
        self.file, self._root, self.value = file, root, value

    def problem(self, where: Where, message: str) -> Problem:
        """A problem with the field at `where`, for checks that only the caller can make."""
        return _problem(self.file, _node_at(self._root, where), where, message)


def load(file: Path, wanted: type[T]) -> Document[T]:
    """The file as a `wanted`, or ConfigurationError with all that is wrong in it."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError.of([Problem(str(file), 0, 0, "", error.strerror or "cannot be read")]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError.of([Problem(str(file), 0, 0, "", f"is not UTF-8 at byte {error.start}")]) from error
    return parse(text, str(file), wanted)


def parse(text: str, file: str, wanted: type[T]) -> Document[T]:
    """The text as a `wanted`; `file` only names it in errors."""
    root = _compose(text, file)
    reader = _Reader(file)
    value = reader.build(root, ())
    if not reader.problems:
        fitting = _fitting(value, wanted)
        if fitting is not None:
            return Document(file, root, fitting)
        reader.check(value, wanted, root, ())
    if reader.problems:
        raise ConfigurationError.of(reader.problems)
    return Document(file, root, msgspec.convert(value, wanted, dec_hook=_decode))


def _fitting(value: Any, wanted: type[T]) -> T | None:
    """The value at once, where nothing is wrong and its type, with all its parts, lets no unknown field pass."""
    if not getattr(wanted, "__struct_config__").forbid_unknown_fields:  # noqa: B009 - no type knows of it
        return None
    try:
        return msgspec.convert(value, wanted, dec_hook=_decode)
    except msgspec.ValidationError:
        return None


def _compose(text: str, file: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"is not YAML: {error.problem or error.context}"
        raise ConfigurationError.of([Problem(file, line, column, "", message)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError.of([Problem(file, 1, 1, "", f"is not YAML: {str(error).splitlines()[0]}")]) from error
    if root is None:
        raise ConfigurationError.of([Problem(file, 1, 1, "", "is empty")])
    return root


class _Reader:
    """Collects problems while it turns nodes into plain values and holds those against a type."""

    def __init__(self, file: str) -> None:
        self.file, self.problems = file, list[Problem]()

    def complain(self, node: yaml.Node, where: Where, message: str) -> None:
        self.problems.append(_problem(self.file, node, where, message))

    def build(self, node: yaml.Node, where: Where) -> Any:
        if len(where) > DEPTH_LIMIT:
            # Also what an alias to its own parent ends in.
            self.complain(node, where[:3], f"is nested deeper than {DEPTH_LIMIT} levels")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*where, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        built: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in first:
                self.complain(key_node, (*where, key), f"is given twice, first in line {first[key]}")
            first.setdefault(key, key_node.start_mark.line + 1)
            built[key] = self.build(value_node, (*where, key))
        return built

    def check(self, value: Any, wanted: Any, node: yaml.Node, where: Where) -> None:
        if typing.get_origin(wanted) in (types.UnionType, typing.Union):
            wanted = _alternative(value, wanted)
        origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
        if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct) and isinstance(value, dict):
            self._struct(value, wanted, node, where)
        elif origin in (list, tuple, frozenset) and isinstance(value, list):
            for index, item in enumerate(value):
                self.check(item, arguments[0], node.value[index], (*where, index))
        elif origin is dict and isinstance(value, dict):
            for key_node, value_node in node.value:
                self.check(value[key_node.value], arguments[1], value_node, (*where, key_node.value))
        else:
            self._leaf(value, wanted, node, where)

    def _struct(self, value: dict[str, Any], wanted: type[msgspec.Struct], node: yaml.Node, where: Where) -> None:
        hints = typing.get_type_hints(wanted, include_extras=True)
        fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in fields:
                self.check(value[key], hints[fields[key].name], value_node, (*where, key))
            else:
                self.complain(key_node, (*where, key), _unknown(key, fields))
        for name, field in fields.items():
            if field.required and name not in value:
                self.complain(node, where, f"lacks `{name}`")

    def _leaf(self, value: Any, wanted: Any, node: yaml.Node, where: Where) -> None:
        try:
            msgspec.convert(value, wanted, dec_hook=_decode)
        except msgspec.ValidationError as error:
            message = str(error)
            self.complain(node, where, message[:1].lower() + message[1:])


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text = str(node.value)
    quoted = isinstance(node, yaml.ScalarNode) and bool(node.style)
    if quoted:
        return text
    kind = next((tag for tag, pattern in CORE_TYPES.items() if pattern.fullmatch(text)), STRING).rsplit(":", 1)[1]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    return int(text) if kind == "int" else float(text) if kind == "float" else text


def _alternative(value: Any, wanted: Any) -> Any:
    choices = [choice for choice in typing.get_args(wanted) if choice not in (type(None), msgspec.UnsetType)]
    return choices[0] if value is not None and len(choices) == 1 else wanted


def _decode(wanted: type, value: Any) -> Any:
    """Types of our own (an address, a network) that a string is turned into by calling them."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return wanted(value)


def _unknown(key: str, fields: typing.Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only an error needs it

    close = difflib.get_close_matches(key, list(fields), n=1)
    return f"no such field; did you mean `{close[0]}`?" if close else "no such field"


def _node_at(node: yaml.Node, where: Where) -> yaml.Node:
    for step in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), node)
    return node


def _problem(file: str, node: yaml.Node, where: Where, message: str) -> Problem:
    mark = node.start_mark
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).lstrip(".")
    return Problem(file, mark.line + 1, mark.column + 1, field, message)
