"""How sure a share or a percentile is: intervals that assume nothing of how the values are distributed."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """The Wilson score interval of a proportion; (0, 1) without a trial.

    Source: Wilson, Journal of the American Statistical Association 22 (1927).
    """
    if not trials:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return low, 1.0 if successes == trials else min(1.0, middle + half)


def order_ranks(share: float, count: int, confidence: float) -> tuple[int | None, int | None]:
    """Between which of `count` samples, the smallest being number 1, the quantile lies; None where no sample bounds it.

    Whatever their distribution is: each sample lies below the quantile with probability `share`, so that the number of
    those that do is binomial. Of many samples the binomial is taken for normal, and the interval made a sample wider.

    Source: David and Nagaraja, Order Statistics, section 7.1.
    """
    tail = (1 - confidence) / 2
    mean, deviation = count * share, math.sqrt(count * share * (1 - share))
    if deviation > _MANY:
        z = NormalDist().inv_cdf(1 - tail)
        low, high = math.floor(mean - z * deviation) - 1, math.ceil(mean + z * deviation) + 2
    else:
        # P(fewer than `low` lie below) <= tail, and P(at least `high` lie below) <= tail
        below = _binomial_below(share, count, around=math.ceil(_FAR * deviation) + 1)
        low = max((rank for rank, chance in below.items() if chance <= tail), default=0)
        high = min((rank for rank, chance in below.items() if 1 - chance <= tail), default=count + 1)
    return low if low >= 1 else None, high if high <= count else None


_MANY = 30.0
"""From this standard deviation on a binomial is normal, to less than a sample."""


_FAR = 12.0
"""So many standard deviations from the mean there is nothing left of a binomial."""


def _binomial_below(share: float, count: int, around: int) -> dict[int, float]:
    """P(fewer than k of `count` trials succeed) for the k around the mean, and for the next one."""
    mean = round(count * share)
    total, below = 0.0, {}
    log_share, log_rest = math.log(share), math.log1p(-share)
    for successes in range(max(0, mean - around), min(count, mean + around) + 1):
        below[successes] = total
        ways = math.lgamma(count + 1) - math.lgamma(successes + 1) - math.lgamma(count - successes + 1)
        total += math.exp(ways + successes * log_share + (count - successes) * log_rest)
        below[successes + 1] = total
    return below
