"""Native part of the build; everything else is in pyproject.toml."""

import sysconfig

from setuptools import setup

# One abi3 wheel serves CPython 3.10 and later; free-threaded builds have no limited API and get a plain wheel.
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

setup(
    cffi_modules=["csrc/build_ffi.py:ffibuilder"],
    options={} if free_threaded else {"bdist_wheel": {"py_limited_api": "cp310"}},
)
