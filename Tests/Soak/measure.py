"""What the process holds, over time, and whether that grows."""

import os
from statistics import median

POINTS_MAX = 400


class Sample:
    def __init__(self, seconds, life, pid):
        self.seconds, self.life = seconds, life
        with open(f"/proc/{pid}/status") as file:
            self.rss_kib = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))


def descriptors(pid, servers):
    """Those to `servers` (a set of ports), of which some are kept for later, and all others, each with what it is."""
    with open(f"/proc/{pid}/net/tcp") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    ports = {row[9]: (int(row[1][9:], 16), int(row[2][9:], 16)) for row in rows}
    kept, others = [], []
    for name in sorted(os.listdir(f"/proc/{pid}/fd"), key=int):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue
        pair = ports.get(target.removeprefix("socket:[").removesuffix("]"))
        (kept if pair and pair[1] in servers else others).append(f"{target} {pair or ''}".strip())
    return kept, others


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def binned(points):
    """At most so many points, each the median of its neighbours."""
    size = max(1, -(-len(points) // POINTS_MAX))
    bins = [points[start : start + size] for start in range(0, len(points), size)]
    return [(median(x for x, _ in part), median(y for _, y in part)) for part in bins]


def theil_sen(points):
    """The median of the slopes between all pairs of points, and the bounds within which nine of ten of such medians lie
    (Sen's, from the variance of Kendall's statistic). None without two points."""
    points = binned(points)
    slopes = sorted((y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(points) for x2, y2 in points[i + 1 :] if x2 > x1)
    if not slopes:
        return None
    n, count = len(points), len(slopes)
    margin = 1.645 * (n * (n - 1) * (2 * n + 5) / 18) ** 0.5
    low = max(0, int((count - margin) / 2))
    high = min(count - 1, int((count + margin) / 2))
    return median(slopes), slopes[low], slopes[high]
