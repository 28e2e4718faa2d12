"""One small file per family; importing this package registers them all."""

from . import deepseek, generic, gpt_oss, llama, mixtral, qwen

__all__ = ["deepseek", "generic", "gpt_oss", "llama", "mixtral", "qwen"]
