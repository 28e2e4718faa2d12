"""GGUF against transformers: a model's own tensors, under the names that GGUF gives them, lead back to the same model.

Names come from the package's map of tensors, so that what is told by names, such as biases, is told by the right ones;
sizes from transformers, so that their sum must be the number of parameters.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf")

import gguf

from tests.gguf_cases import CASES, CONFIG, KEYS, LAYERS, VOCAB
from tests.gguf_files import write
from tokenroof.specs import Model

from . import theirs

#: What transformers does not know, or reads less of than the published code does.
_SKIPPED = {"dbrx": "the class wants keys of no published file", "mpt": "the class has no learned positions"}

#: Keys by the names that transformers has for them.
_OWN_NAMES = {
    "falcon": {"intermediate_size": "ffn_hidden_size", "head_dim": None},
    "gpt2": {"intermediate_size": "n_inner"},
    "gptj": {"intermediate_size": "n_inner"},
    "gpt_bigcode": {"intermediate_size": "n_inner"},
}
#: Architectures whose files have no head of their own, whatever the config says.
_TIED = ("bitnet", "command-r", "cohere2", "gemma", "gemma2", "gemma3", "lfm2", "lfm2moe")
_ARCHITECTURES = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}
#: Rows of the tables whose sizes are read.
_ROWS = {"per_layer_token_embd.weight": 90, "token_embd.weight": VOCAB, "laurel_l.weight": 16}


def _named(arch: str, tensors: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """Tensors by GGUF's names; what its map does not have keeps a name that means nothing."""
    known = gguf.get_tensor_name_map(_ARCHITECTURES[arch], LAYERS)
    found: dict[str, tuple[int, ...]] = {}
    for number, (name, elems) in enumerate(tensors.items()):
        if arch.startswith("nemotron_h"):  # published files say backbone, the class does not
            name = re.sub(r"^model\.", "backbone.", name).replace("embed_tokens", "embeddings")
        name = re.sub(r"([qk]_layernorm)\.norms\.\d+", r"\1", name)  # the converter stacks them
        stem, _, end = name.rpartition(".")
        block = re.search(r"layers\.(\d+)\.", name)
        if re.search(r"e_score_correction|expert_bias|moe_statics", name) and block:
            mapped = f"blk.{block[1]}.exp_probs_b.bias"
        else:
            mapped = known.get_name(stem) if end in ("weight", "bias") else None
            mapped = f"{mapped}.{end}" if mapped else known.get_name(name) or f"other.{number}"
        mapped = f"{mapped}.{number}" if mapped in found else mapped
        rows = next((rows for table, rows in _ROWS.items() if mapped.endswith(table)), 0)
        found[mapped] = (rows, elems // rows) if rows else (elems,)
    return found


@pytest.mark.parametrize(("arch", "config", "keys", "names"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_tensors_of_transformers(
    tmp_path: Path, arch: str, config: dict[str, Any], keys: dict[str, Any], names: tuple[str, ...]
) -> None:
    model_type = config["model_type"]
    if arch in _SKIPPED or not theirs.known(model_type):
        pytest.skip(_SKIPPED.get(arch, f"transformers has no model_type {model_type!r}"))
    ours = {**CONFIG, "tie_word_embeddings": arch in _TIED, **config}
    own = _OWN_NAMES.get(model_type, {})
    their = {own.get(key, key): value for key, value in ours.items()}
    their |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    if model_type == "exaone4" and config["sliding_window"] is None:
        their["layer_types"] = ["full_attention"] * LAYERS
    tensors = theirs.learned({key: value for key, value in their.items() if key is not None})
    model = Model.from_gguf(write(tmp_path / "a.gguf", arch, KEYS | keys, _named(arch, tensors)))
    assert model.operators == Model.from_hf(ours).operators
    assert model.params == sum(tensors.values())
    assert "than its metadata" not in model.notes
