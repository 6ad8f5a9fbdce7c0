"""How much longer `import argus` takes than `import torch`: medians of fresh interpreters run in turn.

python benchmarks/import_time.py [--runs 9]
"""

import argparse
import statistics
import subprocess
import sys


def seconds(module: str) -> float:
    """Wall time of `import module` inside a fresh interpreter, its own start not counted."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    seconds("argus")  # once for the file cache
    pairs = [(seconds("torch"), seconds("argus")) for _ in range(runs)]
    torch_s, argus_s = (statistics.median(column) for column in zip(*pairs))
    for name, value in [("import torch, s", torch_s), ("import argus, s", argus_s), ("ratio", argus_s / torch_s)]:
        print(f"{name:<16}{value:8.3f}")


if __name__ == "__main__":
    main()
