#!/usr/bin/env bash
# askwell-bench gptj on a machine with an NVIDIA GPU and no network: the venv, the libraries, the stages.
#
#   WHEELS=wheels WORK=/tmp/gptj OUT=out DEFAULT_MODEL=SmolLM2.gguf STAGES=checkpoint,convert,gpu-fidelity \
#       benchmarks/gpu/run.sh
#
# WHEELS         folder of wheels (README.md beside this says how to make it)
# WORK           folder for the venv, the checkpoint and the models: 35 GB for the whole model; kept between runs
# OUT            folder for the results (default: WORK/results)
# DEFAULT_MODEL  the demo's GGUF file, which gpu-fidelity needs
# STAGES         names with commas (default: all that have no whole result of this machine in OUT yet)
# LAYERS         a slice of the model (default 28, all of it)
# PYTHON         a Python 3.11 or newer that has torch and transformers (default: python3)
# DEVICE         cuda (default), or cpu to try this script without a GPU
#
# Further arguments go to askwell-bench gptj. Each stage is under nine minutes.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
: "${WHEELS:?a folder of wheels}" "${WORK:?a folder for the models}"
mkdir -p "$WORK"
work=$(cd "$WORK" && pwd) # libraries are not found by a path that depends on where one stands
python=${PYTHON:-python3} device=${DEVICE:-cuda} out=${OUT:-$work/results}
venv=$work/venv links=$work/lib
mkdir -p "$out" "$links"

fail() {
    echo "run.sh: $*" >&2
    exit 2
}

# A venv that sees the packages of PYTHON, also where PYTHON is a venv itself: then --system-site-packages would
# show those of the Python below it. Made without ensurepip, which some systems leave out.
if ! cmp -s <(ls -l "$WHEELS") "$venv/wheels.txt"; then
    "$python" -m venv --clear --without-pip --system-site-packages "$venv"
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$python" - > "$site/packages-of-python.pth" <<'EOF'
import sysconfig
print("\n".join(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))))
EOF
    install=("$python" -m pip --python "$venv/bin/python" install -q --no-index --find-links "$WHEELS")
    "${install[@]}" 'askwell[bench]' || fail "the wheels in $WHEELS do not suffice: see README.md"
    "${install[@]}" --no-deps --force-reinstall askwell
    ls -l "$WHEELS" > "$venv/wheels.txt"
fi

if [ "$device" = cuda ]; then
    # ctranslate2 opens libcublas.so.12 by name. CUDA 13 has the functions it needs, under another name.
    cublas=$("$venv/bin/python" - <<'EOF'
import glob, sys
places = [f"{path}/nvidia/*/lib" for path in sys.path if path]
places += ["/usr/local/cuda*/lib64", "/usr/local/cuda*/targets/*/lib", "/usr/lib/x86_64-linux-gnu"]
for number in (12, 13):
    for place in places:
        for found in sorted(glob.glob(f"{place}/libcublas.so.{number}")):
            print(found)
            raise SystemExit
EOF
    )
    [ -n "$cublas" ] || fail "there is no libcublas.so.12 or .13, neither in Python's packages nor in /usr/local/cuda"
    number=${cublas##*.}
    ln -sf "$cublas" "$links/libcublas.so.12"
    ln -sf "$(dirname "$cublas")/libcublasLt.so.$number" "$links/libcublasLt.so.$number"
    export LD_LIBRARY_PATH=$links:$(dirname "$cublas")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    # The wheel's kernels are compiled by the driver on first use: keep them.
    export CUDA_CACHE_PATH=${CUDA_CACHE_PATH:-$work/cuda-cache} CUDA_CACHE_MAXSIZE=4294967296
    mkdir -p "$CUDA_CACHE_PATH"
    "$venv/bin/python" -c 'import ctypes; ctypes.CDLL("libcublas.so.12")' || fail "$cublas does not load"
    "$venv/bin/python" -c 'import ctranslate2, sys; sys.exit(ctranslate2.get_cuda_device_count() == 0)' ||
        fail "ctranslate2 sees no NVIDIA GPU here (does nvidia-smi answer? its wheel needs driver 570 or newer)"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader ||
        fail "nvidia-smi is missing or does not answer: it must name the card that is measured"
fi

arguments=(gptj --device "$device" --work "$work" --out "$out" --layers "${LAYERS:-28}")
arguments+=(--stock-python "$venv/bin/python")
[ -z "${STAGES:-}" ] || arguments+=(--stages "$STAGES")
[ -z "${DEFAULT_MODEL:-}" ] || arguments+=(--default-model "$DEFAULT_MODEL")
arguments+=(--texts "$here"/examples/jobs/* "$here"/examples/resumes/*)
exec "$venv/bin/askwell-bench" "${arguments[@]}" "$@"
