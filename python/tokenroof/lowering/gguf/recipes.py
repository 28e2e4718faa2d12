"""Values of a config that are more than one key of a GGUF file, or that its tensors tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .keys import Keys

__all__ = [
    "NULL",
    "attention_or",
    "expert_width",
    "fixed",
    "flag",
    "head_dim",
    "inside",
    "latent_nope",
    "latent_v",
    "layers",
    "most",
    "no_tensor",
    "ratio",
    "rows_of",
    "shared_width",
    "tensor",
    "tied",
    "vocabulary",
    "widths",
    "window_layers",
    "zero_when_missing",
]

#: Stands for ``null``: the key is there, and says that the model has no such thing.
NULL = object()


# --- makers ----------------------------------------------------------------------------------------------------------


def fixed(value: Any) -> Callable[[Keys], Any]:
    """The same in every file."""
    return lambda keys: value


def zero_when_missing(key: str) -> Callable[[Keys], int]:
    """A number, 0 where the model has no such thing."""
    return lambda keys: keys.find(key) or 0


def flag(key: str) -> Callable[[Keys], bool | None]:
    """True or false, where the file says so."""
    return lambda keys: keys.flag(key)


def most(key: str) -> Callable[[Keys], int | None]:
    """The one number of the layers that have any; 0 in the others."""

    def recipe(keys: Keys) -> int | None:
        found = set(keys.each(key) or ()) - {0}
        if len(found) > 1:
            raise keys.error(f"{keys.arch}.{key} = {sorted(found)}: expected one number for all layers that have any")
        return next(iter(found), None)

    return recipe


def ratio(dividend: str, divisor: str) -> Callable[[Keys], int]:
    """One number as a multiple of another."""

    def recipe(keys: Keys) -> int:
        above, below = keys.count(dividend), keys.count(divisor)
        if not below or above % below:
            raise keys.error(f"{keys.arch}.{dividend} = {above} is not a multiple of {keys.arch}.{divisor} = {below}")
        return above // below

    return recipe


def tensor(*names: str) -> Callable[[Keys], bool | None]:
    """Whether a layer has one of these tensors, where the file has any at all."""

    def recipe(keys: Keys) -> bool | None:
        known = [keys.has(name) for name in names]
        return None if None in known and True not in known else True in known

    return recipe


def no_tensor(name: str) -> Callable[[Keys], bool | None]:
    """The opposite of `tensor`."""

    def recipe(keys: Keys) -> bool | None:
        known = keys.has(name)
        return None if known is None else not known

    return recipe


def rows_of(name: str) -> Callable[[Keys], int | None]:
    """Rows of a table, one per token."""
    return lambda keys: keys.shape(name)[1] if len(keys.shape(name)) > 1 else None


def attention_or(other: str, attention: str) -> Callable[[Keys], list[str]]:
    """The kind of each layer: attention where it has key heads."""

    def recipe(keys: Keys) -> list[str]:
        return [attention if heads else other for heads in keys.per_layer("attention.head_count_kv")]

    return recipe


def inside(**names: str) -> Callable[[Keys], dict[str, int]]:
    """An object within the config."""
    return lambda keys: {name: keys.count(key) for name, key in names.items()}


# --- what all architectures have -------------------------------------------------------------------------------------


def layers(keys: Keys) -> int:
    """Layers, without blocks that predict further tokens."""
    return keys.layers


def vocabulary(keys: Keys) -> int:
    """Rows of the embedding, which may be more than the tokenizer has tokens."""
    found = rows_of("token_embd.weight")(keys) or keys.find("vocab_size") or keys.file.vocab
    if not found:
        raise keys.error(f"missing keys '{keys.arch}.vocab_size' and 'tokenizer.ggml.tokens': one of them is needed")
    return found


def tied(keys: Keys) -> bool | None:
    """Whether the head is the embedding: then the file has no tensor of its own for it."""
    if keys.has("token_embd.weight") is not True:
        return None
    return no_tensor("output.weight")(keys)


def head_dim(keys: Keys) -> int | None:
    """Width of a head, the hidden state's share where the file does not say."""
    found = keys.find("attention.key_length")
    if found is not None:
        return found
    heads, hidden = most("attention.head_count")(keys), keys.count("embedding_length")
    return hidden // heads if heads and hidden % heads == 0 else None


def window_layers(keys: Keys) -> list[str] | None:
    """The kind of each layer: a flag per layer, or full attention in each so-many-th."""
    name = "attention.sliding_window_pattern"
    if keys.some("attention.sliding_window") is None:
        return None
    pattern = keys.file.keys.get(f"{keys.arch}.{name}")
    if pattern is None:
        return None
    slides = keys.each(name) or []
    if not isinstance(pattern, list):
        slides = [(layer + 1) % pattern if pattern else 0 for layer in range(keys.layers)]
    return ["sliding_attention" if slide else "full_attention" for slide in slides]


def widths(keys: Keys) -> int | list[int]:
    """Width of the feed-forward blocks, layer by layer where they differ."""
    found = keys.each("feed_forward_length")
    return found if found and len(set(found)) > 1 else keys.count("feed_forward_length")


def expert_width(keys: Keys) -> int | None:
    """Width of a routed expert; files of before its key existed tell it by the tensors."""
    return keys.some("expert_feed_forward_length") or rows_of("ffn_up_exps.weight")(keys)


def shared_width(keys: Keys) -> int | None:
    """Width of all shared experts together."""
    return keys.some("expert_shared_feed_forward_length") or rows_of("ffn_up_shexp.weight")(keys)


def latent_nope(keys: Keys) -> int:
    """Key width per head without position; since files cache latents, ``key_length`` is that of the latent."""
    name = "attention.key_length_mla" if keys.find("attention.key_length_mla") else "attention.key_length"
    width, rope = keys.count(name), keys.count("rope.dimension_count")
    if width <= rope:
        raise keys.error(f"{keys.arch}.{name} = {width}: expected more than {keys.arch}.rope.dimension_count = {rope}")
    return width - rope


def latent_v(keys: Keys) -> int:
    """Width of a value head."""
    return keys.find("attention.value_length_mla") or keys.count("attention.value_length")
