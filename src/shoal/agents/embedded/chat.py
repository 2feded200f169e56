"""Text to tokens and back: a base's tokenizer and chat template.

The user's text is cut into tokens apart from the frame of the chat template, and special tokens in it are
read as plain text: nobody can end a turn or play a role by writing `<|end_of_text|>` into a message.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from shoal.errors import ShoalError

__all__ = ["Chat"]

_MARK = "[[what the user wrote]]"


class Chat:
    """The tokenizer of a base and the frame it puts around one question."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tokenizer_json = (folder / "tokenizer.json").read_text(encoding="utf-8")
        self._frame = Tokenizer.from_str(self.tokenizer_json)
        self._plain = Tokenizer.from_str(self.tokenizer_json)
        self._plain.encode_special_tokens = True
        settings: dict[str, Any] = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        before, after = self._split(settings)
        self._before, self._after = self._ids(self._frame, before), self._ids(self._frame, after)
        self.end = self._id(settings, "eos_token")
        self.special = {
            at: token.content for at, token in self._frame.get_added_tokens_decoder().items() if token.special
        }
        """The special tokens."""

    def question(self, text: str) -> list[int]:
        """Tokens of one user message, up to where the model's answer starts."""
        return [*self._before, *self._ids(self._plain, text), *self._after]

    def answer(self, text: str) -> list[int]:
        """Tokens of an answer, without the end token."""
        return self._ids(self._plain, text)

    def _split(self, settings: dict[str, Any]) -> tuple[str, str]:
        source = self._template(settings)
        env = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"]
        )
        env.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
        env.globals |= {
            "raise_exception": self._refuse,
            "strftime_now": lambda form: datetime.now().strftime(form),
        }
        tokens = {name: _token(settings, name) for name in ("bos_token", "eos_token", "pad_token")}
        messages = [{"role": "user", "content": _MARK}]
        text = env.from_string(source).render(messages=messages, add_generation_prompt=True, **tokens)
        before, mark, after = text.partition(_MARK)
        if not mark:
            raise ShoalError(f"the chat template of {self._folder} leaves out what the user wrote")
        return before, after

    def _template(self, settings: dict[str, Any]) -> str:
        file = self._folder / "chat_template.jinja"
        source = file.read_text(encoding="utf-8") if file.is_file() else settings.get("chat_template")
        if not isinstance(source, str):
            raise ShoalError(
                f"{self._folder} has no chat template, so it cannot be asked. Take an instruction-tuned base"
            )
        return source

    def _refuse(self, message: str) -> None:
        raise ShoalError(f"the chat template of {self._folder} refuses a single user message: {message}")

    def _id(self, settings: dict[str, Any], name: str) -> int:
        found = self._frame.token_to_id(_token(settings, name))
        if found is None:
            raise ShoalError(
                f"{self._folder}/tokenizer_config.json names no {name} that tokenizer.json knows"
            )
        return int(found)

    @staticmethod
    def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _token(settings: dict[str, Any], name: str) -> str:
    token = settings.get(name) or ""
    return str(token["content"]) if isinstance(token, dict) else str(token)
