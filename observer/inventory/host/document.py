"""Looks single settings up in YAML or JSON, each with its line. Lenient: what else is in a file is not our business."""

from collections.abc import Iterator

import msgspec
import yaml

from observer.inventory.host.reading import UnreadableError

Plain = str | int | bool | None
Step = str | int
# A manifest file holds one pod, a few at most.
DOCUMENT_LIMIT = 100


class Found(msgspec.Struct, frozen=True):
    """A scalar and where it stands (`file:line`)."""

    value: Plain
    where: str

    @property
    def text(self) -> str | None:
        """The value as text; null and the empty text are both unset."""
        return None if self.value is None or self.value == "" else str(self.value)

    @property
    def switch(self) -> bool | None:
        """The value where it is a yes or no."""
        return self.value if isinstance(self.value, bool) else None

    @property
    def number(self) -> int | None:
        """The value where it is a port."""
        number = self.value
        return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 65535 else None


class Tree:
    """A document, or a part of one."""

    def __init__(self, file: str, node: yaml.Node | None) -> None:
        self.file, self._node = file, node

    def part(self, *steps: Step) -> "Tree":
        """What stands there; an empty tree where nothing does."""
        node = self._node
        for step in steps:
            node = _child(node, step)
        return Tree(self.file, node)

    def items(self) -> Iterator["Tree"]:
        """The items of a list."""
        for node in self._node.value if isinstance(self._node, yaml.SequenceNode) else ():
            yield Tree(self.file, node)

    def scalar(self, *steps: Step) -> Found | None:
        """The scalar there, or None."""
        node = self.part(*steps)._node  # noqa: SLF001 - of the same class
        return Found(_plain(node), self._where(node)) if isinstance(node, yaml.ScalarNode) else None

    def has(self, *steps: Step) -> bool:
        """Whether anything stands there; looks at no value."""
        return self.part(*steps)._node is not None  # noqa: SLF001 - of the same class

    def __bool__(self) -> bool:
        return self._node is not None

    def _where(self, node: yaml.Node) -> str:
        return f"{self.file}:{node.start_mark.line + 1}"


def parse(text: str, file: str) -> list[Tree]:
    """The documents of a file; UnreadableError, which repeats nothing of the content, where it is no YAML."""
    try:
        loader = yaml.CSafeLoader(text)
        nodes = list[yaml.Node]()
        while loader.check_node() and len(nodes) < DOCUMENT_LIMIT and (node := loader.get_node()) is not None:
            nodes.append(node)
    except yaml.MarkedYAMLError as error:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UnreadableError(f"is no YAML{line}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UnreadableError("is no YAML") from error
    return [Tree(file, node) for node in nodes]


def _child(node: yaml.Node | None, step: Step) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode) and isinstance(step, str):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    return None


def _plain(node: yaml.ScalarNode) -> Plain:
    """The value as Kubernetes reads it: quoted is text, `true` and `null` are not."""
    text = str(node.value)
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in ("", "~", "null"):
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
