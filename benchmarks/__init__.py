"""Benchmarks: asv suites (``bench_*.py``), the NumPy competitor (``baseline.py``) and the ratios (``ratios.py``)."""
