"""The recurrent mixers by name: what each projects, keeps and computes per token.

FLOP counts are those of the recurrence, token by token: decay, update and read of the state. A chunked prefill computes
more, in exchange for matrix products; the recurrence is the least work, which is what a bound may charge. Exponentials,
and what is done once per channel and not per number of the state (gates, skips, steps), are not counted.

A convolution keeps the last ``kernel - 1`` inputs, which is all that the next token needs; some libraries' caches hold
``kernel`` columns.
"""

from __future__ import annotations

from .shape import Conv, Projection, Recurrent

__all__ = ["gated_delta", "kimi_delta", "lightning", "mamba1", "mamba2", "short_conv"]


def mamba1(
    hidden: int,
    inner: int,
    state: int,
    dt_rank: int,
    kernel: int,
    *,
    conv_bias: bool = True,
    proj_bias: bool = False,
    inner_norms: bool = False,
    state_bytes: float = 4.0,
) -> Recurrent:
    """Mamba (selective state space, a state of ``state`` numbers per channel). ``inner_norms``: over dt, B and C.

    Per number of the state: dt A; times the state; B times the scaled input; their sum; multiply by C and add: 6 FLOP.

    References
    ----------
    Gu and Dao, arXiv:2312.00752, algorithm 2; norms: Jamba, arXiv:2403.19887.
    """
    return Recurrent(
        "mamba1",
        heads=inner,
        projections=(
            Projection("in_proj", hidden, 2 * inner, proj_bias),
            Projection("x_proj", inner, dt_rank + 2 * state),
            Projection("dt_proj", dt_rank, inner, True),
            Projection("out_proj", inner, hidden, proj_bias),
        ),
        state=inner * state,
        flops=6 * inner * state,
        act=4 * inner + 2 * state,
        conv=Conv(inner, kernel, conv_bias),
        params=inner * state + inner + (dt_rank + 2 * state) * inner_norms,  # A, D, norms
        state_bytes=state_bytes,
    )


def mamba2(
    hidden: int,
    heads: int,
    head_dim: int,
    groups: int,
    state: int,
    kernel: int,
    *,
    conv_bias: bool = True,
    proj_bias: bool = False,
    out_bias: bool | None = None,
    norm: bool = True,
    state_bytes: float = 4.0,
) -> Recurrent:
    """Mamba-2 (state space duality: a ``head_dim x state`` matrix per head, B and C per group).

    The decay is one number per head, so per number of the state: decay; B times the scaled input; their sum; multiply
    by C and add: 5 FLOP.

    References
    ----------
    Dao and Gu, arXiv:2405.21060, section 7.
    """
    inner = heads * head_dim
    channels = inner + 2 * groups * state
    return Recurrent(
        "mamba2",
        heads=heads,
        projections=(
            Projection("in_proj", hidden, inner + channels + heads, proj_bias),
            Projection("out_proj", inner, hidden, proj_bias if out_bias is None else out_bias),
        ),
        state=inner * state,
        flops=5 * inner * state,
        act=3 * inner + 2 * groups * state,
        conv=Conv(channels, kernel, conv_bias),
        params=3 * heads + inner * norm,  # A, D, step bias; gated norm
        state_bytes=state_bytes,
    )


def gated_delta(
    hidden: int,
    k_heads: int,
    k_dim: int,
    v_heads: int,
    v_dim: int,
    kernel: int,
    *,
    state_bytes: float = 4.0,
) -> Recurrent:
    """Gated DeltaNet: a ``k_dim x v_dim`` matrix per value head, corrected towards each new value.

    References
    ----------
    Yang, Kautz and Hatamizadeh, arXiv:2412.06464, equation 10.
    """
    keys, values = k_heads * k_dim, v_heads * v_dim
    channels = 2 * keys + values
    return Recurrent(
        "delta",
        heads=v_heads,
        projections=(
            Projection("in_proj", hidden, channels + values),  # queries, keys, values, output gate
            Projection("decay_proj", hidden, 2 * v_heads),
            Projection("out_proj", values, hidden),
        ),
        state=values * k_dim,
        flops=7 * values * k_dim,  # decay; predict the value; add the correction; read
        act=channels + 2 * values,
        conv=Conv(channels, kernel),
        params=2 * v_heads + v_dim,  # A, step bias; norm of a head's output
        state_bytes=state_bytes,
    )


def lightning(hidden: int, heads: int, head_dim: int, *, gate: bool = True, norm: bool = True) -> Recurrent:
    """Lightning (linear) attention: a ``head_dim x head_dim`` matrix per head with a fixed decay.

    Per number of the state: decay; key times value, added; multiply by the query and add: 5 FLOP.

    References
    ----------
    MiniMax-01, arXiv:2501.08313, section 2.2.1.
    """
    inner = heads * head_dim
    gates = (Projection("output_gate", hidden, inner),) if gate else ()
    return Recurrent(
        "lightning",
        heads=heads,
        projections=(
            Projection("qkv_proj", hidden, 3 * inner),
            *gates,
            Projection("out_proj", inner, hidden),
        ),
        state=inner * head_dim,
        flops=5 * inner * head_dim,
        act=4 * inner,
        params=inner * norm,
    )


def kimi_delta(
    hidden: int, heads: int, head_dim: int, kernel: int, *, full_gate: bool = False, state_bytes: float = 4.0
) -> Recurrent:
    """Kimi Delta Attention: a ``head_dim x head_dim`` matrix per head whose every key channel has a decay of its own.

    Decay and output gate come through a vector of ``head_dim`` numbers (``full_gate``: the output gate does not). Per
    number of the state: decay; multiply by the key and add (the predicted value); correction times key, added; multiply
    by the query and add: 7 FLOP.

    References
    ----------
    Kimi Linear, arXiv:2510.26692, section 3.
    """
    inner = heads * head_dim
    gate = (
        (Projection("gate_proj", hidden, inner),)
        if full_gate
        else (Projection("gate_a_proj", hidden, head_dim, shared=True), Projection("gate_b_proj", head_dim, inner))
    )
    return Recurrent(
        "kda",
        heads=heads,
        projections=(
            Projection("qkv_proj", hidden, 3 * inner),
            Projection("decay_a_proj", hidden, head_dim, shared=True),
            Projection("decay_b_proj", head_dim, inner),
            Projection("beta_proj", hidden, heads),
            *gate,
            Projection("out_proj", inner, hidden),
        ),
        state=inner * head_dim,
        flops=7 * inner * head_dim,
        act=6 * inner,  # queries, keys, values, decays and gates in, outputs out
        conv=Conv(3 * inner, kernel),
        params=heads + inner + head_dim,  # A, step bias; norm of a head's output
        state_bytes=state_bytes,
    )


def short_conv(hidden: int, kernel: int, *, bias: bool = False) -> Recurrent:
    """A gated short convolution (LFM2): no state but the convolution's; two products per channel gate it.

    References
    ----------
    LFM2 technical report, arXiv:2511.23404.
    """
    return Recurrent(
        "gated_conv",
        heads=hidden,
        projections=(
            Projection("in_proj", hidden, 3 * hidden, bias),
            Projection("out_proj", hidden, hidden, bias),
        ),
        state=0,
        flops=2 * hidden,
        act=5 * hidden,
        conv=Conv(hidden, kernel, bias),
    )
