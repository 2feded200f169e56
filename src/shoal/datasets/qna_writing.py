"""Writes seeds from elsewhere as a qna.yaml: word by word the same, in the form a person would write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shoal.datasets.qna import NO_LICENCE
from shoal.datasets.taxonomy import ForeignSeed, Taxonomy
from shoal.errors import ShoalError
from shoal.workspace.yaml import parse_yaml

__all__ = ["written", "written_taxonomy"]


def written_taxonomy(found: Taxonomy) -> str:
    """A file of a taxonomy in our form."""
    data: dict[str, Any] = {"version": 1, "kind": found.kind}
    for key, value in (
        ("task", found.task),
        ("domain", found.domain),
        ("outline", found.outline),
        ("created_by", found.created_by),
        ("license", found.licence or NO_LICENCE),
        ("sources", [*found.sources, *found.documents]),
    ):
        if value:
            data[key] = value
    data["seeds"] = list(_grouped(found.seeds))
    return written(data)


def _grouped(seeds: Iterable[ForeignSeed]) -> Iterable[dict[str, Any]]:
    """Questions about the same text stand under it."""
    groups: list[list[ForeignSeed]] = []
    for seed in seeds:
        last = groups[-1][0] if groups else None
        same = last and seed.context is not None and _about(last) == _about(seed)
        if same:
            groups[-1].append(seed)
        else:
            groups.append([seed])
    for group in groups:
        context, licence, source = _about(group[0])
        about = {"context": context, "license": licence, "source": source}
        pairs = [{"question": each.question, "answer": each.answer} for each in group]
        head = {key: value for key, value in about.items() if value is not None}
        yield head | ({"questions": pairs} if len(pairs) > 1 else pairs[0])


def _about(seed: ForeignSeed) -> tuple[str | None, str | None, str | None]:
    return seed.context, seed.licence, seed.source


def written(data: Mapping[str, Any]) -> str:
    """Data as YAML that reads back as the same data.

    Raises:
        ShoalError: it is more than one file may hold.
    """
    for is_plain in (True, False):
        text = _dumped(data, is_plain=is_plain)
        try:
            if parse_yaml(text.encode(), "qna.yaml").data == data:
                return text
        except ShoalError:
            if not is_plain:
                raise
    raise AssertionError("quoted YAML reads back as what was written")


def _dumped(data: Mapping[str, Any], *, is_plain: bool) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """Texts of several lines in blocks, lists indented, nothing by reference."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
            return super().increase_indent(flow, False)

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value.strip("\n") or len(value) > 90 and value.endswith("\n") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style if is_plain else '"')

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(dict(data), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
    return dumped
