"""A workspace with a BERT of a few thousand weights and a tokenizer of its own: tests need no download and
no time."""

from __future__ import annotations

from pathlib import Path

WORDS = [
    "please",
    "raise",
    "my",
    "limit",
    "by",
    "to",
    "card",
    "ending",
    "lost",
    "the",
    "a",
    "i",
    "want",
    "give",
]
WORDS += ["me", "hello", "thanks", "gold", "500", "900", "1200", "4321", "$", ",", ".", ":", "k"]

_FILES = {
    "agents.yaml": """\
version: 1
bases:
  tiny: {model: models/tiny, kind: encoder}
agents:
  reader:
    base: tiny
    input: {message: str}
    output:
      intent: enum[raise_limit, lost_card]
      amount: span[number] from message
""",
    "finetune/reader.yaml": """\
version: 1
agent: reader
data: {python: "finetune/reader.py:examples", train: 120, heldout: 12}
lora: {rank: 4, alpha: 8}
training: {steps: 160, batch_tokens: 256, learning_rate: 0.02, head_learning_rate: 0.05}
""",
    "finetune/reader.py": """\
from itertools import count

def examples(seed, part):
    openings = ("", "hello, ", "please ", "hello please ", "i want: ")
    endings = ("", " please", " thanks", ". hello", " k")
    for number in count(0 if part == "train" else 1000):
        amount = f"{'$' if number % 3 else ''}{(500, 900, 1200)[number % 3 - 1]}"
        opening, ending = openings[number % 5], endings[number // 5 % 5]
        way = ("raise my limit by", "my limit to", "give me")[number // 7 % 3]
        if number % 4:
            message = f"{opening}{way} {amount}{ending}"
            yield {"input": {"message": message}, "output": {"intent": "raise_limit", "amount": amount}}
        else:
            card = ("lost the card ending 4321", "i lost my gold card", "card lost")[number % 3]
            message = f"{opening}{card}{ending}"
            yield {"input": {"message": message}, "output": {"intent": "lost_card", "amount": None}}
""",
}


def make_workspace(root: Path) -> Path:
    """Write a workspace whose agent `reader` can be trained in a second."""
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    make_base(root / "models" / "tiny")
    return root


def make_base(folder: Path, seed: int = 1, dropout: float = 0.0) -> Path:
    """Write config, tokenizer and random weights."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    vocabulary = {
        word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(WORDS)])
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    # Matrices this small gain nothing from threads, and on a busy machine wait for them for ever.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=0.2,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
