"""Makes a Markdown table of what Tests/Benchmarks/run measured: report.py RESULTS, one JSON object a line."""

import collections
import datetime
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys


def instructions(result):
    return result["instructions"] / result["deliveries"]


# For each kind of scenario: what is told, the figure of it that is compared, and how a result is put.
ROWS = {
    "cpu": [(
        "processor time a delivery (user, sampled)",
        lambda r: r["cpu_seconds_per_million"],
        lambda r: f"{r['cpu_seconds_per_million']:.3g} µs ({r['user_seconds_per_million']:.2g})",
    )],
    "latency": [
        ("median latency", lambda r: r["p50_us"], lambda r: f"{r['p50_us'] / 1000:.3g} ms"),
        ("99th percentile", lambda r: r["p99_us"], lambda r: f"{r['p99_us'] / 1000:.3g} ms"),
    ],
    "memory": [
        ("resident memory a reader", None, lambda r: f"{r['rss_per_reader']:,.0f} B"),
        ("resident memory without readers", None, lambda r: f"{r['rss_base'] / 2**20:.1f} MiB"),
    ],
    "instructions": [("instructions a delivery", instructions, lambda r: f"{instructions(r):,.0f}")],
}


def median_result(results):
    """A result whose every figure is the median of those of the rounds."""
    return {key: statistics.median(result[key] for result in results) for key in results[0]}


def ratio(figure, apinatord, loop):
    if figure is None:
        return "–"
    ratios = [figure(ours) / figure(theirs) for ours, theirs in zip(apinatord, loop) if figure(theirs) > 0]
    if not ratios:
        return "–"
    spread = f" ({min(ratios):.2f}–{max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{spread}"


def first_line(*command):
    found = shutil.which(command[0])
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0] if found else ""


def machine():
    cpu_info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", cpu_info, re.MULTILINE)
    swift = re.search(r"Swift version (\S+)", first_line("swift", "--version"))
    return ", ".join([
        datetime.date.today().isoformat(),
        f"{os.cpu_count()} × {model[1] if model else os.uname().machine}",
        f"Linux {os.uname().release}",
        f"Swift {swift[1]}" if swift else "Swift unknown",
        first_line(os.environ["APINATORD_BINARY"], "version"),
    ])


def main(path):
    results = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in pathlib.Path(path).read_text().splitlines():
        entry = json.loads(line)
        results[entry["kind"], entry["name"]][entry["server"]].append(entry["result"])
    rounds = max(len(servers["loop"]) for servers in results.values())
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; medians of {rounds} interleaved rounds (lowest–highest)\n")
    print("| scenario | figure | ratio to the C loop | apinatord | C loop |")
    print("|---|---|---|---|---|")
    for (kind, name), servers in results.items():
        ours, theirs = median_result(servers["apinatord"]), median_result(servers["loop"])
        for what, figure, tell in ROWS[kind]:
            compared = ratio(figure, servers["apinatord"], servers["loop"])
            print(f"| {name} | {what} | {compared} | {tell(ours)} | {tell(theirs)} |")


main(*sys.argv[1:])
