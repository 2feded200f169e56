"""The decoder in training: parity with transformers, weights that copy before training, exact resume."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from transformers import GraniteForCausalLM

from shoal.finetune.nano import model, pretrain, recipe, start, tokenizer
from shoal.finetune.nano.mix import Mix

SHAPE = model.Shape(640, 256, 3, 4, 64, 128, 1e6, 12.0)
RECIPE = Path(__file__).parents[3] / "finetune" / "nano.yaml"


def _started() -> model.Decoder:
    decoder = model.Decoder(SHAPE)
    start.start_weights(decoder, [], 0)
    return decoder


def test_logits_equal_those_of_transformers(tmp_path: Path) -> None:
    decoder = _started()
    for weight in decoder.parameters():
        weight.data = (weight.data + 0.02 * torch.randn_like(weight)).bfloat16().float()
    model.export(dict(decoder.named_parameters()), SHAPE, tmp_path)
    theirs = GraniteForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids = torch.randint(4, 640, (2, 20))
    ours = decoder.logits(ids, torch.arange(40)).view(2, 20, -1)
    torch.testing.assert_close(ours, theirs(input_ids=ids).logits, rtol=1e-3, atol=1e-3)


def test_untrained_weights_copy_a_run_of_random_tokens() -> None:
    run = torch.randint(4, 640, (4, 50), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = _started().logits(torch.cat([run, run], 1), torch.arange(400)).argmax(-1).view(4, 100)
    assert (found[:, 50:-1] == run[:, 1:]).float().mean() > 0.9


def test_start_refuses_other_sizes() -> None:
    with pytest.raises(ValueError, match="width 256"):
        start.start_weights(model.Decoder(model.Shape(640, 128, 3, 4, 64, 128, 1e6, 12.0)), [], 0)


def _tiny(folder: Path, tokens: int) -> recipe.Recipe:
    full = recipe.load(RECIPE).model_dump()
    full["tokenizer"] = {"merges": 100, "examples": 200}
    full["model"] |= {"layers": 3, "inner": 64, "positions": 512}
    full["training"] |= {
        "tokens": tokens,
        "processes": 1,
        "batch_tokens": 512,
        "pool_batches": 2,
        "warmup_steps": 2,
    }
    full["output"] |= {
        "weights": folder / "weights",
        "state": folder / "state",
        "measure_examples": 2,
        "save_steps": 1,
    }
    return recipe.Recipe.model_validate(full)


def test_a_short_run_writes_a_folder_and_resumes(tmp_path: Path) -> None:
    first = _tiny(tmp_path, 1500)
    (tmp_path / "state").mkdir()
    tokenizer.save(pretrain.learn_tokenizer(first), tmp_path / "state")
    pretrain.work(0, first)
    again = pretrain.Run(_tiny(tmp_path, 3000))
    assert again.tokens >= 1500
    assert again.step > 0
    assert GraniteForCausalLM.from_pretrained(tmp_path / "weights").config.num_hidden_layers == 3
    mix = Mix(again.encoder, {"copy": 1.0, "induction": 1.0}, 256)
    assert mix.rows("s", 500, 0.5) == mix.rows("s", 500, 0.5)


def test_unknown_keys_and_tasks_are_refused(tmp_path: Path) -> None:
    full = recipe.load(RECIPE).model_dump()
    with pytest.raises(ValidationError):
        recipe.Recipe.model_validate(full | {"extra": 1})
    with pytest.raises(ValueError, match="unknown tasks"):
        Mix.__init__(Mix.__new__(Mix), None, {"juggling": 1.0}, 512)  # type: ignore[arg-type]


def test_rate_falls_to_zero() -> None:
    training = recipe.load(RECIPE).training
    assert pretrain.rate_scale(training, 0, 0) < 0.1
    assert pretrain.rate_scale(training, 1000, training.tokens // 2) == 1.0
    assert pretrain.rate_scale(training, 1000, training.tokens) == 0.0
