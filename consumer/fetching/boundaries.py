"""Where one round of files ends and the next begins: by the bytes of the datums before it, so by the topic alone."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ROUND_NBYTES", "Boundaries", "boundaries_of"]

ROUND_NBYTES = 64 * 1024 * 1024
"""Bytes of datums of a round, after the first ones."""

# The first rounds are a sixteenth, an eighth, a quarter and a half of a whole one: 4, 8, 16 and 32 MB. So something
# lies on the disk early, and few files are small.
_FIRST = (16, 8, 4, 2)
_ROUND_NBYTES_OF_0_1_0 = 128 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Boundaries:
    """Where the rounds of a folder end, in bytes of datums from the topic's beginning."""

    round_nbytes: int
    """Of a whole round."""
    file_nbytes: int
    """Bytes that make a file of a label full."""
    has_ramp: bool = True
    """Whether the first rounds are smaller. Without, rounds are counted from where the last one ended."""

    def left(self, nbytes: int, nbytes_round: int) -> int:
        """Return how many bytes are left until the round that goes on has its end; at least 1.

        Parameters
        ----------
        nbytes
            Bytes that were taken from the topic's beginning on.
        nbytes_round
            Those of them that were taken since the last round ended.
        """
        if not self.has_ramp:
            return max(1, self.round_nbytes - nbytes_round)
        end = 0
        for part in _FIRST:
            end += max(1, self.round_nbytes // part)
            if nbytes < end:
                return end - nbytes
        return self.round_nbytes - (nbytes - end) % self.round_nbytes


def boundaries_of(num_rounds: int, nbytes: int | None, round_nbytes: int | None, *, by_label: bool) -> Boundaries:
    """Return where the rounds of a folder end.

    Parameters
    ----------
    num_rounds
        Rounds that the folder's journal has.
    nbytes
        Bytes of the datums that they stand for; None where the journal doesn't say.
    round_nbytes
        What was asked for.
    by_label
        Whether folders are by label.
    """
    if num_rounds and nbytes is None:
        # Version 0.1.0 wrote no bytes into its journal. It had one size for all rounds, by label a quarter of that.
        whole = round_nbytes or _ROUND_NBYTES_OF_0_1_0
        part = max(1, whole // 4) if by_label else whole
        return Boundaries(round_nbytes=part, file_nbytes=whole, has_ramp=False)
    whole = round_nbytes or ROUND_NBYTES
    return Boundaries(round_nbytes=whole, file_nbytes=whole)
