"""Wall time of `hew run` of hello world: the median of 20, after one run that fills the cache.

python -m bench.startup [--repeat 20] [--json FILE]
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from bench.support import BenchError, append_lines, hew_program, median, timed

TARGET_MS: Final = 250.0
GREETING: Final = "Hello, world!\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Wall time of hello world.")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    try:
        first_ms = run_once_ms()
        all_ms = [run_once_ms() for _ in range(options.repeat)]
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    middle_ms = median(all_ms)
    mark = "pass" if middle_ms <= TARGET_MS else "FAIL"
    print(
        f"hello: median {middle_ms:.0f} ms of {options.repeat}, best {min(all_ms):.0f}, worst {max(all_ms):.0f}, "
        f"first {first_ms:.0f}; target <= {TARGET_MS:.0f} ms: {mark}"
    )
    if options.json:
        row = {"name": "startup", "unit": "ms", "hew": round(middle_ms, 2), "first": round(first_ms, 2)}
        row |= {"target": TARGET_MS, "passed": middle_ms <= TARGET_MS, "repeat": options.repeat}
        append_lines(options.json, [row])
    return 0


def run_once_ms() -> float:
    seconds, printed = timed(hew_program("hello"))
    if printed != GREETING:
        raise BenchError(f"hello printed {printed!r}")
    return seconds * 1000


if __name__ == "__main__":
    sys.exit(main())
