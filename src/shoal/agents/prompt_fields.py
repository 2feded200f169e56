"""Fields that a prompt reads of its inputs, held against their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jinja2 import nodes

from shoal.errors import suggest
from shoal.workspace.types import ANY, ListOf, Nullable, Record, Type, plain


def unknown_fields(tree: nodes.Template, types: Mapping[str, Type]) -> Iterator[tuple[int, str, str]]:
    """Every field that is read and that its value does not have, as (line, word, message)."""
    stored = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    known = {name: kind for name, kind in types.items() if name not in stored} | dict(_items(tree, types))
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for read in tree.find_all(nodes.Getattr):
        kind = _type_of(read.node, known)
        if read.attr.startswith("_"):
            yield read.lineno, read.attr, f"a prompt cannot read '{read.attr}'. Fields start with a letter"
        elif kind is None or id(read) in called:
            continue
        elif not isinstance(kind, Record):
            message = f"the prompt reads '{read.attr}' of a value that is {kind} and has no fields"
            yield read.lineno, read.attr, message
        elif read.attr not in kind.fields:
            message = f"the prompt reads '{read.attr}', which is no field of {kind}"
            yield read.lineno, read.attr, f"{message}. {suggest(read.attr, kind.fields)}"


def _items(tree: nodes.Template, types: Mapping[str, Type]) -> Iterator[tuple[str, Type]]:
    """Variables of loops over lists of one type, where the same name is not used again for something else."""
    loops = [loop for loop in tree.find_all(nodes.For) if isinstance(loop.target, nodes.Name)]
    names = [loop.target.name for loop in loops if isinstance(loop.target, nodes.Name)]
    for name, loop in zip(names, loops, strict=True):
        kind = _type_of(loop.iter, types)
        if isinstance(kind, ListOf) and names.count(name) == 1:
            yield name, kind.item


def _type_of(node: nodes.Node, known: Mapping[str, Type]) -> Type | None:
    """The type of a name or a field of one; None where that is not known."""
    kind: Type | None = None
    if isinstance(node, nodes.Name):
        kind = known.get(node.name)
    elif isinstance(node, nodes.Getattr):
        of = _type_of(node.node, known)
        kind = of.fields.get(node.attr) if isinstance(of, Record) else None
    kind = plain(kind) if kind else None
    kind = plain(kind.of) if isinstance(kind, Nullable) else kind
    return None if kind == ANY else kind
