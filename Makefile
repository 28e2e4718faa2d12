# Two commands do all set-up: `make demo` and `make test`. Everything lives in .venv and build folders of this checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := $(wildcard csrc/*.c csrc/*.h csrc/*.py) setup.py pyproject.toml

.PHONY: demo test check san bench test-oracle wheel clean

# The stamps say what is installed; the package itself is editable, so only native sources and metadata reinstall it.
$(VENV)/.base: $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot,techniques]'
	touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot,techniques,test]'
	touch $@

# Torch from wherever pip looks by itself, with its GPU libraries there; TORCH_INDEX names an index of builds without.
TORCH_INDEX ?=
$(VENV)/.oracle: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot,test,oracle]' \
		$(addprefix --extra-index-url ,$(TORCH_INDEX))
	touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot,test,check]'
	touch $@

demo: $(VENV)/.base
	$(BIN)/python examples/gpt4_for_everyone.py

test: $(VENV)/.test
	csrc/tests/run.sh
	$(BIN)/python -m pytest

# The lowering against transformers and torch; heavy. More or other random configs: ORACLE_EXAMPLES=200 ORACLE_SEED=7.
test-oracle: $(VENV)/.oracle
	$(BIN)/python -m pytest tests_oracle

# Types, style.
check: $(VENV)/.check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The C tests under AddressSanitizer and UndefinedBehaviorSanitizer.
san:
	csrc/tests/run.sh san

# Ratios on this machine, one run: ours against the cache-blocked NumPy baseline, memset and the floors.
bench: $(VENV)/.test
	$(BIN)/python benchmarks/ratios.py

wheel: $(VENV)/.base
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist csrc/tests/build python/*.egg-info
	find python -name '*.so' -delete
