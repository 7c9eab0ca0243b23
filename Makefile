# The README's two commands, with all the set-up they need. Later calls install and build only
# what is missing.
SWIFT ?= swift
PYTHON ?= python3

.PHONY: demo test install uninstall setup test-files test-peers test-arm64 test-faults test-sanitizers lint documentation benchmarks fuzz

# One release build serves all that follows; the tests look into the modules.
RELEASE := -c release -Xswiftc -enable-testing

demo: setup
	$(SWIFT) build $(RELEASE) --product vtkit
	bash fixtures/demo/run.sh .build/release/vtkit demo-output

# The modules without optimization, then everything with it, the command too, as people run it: overflow traps and vector
# code differ between the two.
test: setup
	$(SWIFT) test --skip '^(CommandTests|VTKitTests)\.'
	$(SWIFT) test $(RELEASE) --disable-testable-imports

# The command, its manual and completions, below PREFIX (make install PREFIX=$$HOME/.local).
PREFIX ?= /usr/local
install: setup
	PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" bash scripts/install.sh
uninstall:
	PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" bash scripts/install.sh remove

# The formats' own libraries (NumPy, h5py, safetensors) open what VTKit writes; they come from PyPI into .venv-files.
test-files: setup
	$(SWIFT) build $(RELEASE) --product vtkit
	test -x .venv-files/bin/python || $(PYTHON) -m venv .venv-files
	.venv-files/bin/python -m pip -q install -r fixtures/peers/requirements-files.txt
	.venv-files/bin/python fixtures/peers/check_files.py .build/release/vtkit

# And the networks' own libraries load it and compute with it, each in an environment of its own (several gigabytes).
# Then whole pipelines, files and images to probabilities, and model folders; then the losses of training. TABLE=FILE writes the rows of
# docs/measurements/peers.md.
PEERS := torch keras3 keras2 keras215
FOLDER_PEERS := torch transformers4 keras2
test-peers: test-files
	for name in $(sort $(PEERS) $(FOLDER_PEERS)); do \
	  test -x .venv-$$name/bin/python || $(PYTHON) -m venv .venv-$$name || exit 1; \
	  .venv-$$name/bin/python -m pip -q install -r fixtures/peers/requirements-$$name.txt || exit 1; \
	done
	.venv-torch/bin/python -m pip -q install --no-deps -r fixtures/peers/requirements-torch-alone.txt
	$(PYTHON) fixtures/peers/check_libraries.py .build/release/vtkit \
	  $(foreach name,$(PEERS),--$(name) .venv-$(name)/bin/python) $(if $(TABLE),--table $(TABLE))
	$(PYTHON) -m pip -q install --no-deps --upgrade --target .venv-photographs -r fixtures/peers/requirements-photographs.txt
	$(PYTHON) fixtures/peers/check_pipelines.py .build/release/vtkit --photographs .venv-photographs \
	  $(foreach name,$(PEERS),--$(name) .venv-$(name)/bin/python) $(if $(TABLE),--table $(TABLE).pipelines)
	$(PYTHON) fixtures/peers/check_folders.py .build/release/vtkit \
	  $(foreach name,$(FOLDER_PEERS),--$(name) .venv-$(name)/bin/python) $(if $(TABLE),--table $(TABLE).folders)
	.venv-torch/bin/python fixtures/peers/check_training.py .build/release/vtkit $(if $(TABLE),--table $(TABLE).training)

# The kernels' NEON code under emulation, on machines other than arm64.
test-arm64:
	bash scripts/test-arm64.sh

# Every system call of a conversion and of a training run fails or ends the process, 200 kills of the run (Linux).
test-faults: setup
	VTKIT_FAULTS=all $(SWIFT) test $(RELEASE) --disable-testable-imports --filter FaultTests

# The C code under AddressSanitizer and UBSan; then the Swift tests that run it, and the engine's under ThreadSanitizer.
test-sanitizers: setup
	bash scripts/test-sanitizers.sh 1000 swift

# Coverage-guided fuzzing of all readers, each for FUZZ_SECONDS; FUZZ_TARGETS picks some (Fuzz/Target.swift).
FUZZ_SECONDS ?= 60
fuzz: setup
	bash scripts/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# Every costly operation separately; `swift package benchmark --help` in Benchmarks/ says how to pick and compare.
benchmarks: setup
	cd Benchmarks && $(SWIFT) package --disable-sandbox benchmark --no-progress

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Plugins Tests Examples Benchmarks/Package.swift Benchmarks/Operations Fuzz

# The pages of `import VTKit`, from its sources and its DocC catalog; a warning fails.
documentation: setup
	bash scripts/documentation.sh

setup:
	@bash scripts/setup.sh
