"""The byte-level BPE tokenizer: digits one by one, a word cut alike with and without a space before it.

The second rule is for copying. Merges are learnt without spaces; afterwards each token gets a twin with a
leading space, joined by the last merges of all. So `Quist` and ` Quist` differ in their first token alone,
and the twins start from shared weights.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from shoal.finetune.nano.tasks import Example

PAD, END, ROLE, ROLE_END = "<|pad|>", "<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>"
SPECIAL = (PAD, END, ROLE, ROLE_END)
SPACE = "Ġ"
_WORD = r"(?:\p{L}\p{M}*)+"
_CUT_LEARN = rf"{_WORD}|\p{{N}}|[^\s\p{{L}}\p{{N}}]|\s"
_CUT = rf" ?{_WORD}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]|\s"
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|start_of_role|>' + message['role'] + '<|end_of_role|>' }}"
    "{{ message['content'] + '<|end_of_text|>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{%- endif -%}"
)


def _byte_level(cut: str) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(cut), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _learn(texts: Iterable[str], merges: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _byte_level(_CUT_LEARN)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=len(SPECIAL) + len(alphabet) + merges,
        special_tokens=list(SPECIAL),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    return learnt["vocab"], [(left, right) for left, right in learnt["merges"]]


def _twin(token: str) -> bool:
    return token not in SPECIAL and not token.startswith((SPACE, "Ċ", "ĉ", "č")) and not token.isdigit()


def build(texts: Iterable[str], merges: int) -> PreTrainedTokenizerFast:
    """Learns a tokenizer from texts.

    Args:
        texts: What to learn the merges from.
        merges: How many merges to learn, before the twins with a leading space are added.
    """
    vocabulary, pairs = _learn(texts, merges)
    for token in [token for token in sorted(vocabulary, key=lambda key: vocabulary[key]) if _twin(token)]:
        vocabulary[SPACE + token] = len(vocabulary)
        pairs.append((SPACE, token))
    for number in itertools.count():
        if len(vocabulary) % 64 == 0:
            break
        vocabulary[f"<|unused_{number}|>"] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = _byte_level(_CUT)
    tokenizer.decoder = decoders.ByteLevel()
    return _wrap(tokenizer)


def _wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        bos_token=END,
        unk_token=END,
        additional_special_tokens=[ROLE, ROLE_END],
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def twins(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Returns the ids of every token and of its twin with a leading space."""
    vocabulary = tokenizer.get_vocab()
    return [
        (vocabulary[token[1:]], index)
        for token, index in vocabulary.items()
        if len(token) > 1 and token[0] == SPACE and token[1:] in vocabulary
    ]


def chat(example: Example) -> str:
    """Writes an exchange up to where the answer starts, as the chat template does."""
    system = f"{ROLE}system{ROLE_END}{example.system}{END}\n" if example.system else ""
    return f"{system}{ROLE}user{ROLE_END}{example.prompt}{END}\n{ROLE}assistant{ROLE_END}"


class Encoder:
    """Turns exchanges into token ids."""

    def __init__(self, folder: Path) -> None:
        """Loads tokenizer.json of a folder."""
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.size = self.tokenizer.get_vocab_size()
        self.end: int = self.tokenizer.get_vocab()[END]

    def prompts(self, examples: Sequence[Example]) -> list[list[int]]:
        """Encodes what stands before the answers."""
        found = self.tokenizer.encode_batch([chat(example) for example in examples], add_special_tokens=False)
        return [one.ids for one in found]

    def rows(self, examples: Sequence[Example]) -> list[tuple[list[int], int]]:
        """Encodes prompts and answers; the second value is where the answer starts."""
        answers = self.tokenizer.encode_batch(
            [example.answer for example in examples], add_special_tokens=False
        )
        return [
            (before + after.ids + [self.end], len(before))
            for before, after in zip(self.prompts(examples), answers, strict=True)
        ]

    def text(self, ids: Sequence[int]) -> str:
        """Decodes an answer."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))


def save(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes tokenizer.json and a tokenizer_config.json that older and newer readers understand alike."""
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "unk_token": END,
        "pad_token": PAD,
        "additional_special_tokens": [ROLE, ROLE_END],
        "clean_up_tokenization_spaces": False,
        "model_max_length": 512,
        "chat_template": CHAT_TEMPLATE,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
