"""Answers that always parse: an output type as a grammar, the grammar as a mask over tokens.

An answer is one line of JSON, `{"reason": "too young", "decision": "refer"}`: fields in their order,
`", "` and `": "` between them, letters of all alphabets as they are, no control characters. A `span` is a
piece of the input field it is declared from, or null. The same functions write the answers of training
examples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.numbers import read_number
from shoal.errors import ShoalError
from shoal.workspace.types import Enum, ListOf, Nullable, Record, Scalar, Span, Type, read

__all__ = ["Guide", "Guides", "field_ranges", "grammar", "is_decision", "read_answer", "write_answer"]

_TERMINALS = r"""
TEXT: "\"" /([^"\\\x00-\x1F\x7F-\x9F]|\\["\\n])*/ "\""
INT: /-?(0|[1-9][0-9]{0,14})/
FLOAT: /-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?/
any: TEXT | FLOAT | "true" | "false" | "null" | array | object
array: "[]" | "[" any (", " any)* "]"
object: "{}" | "{" pair (", " pair)* "}"
pair: TEXT ": " any
"""
_SCALARS = {"str": "TEXT", "int": "INT", "float": "FLOAT", "bool": '("true" | "false")', "any": "any"}
_NUMBER_CHARS = 24
_TEXT_CHARS = 2


def is_decision(kind: Type) -> bool:
    """Whether a field holds a decision, whose probability means something; free text does not."""
    match kind:
        case Enum() | Span() | Scalar("int" | "float" | "bool"):
            return True
        case Nullable(of) | ListOf(of):
            return is_decision(of)
        case Record(fields):
            return all(map(is_decision, fields.values()))
    return False


def write_answer(agent: Agent, output: Mapping[str, Any]) -> str:
    """An output as an agent's model is to write it."""
    return json.dumps({name: _plain(output.get(name)) for name in agent.output.fields}, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def read_answer(agent: Agent, text: str) -> dict[str, Any]:
    """The output that a guided answer stands for."""
    found = json.loads(text)
    values = {name: _span_value(kind, found[name]) for name, kind in agent.output.fields.items()}
    output: dict[str, Any] = read(agent.output, values, agent.name)
    return output


def _span_value(kind: Type, value: Any) -> Any:
    if not isinstance(kind, Span):
        return value
    if not value:
        return None
    return read_number(value) if kind.of == "number" else value


def field_ranges(text: str) -> dict[str, tuple[int, int]]:
    """Where the value of each field stands in an answer."""
    decoder = json.JSONDecoder()
    ranges: dict[str, tuple[int, int]] = {}
    at = 1
    while at < len(text) - 1:
        name, start = decoder.raw_decode(text, at)
        start += len(": ")
        _, end = decoder.raw_decode(text, start)
        ranges[name] = (start, end)
        at = end + len(", ")
    return ranges


def shortest_answer(kind: Type) -> str:
    """An answer as long as one gets when every text and list in it is closed at once."""
    match kind:
        case Record(fields):
            return (
                "{" + ", ".join(f'"{name}": {shortest_answer(each)}' for name, each in fields.items()) + "}"
            )
        case Enum(cases):
            return '"' + max(cases, key=len) + '"'
        case Nullable(of):
            return max(shortest_answer(of), "null", key=len)
        case Scalar("int" | "float"):
            return "0" * _NUMBER_CHARS
    return '"' + " " * _TEXT_CHARS + '"'


def grammar(agent: Agent, values: Mapping[str, Any]) -> str:
    """The grammar, in llguidance's kind of Lark, of the answers of an agent to these values."""
    lines: list[str] = []
    start = _rule(agent.output, agent, values, lines)
    return "\n".join([f"start: {start}", *lines, _TERMINALS])


def _rule(kind: Type, agent: Agent, values: Mapping[str, Any], lines: list[str]) -> str:
    """The right side for a type; what it needs beside is added to `lines`."""
    match kind:
        case Scalar(name):
            return _SCALARS[name]
        case Enum(cases):
            return "(" + " | ".join(_literal(f'"{case}"') for case in cases) + ")"
        case Nullable(of):
            return f'("null" | {_rule(of, agent, values, lines)})'
        case ListOf(item):
            each = _rule(item, agent, values, lines)
            return f'("[]" | "[" {each} (", " {each})* "]")'
        case Span():
            return _span_rule(kind, agent, values, lines)
        case Record(fields):
            parts = [
                _literal(f'"{name}": ') + " " + _rule(each, agent, values, lines)
                for name, each in fields.items()
            ]
            return '"{" ' + ' ", " '.join(parts) + ' "}"'


def _literal(text: str) -> str:
    return json.dumps(text)


def _span_rule(kind: Span, agent: Agent, values: Mapping[str, Any], lines: list[str]) -> str:
    source = values.get(span_source(kind, agent))
    if not source:
        return '"null"'
    name = f"PIECE_{len(lines)}"
    chunks = [json.dumps(char, ensure_ascii=False)[1:-1] for char in str(source)]
    lines.append(f"{name}: %regex {json.dumps({'substring_chunks': chunks})}")
    return rf'("null" | "\"" {name} "\"")'


def span_source(kind: Span, agent: Agent) -> str:
    """The input field a span is found in."""
    texts = [
        name for name, each in agent.input.fields.items() if each in (Scalar("str"), Nullable(Scalar("str")))
    ]
    if kind.source is None and len(texts) != 1:
        raise ShoalError(
            f"agent '{agent.name}' has an output {kind}, but {len(texts)} text inputs it could be found in. "
            f"Write {kind} from FIELD"
        )
    return kind.source or texts[0]


class Guide:
    """One answer in the making: which tokens may come next."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def forced(self) -> list[int]:
        """Take and return the tokens that have no alternative now."""
        tokens: list[int] = self._matcher.compute_ff_tokens()
        self.take(tokens)
        return tokens

    def take(self, tokens: Sequence[int]) -> None:
        """Move on over chosen tokens."""
        if tokens and not self._matcher.consume_tokens(list(tokens)):
            raise ShoalError(f"the grammar of the answer refused its own token: {self._matcher.get_error()}")

    def allowed(self) -> bytes:
        """One byte for each token of the vocabulary, 0 where it must not come next."""
        mask: bytes = self._matcher.compute_logit_bias()
        return mask

    @property
    def is_done(self) -> bool:
        """Whether the answer is complete."""
        return bool(self._matcher.is_stopped())


class Guides:
    """Makes guides for the vocabulary of one base."""

    def __init__(self, tokenizer_json: str, num_tokens: int, end: int) -> None:
        from llguidance import LLTokenizer

        self._tokenizer = LLTokenizer(tokenizer_json, n_vocab=num_tokens, eos_token=end, slices=[])
        # A grammar without spans is the same for all requests of an agent; a copy of its matcher costs some
        # microseconds.
        self._matcher = lru_cache(maxsize=64)(self._new_matcher)

    def start(self, agent: Agent, values: Mapping[str, Any]) -> Guide:
        """A guide for an agent's answer to these values."""
        return Guide(self._matcher(grammar(agent, values)).deep_copy())

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """The bytes of each token; together they are the text of an answer."""
        return [self._tokenizer.decode_bytes([token]) for token in tokens]

    def _new_matcher(self, source: str) -> Any:
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokenizer, source, log_level=0)
        if matcher.is_error():
            raise ShoalError(f"the output type cannot be made a grammar: {matcher.get_error()}")
        return matcher
