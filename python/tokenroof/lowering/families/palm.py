"""PaLM, in the common keys (nobody published a config): parallel blocks, one KV head, no biases, shared embedding.

References
----------
Chowdhery et al., arXiv:2204.02311, section 2 and table 1.
"""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Shape
from .common import attention, dense, stack


@family("palm", defaults={"head_dim": 256, "num_key_value_heads": 1})
def _palm(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    return stack(
        reader,
        [attention(reader)] * layers,
        [dense(reader)] * layers,
        norms=hidden,  # one norm without a bias feeds both
        parallel=True,
        tied=True,
    )
