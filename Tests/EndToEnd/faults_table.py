"""Prints what Tests/long/faults measured as a Markdown table."""

import json
import sys
from statistics import median

HEAD = ("fault", "a reader that was there saw", "s until its next event (worst), bound", "descriptors", "RSS, MiB", "lost unannounced", "lost, announced", "runs")  # fmt: skip


def rows(path):
    """The rows of each fault, in the order in which they first came."""
    found = {}
    with open(path) as file:
        for line in file:
            row = json.loads(line)
            found.setdefault(row["fault"], []).append(row)
    return found


def spell(saw):
    return ", ".join(f"{what} ×{count}" if count > 1 else what for what, count in saw.items()) or "nothing"


def both(pair, scale=1):
    before, after = (value / scale for value in pair)
    return f"{before:.0f} → {after:.0f}" if scale == 1 else f"{before:.1f} → {after:.1f}"


def main(path):
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for fault, runs in rows(path).items():
        seconds = sorted(row["seconds"] for row in runs)
        worst = max(runs, key=lambda row: row["rss_kib"][1] - row["rss_kib"][0])
        cells = (
            fault, spell(runs[-1]["saw"]), f"{median(seconds):.2f} ({seconds[-1]:.2f}), {runs[0]['within']}",
            both(max((row["descriptors"] for row in runs), key=lambda pair: pair[1] - pair[0])),
            both(worst["rss_kib"], 1024), sum(row["lost"] for row in runs),
            "–".join(str(f(row["announced"] for row in runs)) for f in (min, max)), len(runs),
        )  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main(sys.argv[1])
