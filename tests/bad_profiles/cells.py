"""Cells of a model: amounts, options, flags, and the GPU type that they name."""

from __future__ import annotations

from tests.bad_profiles.case import NO_CPU, NO_LENGTH, UNKNOWN_GPU, Case, more, tiny

_NO_MEMORY = (
    "is not an amount of memory: use a number above zero and below 10000000 and one of the units "
    "M, G, T, P, Mi, Gi, Ti, Pi, such as 160G or 8Gi"
)
_UNKNOWN_KEY = "is an unknown key; did you mean"
_HUNDRED_DIGITS = "1" * 100
_OTHER_FIELD = "can't be set in args:"

_AMOUNTS = [
    tiny("cpu_in_bytes", {"cpu: 10": "cpu: 10G"}, f"5:10: cells.h100.cpu: '10G' {NO_CPU}"),
    tiny("cpu_of_zero", {"cpu: 10": "cpu: 0m"}, f"5:10: cells.h100.cpu: '0m' {NO_CPU}"),
    tiny(
        "memory_in_thousandths", {"128G": "128m"}, f"6:13: cells.h100.memory: '128m' {_NO_MEMORY}"
    ),
    tiny(
        "memory_of_a_hundred_digits",
        {"128G": f"{_HUNDRED_DIGITS}G"},
        f"6:13: cells.h100.memory: '{_HUNDRED_DIGITS}' {_NO_MEMORY}",
    ),
    tiny("memory_of_zero", {"128G": "0Gi"}, f"6:13: cells.h100.memory: '0Gi' {_NO_MEMORY}"),
    tiny("memory_without_a_unit", {"128G": "12"}, f"6:13: cells.h100.memory: '12' {_NO_MEMORY}"),
    tiny(
        "quantity_with_a_wrong_unit",
        {"128G": "128GB"},
        f"6:13: cells.h100.memory: '128GB' {_NO_MEMORY}",
    ),
    tiny(
        "utilization_above_one",
        {"0.95": "1.5"},
        "7:29: cells.h100.gpu_memory_utilization: is the number 1.5; it must be at most 1",
    ),
    tiny(
        "utilization_of_zero",
        {"0.95": "0"},
        "7:29: cells.h100.gpu_memory_utilization: is the number 0; it must be more than 0",
    ),
    tiny(
        "no_gpus",
        {"tensor_parallel: 1": "tensor_parallel: 0"},
        "4:22: cells.h100.tensor_parallel: is the number 0; it must be more than 0",
    ),
    tiny(
        "more_gpus_than_a_machine",
        {"tensor_parallel: 1": "tensor_parallel: 16"},
        "4:22: cells.h100.tensor_parallel: is 16; the largest machine of h100 has 8 GPUs",
    ),
    tiny(
        "wrong_type",
        {"tensor_parallel: 1": "tensor_parallel: one"},
        "4:22: cells.h100.tensor_parallel: is the text 'one'; it must be a whole number",
    ),
]

_LENGTHS = [
    tiny(
        "context_above_32_bits",
        {"8192": "2147483648"},
        f"8:20: cells.h100.max_model_len: is the number 2147483648; {NO_LENGTH}",
    ),
    tiny(
        "context_with_a_letter",
        {"8192": "128k"},
        f"8:20: cells.h100.max_model_len: is the text '128k'; {NO_LENGTH}",
    ),
    tiny(
        "context_with_a_point",
        {"8192": "131072.0"},
        f"8:20: cells.h100.max_model_len: is the number 131072.0; {NO_LENGTH}",
    ),
    tiny(
        "number_in_quotes",
        {"8192": '"8192"'},
        f"8:20: cells.h100.max_model_len: is the text '8192'; {NO_LENGTH}",
    ),
    tiny(
        "yaml_1_1_octal",
        {"8192": "010"},
        f"8:20: cells.h100.max_model_len: is the text '010'; {NO_LENGTH}",
    ),
    tiny(
        "auto_without_geometry",
        {"8192": "auto"},
        "8:20: cells.h100.max_model_len: is auto, which needs the model's weights and geometry; "
        "give a number",
    ),
]

_KEYS = [
    tiny("missing_key", {"    memory: 128G\n": ""}, "4:5: cells.h100.memory: is missing"),
    tiny(
        "unknown_gpu",
        {"h100": "h1000"},
        f"3:3: cells.h1000: {UNKNOWN_GPU}; did you mean 'h100'?",
    ),
    tiny(
        "unknown_key_in_a_cell",
        more("    max_model_length: 4096"),
        f"9:5: cells.h100.max_model_length: {_UNKNOWN_KEY} 'max_model_len'?",
    ),
    tiny(
        "unknown_key_in_a_cell_named_like_a_field",
        {"h100": "memory", **more("    max_model_length: 4096")},
        f"3:3: cells.memory: {UNKNOWN_GPU}",
        f"9:5: cells.memory.max_model_length: {_UNKNOWN_KEY} 'max_model_len'?",
    ),
    tiny(
        "unknown_compute_class",
        more("    compute_class: gpu-h100-80gb-hihg-x1"),
        "9:20: cells.h100.compute_class: is not a compute class of h100; known: "
        "gpu-h100-80gb-high-x1, gpu-h100-80gb-high-x2, gpu-h100-80gb-high-x4, "
        "gpu-h100-80gb-high-x8, gpu-h100-80gb-mega-x8; did you mean 'gpu-h100-80gb-high-x1'?",
    ),
    tiny(
        "kv_cache_dtype_with_a_slip",
        more("    kv_cache_dtype: fp8_e4m4"),
        "9:21: cells.h100.kv_cache_dtype: is the text 'fp8_e4m4'; it must be one of 'auto', 'fp8', "
        "'fp8_e4m3' or 'fp8_e5m2'; did you mean 'fp8_e4m3'?",
    ),
    tiny(
        "unknown_kv_cache_dtype",
        more("    kv_cache_dtype: int2"),
        "9:21: cells.h100.kv_cache_dtype: is the text 'int2'; it must be one of 'auto', 'fp8', "
        "'fp8_e4m3' or 'fp8_e5m2'",
    ),
]

_FLAGS = [
    tiny(
        "flag_that_is_none",
        more("    args:\n      - --max-num-seqs 256; id"),
        "10:9: cells.h100.args[0]: '--max-num-seqs 256; id' is not an option of the server such as "
        "--max-num-seqs=256; write a value behind = or as the next entry",
    ),
    tiny(
        "flag_twice",
        more(
            "    args: [--max-num-seqs=8, --enforce-eager, --max_num_seqs=9, --middleware=a.b, "
            "--middleware=c.d]\nargs: [--max-num-seqs=7]"
        ),
        "9:47: cells.h100.args[2]: sets --max-num-seqs again, and the last one would win; keep one",
    ),
    tiny(
        "flags_of_other_fields",
        more(
            """\
    args:
      - --tensor-parallel-size=2
      - --tensor-parallel=2
      - --port=9000
      - --max-model-len=8192
      - --kv-cache-dtype=fp8
      - --data-parallel-size=2
      - --model=foo/bar
      - --uds=/tmp/vllm.sock
      - --ssl_keyfile=/key.pem
      - -tp=2
      - --no-trust-remote-code"""
        ),
        f"10:9: cells.h100.args[0]: '--tensor-parallel-size=2' {_OTHER_FIELD} set tensor_parallel",
        f"11:9: cells.h100.args[1]: '--tensor-parallel=2' {_OTHER_FIELD} set tensor_parallel",
        f"12:9: cells.h100.args[2]: '--port=9000' {_OTHER_FIELD} the probes and the Service "
        "expect port 8000",
        f"13:9: cells.h100.args[3]: '--max-model-len=8192' {_OTHER_FIELD} set max_model_len",
        f"14:9: cells.h100.args[4]: '--kv-cache-dtype=fp8' {_OTHER_FIELD} set kv_cache_dtype",
        f"15:9: cells.h100.args[5]: '--data-parallel-size=2' {_OTHER_FIELD} a cell is one server: "
        "no copies share its GPUs",
        f"16:9: cells.h100.args[6]: '--model=foo/bar' {_OTHER_FIELD} set model_id",
        f"17:9: cells.h100.args[7]: '--uds=/tmp/vllm.sock' {_OTHER_FIELD} the probes and the "
        "Service expect port 8000",
        f"18:9: cells.h100.args[8]: '--ssl_keyfile=/key.pem' {_OTHER_FIELD} the probes and the "
        "Service expect plain HTTP",
        f"19:9: cells.h100.args[9]: '-tp=2' {_OTHER_FIELD} set tensor_parallel",
        f"20:9: cells.h100.args[10]: '--no-trust-remote-code' {_OTHER_FIELD} set the model's "
        "trust_remote_code",
    ),
]

CASES: list[Case] = [*_AMOUNTS, *_LENGTHS, *_KEYS, *_FLAGS]
