"""Synthetic matrices: valid profiles of any number of cells, with five objects each on average.

Each model runs on four of ten GPU types. Four of the ten have queued capacity: a cell there is two
directories with eight objects, elsewhere one directory with three. So 1,000 cells are 5,000
objects in 1,400 directories, beside `base` and `model-download`.

A fleet is such a matrix with environments, which differ in their cluster, their namespace and
their bucket; one in five has another value for a model of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
CELLS_PER_MODEL = 4
# The memory of one GPU in GiB, and whether it has queued capacity.
GPUS = [
    (23, False), (79.19, True), (44, False), (140, True), (39, False),
    (79.19, True), (79.19, False), (140, True), (44, False), (79.19, False),
]  # fmt: skip

_GPU = """\
memory_gib: {memory}
queued: {queued}
machines:
  - {{compute_class: gpu-{name}-x2, machine_type: bench-{name}-2g, gpus: 2, vcpus: 52,
     memory_gb: 468, accelerator: nvidia-{name}}}
  - {{compute_class: gpu-{name}-x8, machine_type: bench-{name}-8g, gpus: 8, vcpus: 208,
     memory_gb: 1872, accelerator: nvidia-{name}}}
"""
_MODEL = """\
# Model {number} of the benchmark.
model_id: bench-org/Model-{number}-8B
min_engine: 0.8.0
weights:
  total_gib: {weights}
geometry:
  num_attention_heads: 32
  hidden_size: 4096
  intermediate_size: 14336
  vocab_size: 128256
  max_position_embeddings: 131072
  layers:
    - count: {layers}
      num_key_value_heads: 8
      head_dim: 128
cells:
"""
_CELL = """\
  {gpu}:
    tensor_parallel: 2
    cpu: {cpu}
    memory: 128G
    gpu_memory_utilization: 0.85
    max_model_len: {context}
"""

_ENVIRONMENT = """\
cluster: {name}
namespace: inference-{number}
bucket: bench-{name}
"""
_DIFFERS_EVERY = 5


def write(folder: Path, cells: int) -> Path:
    """Write the profiles of `cells` cells, a multiple of 20, to a new folder."""
    (folder / "gpus").mkdir(parents=True)
    (folder / "models").mkdir()
    platform = (ROOT / "profiles/platform.yaml").read_text("utf-8")
    # Cells of one GPU type would otherwise have the same workload name.
    named = platform.replace("workload_name: vllm-{gpu}\n", "workload_name: vllm-{gpu}-{model}\n")
    (folder / "platform.yaml").write_text(named, "utf-8")
    shutil.copy(ROOT / "profiles/known-models.yaml", folder)
    for index, (memory, queued) in enumerate(GPUS):
        text = _GPU.format(name=_gpu(index), memory=memory, queued=str(queued).lower())
        (folder / "gpus" / f"{_gpu(index)}.yaml").write_text(text, "utf-8")
    for number in range(cells // CELLS_PER_MODEL):
        (folder / "models" / f"model-{number}.yaml").write_text(model(number), "utf-8")
    return folder


def write_fleet(folder: Path, environments: int, cells: int) -> Path:
    """Write the profiles of environments with `cells` cells each to a new folder."""
    write(folder, cells)
    platform = folder / "platform.yaml"
    platform.write_text(f"{platform.read_text('utf-8')}environments_only: true\n", "utf-8")
    (folder / "environments").mkdir()
    for number in range(environments):
        own = number % (cells // CELLS_PER_MODEL) if number % _DIFFERS_EVERY == 0 else None
        file = folder / "environments" / f"{environment_name(number)}.yaml"
        file.write_text(environment(number, own), "utf-8")
    return folder


def environment_name(number: int) -> str:
    """Return the name of one environment of a fleet."""
    return f"env-{number:02}"


def environment(number: int, own: int | None, cpu: int = 12) -> str:
    """Return the profile of one environment. `own`: a model whose first cell has other cores."""
    text = _ENVIRONMENT.format(name=environment_name(number), number=number)
    if own is None:
        return text
    gpu = _gpu(CELLS_PER_MODEL * own % len(GPUS))
    return f"{text}models:\n  model-{own}:\n    cells: {{{gpu}: {{cpu: {cpu}}}}}\n"


def model(number: int, cpu: int = 10) -> str:
    """Return the profile of one model. `cpu`: cores of its cells."""
    layers = 24 + number % 9
    text = _MODEL.format(number=number, weights=f"{12 + number % 7}.{number % 10}", layers=layers)
    gpus = [(CELLS_PER_MODEL * number + step) % len(GPUS) for step in range(CELLS_PER_MODEL)]
    context = 8192 + 1024 * (number % 16)
    return text + "".join(_CELL.format(gpu=_gpu(gpu), cpu=cpu, context=context) for gpu in gpus)


def _gpu(index: int) -> str:
    return f"gpu{index}"
