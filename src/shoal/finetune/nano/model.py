"""The decoder while it is trained: the arithmetic of GraniteForCausalLM without masks and caches.

Rows are padded on the right and attention is causal, so no mask is needed; the head runs on answer
positions only. Export goes to GraniteForCausalLM itself, and a test holds the two to the same logits.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GraniteConfig, GraniteForCausalLM


@dataclass(frozen=True)
class Shape:
    """Sizes of the decoder."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    rope_theta: float
    embedding_multiplier: float

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


class Norm(nn.Module):
    """Root-mean-square norm with a weight."""

    def __init__(self, width: int) -> None:
        """Starts as the plain norm."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises the last dimension."""
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), 1e-6)


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, shape: Shape) -> None:
        """Makes the four projections."""
        super().__init__()
        self.heads, self.head_width = shape.heads, shape.head_width
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            nn.Linear(shape.width, shape.width, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attends from each position to itself and those before."""
        batch, length, width = x.shape
        joined = F.linear(x, torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight]))
        q, k, v = joined.view(batch, length, 3, self.heads, self.head_width).permute(2, 0, 3, 1, 4)
        half = self.head_width // 2
        q, k = (part * cos + torch.cat([-part[..., half:], part[..., :half]], -1) * sin for part in (q, k))
        found = attend(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)).view(
            batch, self.heads, length, self.head_width
        )
        out: Tensor = self.o_proj(found.transpose(1, 2).reshape(batch, length, width))
        return out


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attends causally; on short rows plain products take a third of the time of the fused CPU kernel."""
    length = q.shape[1]
    mask = torch.full((length, length), -1e4, dtype=q.dtype).triu(1)
    return torch.bmm(
        torch.baddbmm(mask, q, k.transpose(1, 2), alpha=1 / math.sqrt(q.shape[2])).softmax(-1), v
    )


class Mlp(nn.Module):
    """Gated feed-forward part."""

    def __init__(self, shape: Shape) -> None:
        """Makes the three projections."""
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.inner, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.inner, bias=False)
        self.down_proj = nn.Linear(shape.inner, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Applies SiLU gating."""
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm and added to the stream."""

    def __init__(self, shape: Shape) -> None:
        """Makes the parts under the names GraniteForCausalLM uses."""
        super().__init__()
        self.self_attn, self.mlp = Attention(shape), Mlp(shape)
        self.input_layernorm, self.post_attention_layernorm = Norm(shape.width), Norm(shape.width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Adds both parts to the stream."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Stack(nn.Module):
    """Embedding, blocks and the last norm."""

    def __init__(self, shape: Shape) -> None:
        """Makes the parts under the names GraniteForCausalLM uses."""
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width)


class Decoder(nn.Module):
    """The decoder; the embedding is the output head as well."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        """Makes the parameters and the rotary tables."""
        super().__init__()
        self.shape, self.model = shape, Stack(shape)
        half = torch.arange(0, shape.head_width, 2).float() / shape.head_width
        angles = torch.outer(torch.arange(shape.positions).float(), shape.rope_theta**-half).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def hidden(self, ids: Tensor) -> Tensor:
        """Returns the last hidden states of padded rows."""
        length = ids.shape[1]
        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        x = (self.model.embed_tokens(ids) * self.shape.embedding_multiplier).to(kind)
        cos, sin = self.cos[:length].to(kind), self.sin[:length].to(kind)
        for block in self.model.layers:
            x = block(x, cos, sin)
        out: Tensor = self.model.norm(x)
        return out

    def logits(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Returns logits at flat positions (row * length + column)."""
        states = self.hidden(ids).flatten(0, 1)[positions]
        return F.linear(states, self.model.embed_tokens.weight).float()


def granite_config(shape: Shape) -> GraniteConfig:
    """Writes the shape as the configuration of transformers."""
    return GraniteConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        rms_norm_eps=1e-6,
        embedding_multiplier=shape.embedding_multiplier,
        attention_multiplier=1 / math.sqrt(shape.head_width),
        residual_multiplier=1.0,
        logits_scaling=1.0,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=0,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
    )


def export(weights: dict[str, Tensor], shape: Shape, folder: Path) -> None:
    """Writes weights as a bfloat16 GraniteForCausalLM folder."""
    model = GraniteForCausalLM(granite_config(shape))
    found = model.load_state_dict(weights, strict=False)
    if found.unexpected_keys or set(found.missing_keys) - {"lm_head.weight"}:
        raise RuntimeError(f"the weights do not fit GraniteForCausalLM: {found}")
    model.tie_weights()
    model.generation_config.update(
        do_sample=False, eos_token_id=1, bos_token_id=1, pad_token_id=0, max_new_tokens=160
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


def restore(folder: Path) -> Decoder:
    """Reads an exported folder back into the training decoder, in float32."""
    config = GraniteConfig.from_pretrained(folder)
    shape = Shape(
        vocabulary=config.vocab_size,
        width=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        inner=config.intermediate_size,
        positions=config.max_position_embeddings,
        rope_theta=config.rope_parameters["rope_theta"],
        embedding_multiplier=config.embedding_multiplier,
    )
    model = Decoder(shape)
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict(
        {name: weight.float() for name, weight in weights.items() if name != "lm_head.weight"}
    )
    return model
