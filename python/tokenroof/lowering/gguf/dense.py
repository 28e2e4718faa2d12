"""Architectures whose layers all pass one feed-forward block."""

from __future__ import annotations

from . import own
from . import recipes as of
from .keysets import CORE, DENSE, HEADS, LOCAL_EXPERTS, WINDOW, Architecture

__all__ = ["DENSE_ARCHITECTURES"]

DENSE_ARCHITECTURES: dict[str, Architecture] = {
    # llama.cpp runs Mistral and Mixtral as llama; their windows and experts tell.
    "llama": Architecture(own.llama_type, {**DENSE, **WINDOW, **LOCAL_EXPERTS}),
    "mistral3": Architecture("mistral", {**DENSE, **WINDOW}),
    "minicpm": Architecture("llama", DENSE),  # the same block, with scales that hold no parameters
    "xverse": Architecture("llama", DENSE),
    "arcee": Architecture("arcee", DENSE),
    "apertus": Architecture("apertus", DENSE),
    "baichuan": Architecture("baichuan", DENSE),
    "bitnet": Architecture("bitnet", DENSE),
    "bloom": Architecture("bloom", {**CORE, "num_attention_heads": "attention.head_count"}),
    "chatglm": Architecture(
        "chatglm",
        {
            **CORE,
            **HEADS,
            "intermediate_size": "feed_forward_length",
            "multi_query_attention": of.fixed(True),
            "multi_query_group_num": "attention.head_count_kv",
            "add_qkv_bias": of.tensor("attn_qkv.bias", "attn_q.bias"),
            "add_bias_linear": of.tensor("attn_output.bias"),
        },
    ),
    "command-r": Architecture("cohere", {**DENSE, "use_qk_norm": of.tensor("attn_q_norm.weight")}),
    "cohere2": Architecture("cohere2", {**DENSE, **WINDOW}),
    "ernie4_5": Architecture("ernie4_5", {**DENSE, "use_bias": of.tensor("attn_q.bias")}),
    "exaone": Architecture("exaone", DENSE),
    "exaone4": Architecture("exaone4", {**DENSE, **WINDOW, "sliding_window": own.window_or_null}),
    "falcon": Architecture(
        "falcon",
        {
            **CORE,
            "num_attention_heads": "attention.head_count",
            "num_kv_heads": "attention.head_count_kv",
            "intermediate_size": "feed_forward_length",
            "new_decoder_architecture": own.falcon_new,
            "num_ln_in_parallel_attn": own.falcon_norms,
            "multi_query": own.one_kv_head,
            "bias": of.tensor("attn_qkv.bias"),
        },
    ),
    "gemma": Architecture("gemma", DENSE),
    "gemma2": Architecture("gemma2", {**DENSE, **WINDOW}),
    "gemma3": Architecture("gemma3_text", {**DENSE, **WINDOW}),
    "gemma3n": Architecture(
        "gemma3n_text",
        {
            **CORE,
            **HEADS,
            **WINDOW,
            "intermediate_size": of.widths,
            "hidden_size_per_layer_input": "embedding_length_per_layer_input?",
            "vocab_size_per_layer_input": of.rows_of("per_layer_token_embd.weight"),
            "num_kv_shared_layers": "attention.shared_kv_layers?",
            "altup_num_inputs": "altup.num_inputs?",
            "laurel_rank": of.rows_of("laurel_l.weight"),
        },
    ),
    "glm4": Architecture("glm4", DENSE),
    "gpt2": Architecture(
        "gpt2",
        {**CORE, "num_attention_heads": "attention.head_count", "intermediate_size": "feed_forward_length"},
    ),
    "gptj": Architecture(
        "gptj",
        {**CORE, "num_attention_heads": "attention.head_count", "intermediate_size": "feed_forward_length"},
    ),
    "gptneox": Architecture("gpt_neox", {**DENSE, "use_parallel_residual": of.flag("use_parallel_residual")}),
    "granite": Architecture("granite", DENSE),
    "hunyuan-dense": Architecture("hunyuan_v1_dense", DENSE),
    "internlm2": Architecture("internlm2", DENSE),
    "jais2": Architecture("jais2", DENSE),
    "mpt": Architecture(
        "mpt",
        {
            **CORE,
            "num_attention_heads": "attention.head_count",
            "expansion_ratio": of.ratio("feed_forward_length", "embedding_length"),
            "no_bias": of.no_tensor("attn_qkv.bias"),
            "attn_config": own.mpt_attention,
        },
    ),
    "nemotron": Architecture("nemotron", DENSE),
    "olmo": Architecture("olmo", DENSE),
    "olmo2": Architecture(own.olmo_type, {**DENSE, **WINDOW}),
    "phi2": Architecture("phi", DENSE),
    "phi3": Architecture("phi3", {**DENSE, **WINDOW}),
    "qwen2": Architecture("qwen2", DENSE),
    "qwen2vl": Architecture("qwen2", DENSE),
    "qwen3": Architecture("qwen3", DENSE),
    "qwen3vl": Architecture("qwen3", DENSE),
    "seed_oss": Architecture("seed_oss", {**DENSE, "attention_out_bias": of.tensor("attn_output.bias")}),
    "smollm3": Architecture("smollm3", DENSE),
    "stablelm": Architecture(
        "stablelm",
        {
            **DENSE,
            "use_qkv_bias": of.tensor("attn_q.bias"),
            "qk_layernorm": of.tensor("attn_q_norm.weight"),
            "use_parallel_residual": of.no_tensor("ffn_norm.weight"),  # the key is true in all files
        },
    ),
    "starcoder": Architecture(
        "gpt_bigcode",
        {
            **CORE,
            "num_attention_heads": "attention.head_count",
            "intermediate_size": "feed_forward_length",
            "multi_query": own.one_kv_head,
        },
    ),
    "starcoder2": Architecture("starcoder2", {**DENSE, "use_bias": of.tensor("attn_q.bias", "attn_qkv.bias")}),
}
