"""Print how far the memory estimate is from measured and reported start-ups, 80 columns wide.

Usage:

    python -m tools.accuracy                      with the package's own constants
    python -m tools.accuracy --leave-one-out      with constants fitted without the row's model
"""

import sys
from collections.abc import Sequence

from testing.measured import measured_rows
from testing.points import points
from tools import point_table
from tools.memory_accuracy import (
    Accuracy,
    Deviation,
    accuracy,
    deviation,
    leave_one_model_out,
)

HEADER = (
    f"{'model':<32}{'TP':>2}{'context':>8}{'pool GiB':>9}{'error':>7}"
    f"{'requests':>9}{'given':>6}{'total':>7}"
)
FOOTER = """\
pool GiB, requests: estimated KV pool, and requests of the whole context in it.
error: of the pool. given: of the requests, from the logged pool. total: of the
requests, from the estimated pool. Weights are each row's own."""


def main(arguments: Sequence[str]) -> int:
    """Print the rows, their mean absolute errors, and the points; return the exit code."""
    rows = measured_rows()
    if "--leave-one-out" in arguments:
        deviations = leave_one_model_out(rows)
    else:
        deviations = tuple(deviation(row) for row in rows)
    print(HEADER)
    for item in deviations:
        print(_line(item))
    print(_summary(accuracy(deviations), len(rows)))
    print(FOOTER)
    print()
    for line in point_table.lines(points()):
        print(line)
    return 0


def _line(item: Deviation) -> str:
    serving = item.row.serving
    name = item.row.model.split("/")[-1]
    if serving.kv_cache_dtype != "auto":
        name += f" kv={serving.kv_cache_dtype}"
    return (
        f"{name[:31]:<32}{serving.tensor_parallel:>2}{serving.max_model_len:>8}"
        f"{item.pool_gib:>9.2f}{item.pool:>+7.2%}{item.concurrency:>9.2f}"
        f"{item.given_pool:>+6.1%}{item.end_to_end:>+7.2%}"
    )


def _summary(result: Accuracy, count: int) -> str:
    label = f"mean absolute error of {count} rows"
    return (
        f"{label:<51}{result.pool:>7.2%}{'':>9}{result.given_pool:>6.2%}{result.end_to_end:>7.2%}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
