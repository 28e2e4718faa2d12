/* The columns: X(ID, name, unit, text). Append only; the position is the column's number in the contract.
 * Where a name ends in _bound the value is the physical bound; without it, it follows the plan's estimate. */
#define TR_COLUMNS(X)                                                                                        \
    X(TTFT, "ttft_s", "s", "time to first token: prefill of one request, unloaded")                          \
    X(TPOT, "tpot_s", "s", "mean time per output token after the first, at this batch")                      \
    X(E2E, "e2e_s", "s", "end-to-end latency: ttft_s + (osl - 1) * tpot_s")                                  \
    X(TOKENS_PER_S, "tokens_per_s", "1/s", "output tokens/s of the replica, prefill interleaved")            \
    X(DECODE_TOKENS_PER_S, "decode_tokens_per_s", "1/s", "batch / tpot_s")                                   \
    X(TOKENS_PER_S_PER_CHIP, "tokens_per_s_per_chip", "1/s", "tokens_per_s / chips")                         \
    X(TOKENS_PER_S_PER_USER, "tokens_per_s_per_user", "1/s", "1 / tpot_s")                                   \
    X(CHIPS, "chips", "1", "chips of the replica: tp * pp * dp")                                             \
    X(WEIGHT_BYTES, "weight_bytes_per_chip", "B", "weights stored on the fullest chip")                      \
    X(KV_BYTES, "kv_bytes_per_chip", "B", "KV cache and state on one chip when every sequence is full")      \
    X(MEM_BYTES, "mem_bytes_per_chip", "B", "weights plus KV cache of one chip")                             \
    X(MAX_BATCH, "max_batch", "1", "largest batch that fits memory at isl + osl")                            \
    X(FITS, "fits", "1", "1 when mem_bytes_per_chip is within the memory budget")                            \
    X(STATUS, "status", "1", "0 or the reason why the point does not count (tr_point_status)")               \
    X(PREFILL_FLOPS, "prefill_flops", "FLOP", "FLOP to prefill one request")                                 \
    X(DECODE_FLOPS, "decode_flops", "FLOP", "FLOP of one decode step of the replica, mean over osl")         \
    X(DECODE_BYTES, "decode_bytes", "B", "bytes that one decode step of the replica reads, mean over osl")   \
    X(INTENSITY, "intensity_flop_per_byte", "FLOP/B", "decode_flops / decode_bytes")                         \
    X(MFU, "mfu", "1", "decode_flops over what the peaks of all chips do in tpot_s")                         \
    X(MBU, "mbu", "1", "decode_bytes over what the memories of all chips move in tpot_s")                    \
    X(BOTTLENECK, "bottleneck", "1", "largest part of the step: 0 compute, 1 memory, 2 network, 3 overhead") \
    X(JOULES_PER_TOKEN, "joules_per_token", "J", "energy of the replica per output token")                   \
    X(WATTS_PER_CHIP, "watts_per_chip", "W", "mean power of one chip while serving")                         \
    X(USD_PER_MTOK, "usd_per_mtok", "USD", "cost of 1e6 output tokens, prefill included")                    \
    X(TTFT_BOUND, "ttft_s_bound", "s", "bound of ttft_s")                                                    \
    X(TPOT_BOUND, "tpot_s_bound", "s", "bound of tpot_s")                                                    \
    X(E2E_BOUND, "e2e_s_bound", "s", "bound of e2e_s")                                                       \
    X(TOKENS_PER_S_BOUND, "tokens_per_s_bound", "1/s", "bound of tokens_per_s")                              \
    X(DECODE_TOKENS_PER_S_BOUND, "decode_tokens_per_s_bound", "1/s", "bound of decode_tokens_per_s")         \
    X(TOKENS_PER_S_PER_CHIP_BOUND, "tokens_per_s_per_chip_bound", "1/s", "bound of tokens_per_s_per_chip")   \
    X(TOKENS_PER_S_PER_USER_BOUND, "tokens_per_s_per_user_bound", "1/s", "bound of tokens_per_s_per_user")   \
    X(USD_PER_MTOK_BOUND, "usd_per_mtok_bound", "USD", "bound of usd_per_mtok")
