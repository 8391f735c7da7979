"""How a codebook is used, and what of that is amiss."""

from __future__ import annotations

from dataclasses import dataclass

ENTROPY = (0.3, 0.6)
"""Healthy mean entropy of soft assignments, in shares of log(codes): neither one-hot nor flat."""


@dataclass(frozen=True)
class CodebookHealth:
    """How a codebook is used by some rows.

    Attributes:
        num_codes: in the codebook.
        codes_used: codes that are some row's nearest.
        perplexity: 1 to `codes_used`: as many codes, evenly used, would be as hard to guess.
        target_entropy: mean entropy of the soft assignments, in shares of log(num_codes), 0 to 1.
    """

    num_codes: int
    codes_used: int
    perplexity: float
    target_entropy: float

    def warnings(self) -> tuple[str, ...]:
        """What is outside the healthy range, a line each; empty when all is well."""
        lines, (least, most) = list[str](), ENTROPY
        if self.codes_used < self.num_codes / 2:
            lines.append(f"codes_used={self.codes_used}: expected half of {self.num_codes} or more")
        if self.perplexity < self.num_codes / 4:
            lines.append(
                f"perplexity={self.perplexity:.1f}: expected a quarter of {self.num_codes} or more"
            )
        if not least <= self.target_entropy <= most:
            lines.append(
                f"target_entropy={self.target_entropy:.2f}: expected {least} to {most} of "
                "log(num_codes), by another tau"
            )
        return tuple(lines)
