"""A Granite of a few thousand random weights that reads bytes, so that tests need no download and no time."""

from __future__ import annotations

import json
from pathlib import Path

from shoal.agents.agent import Agent, Base
from shoal.workspace.types import parse_record

SPECIAL = ("<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>")
TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] }}"
    "{{ '<|end_of_text|>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{%- endif -%}"
)


def make_decoder(folder: Path, window: int = 320) -> Path:
    """Write config, tokenizer, chat template and random weights."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import GraniteConfig, GraniteForCausalLM

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: at for at, token in enumerate([*SPECIAL, *alphabet, "re", "de"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("r", "e"), ("d", "e")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    torch.manual_seed(1)
    config = GraniteConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=window,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=True,
        # Large enough that a LoRA on random weights can move the answers.
        initializer_range=0.3,
    )
    GraniteForCausalLM(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "bos_token": SPECIAL[0],
        "eos_token": SPECIAL[0],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


def make_agent(folder: Path, prompt: str | None = "{{ message }}", **output: str) -> Agent:
    """An agent on the base in `folder`, that reads `message`."""
    return Agent(
        name="writer",
        about="Writes.",
        base=Base(name="tiny", model=str(folder), kind="decoder"),
        input=parse_record({"message": "str"}),
        output=parse_record(output or {"reason": "str", "decision": "enum[approve, decline, refer]"}),
        prompt=prompt,
    )
