"""What one step of a node costs.

A step reads the weights that its tokens touch and computes with them at the same time, so that the slower of the two
counts; reading the KV cache of all that decode and a fixed overhead come on top:

    step = overhead + max(weights(n), n / prefill rate) + KV read * context

for `n` tokens, decoded and prefilled alike. `weights` grows with `n` where a token touches a part of them, as the
tokens of a mixture of experts do.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """The costs that a step is made of, in nanoseconds.

    `weights_ns` are points (tokens in the step, time), rising, with straight lines between and constant outside.
    """

    overhead_ns: float
    weights_ns: tuple[tuple[int, float], ...]
    token_ns: float
    kv_token_ns: float

    def step_ns(self, tokens: float, context: float) -> float:
        """What a step of so many tokens costs when the decoding ones have so many tokens behind them."""
        compute_ns = max(_between(self.weights_ns, tokens), tokens * self.token_ns)
        return self.overhead_ns + compute_ns + context * self.kv_token_ns

    def longest_ns(self, tokens: int, context: float) -> float:
        """The most that a step of up to so many tokens costs."""
        between = (point for point, _ in self.weights_ns if point < tokens)
        return max(self.step_ns(count, context) for count in (tokens, *between))


def _between(points: tuple[tuple[int, float], ...], at: float) -> float:
    above = bisect_right(points, at, key=lambda point: point[0])
    if above == 0:
        return points[0][1]
    (low, value), (high, next_value) = points[above - 1], points[min(above, len(points) - 1)]
    return value if high == low else value + (next_value - value) * (at - low) / (high - low)
