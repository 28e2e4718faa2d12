"""The lowering against transformers and torch: parameters, FLOPs, caches, on real configs and on random small ones."""
