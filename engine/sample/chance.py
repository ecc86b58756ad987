"""Chance of the sample archive that depends on nothing but what it is for.

A number is a hash of a key (of an object, an image, a detection) and of the name of what is drawn. So an object is the
same in every night that sees it, whichever nights are written, in whatever order, and however many alerts they have.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

__all__ = ["Chance", "key_of"]

_GOLDEN = 0x9E3779B97F4A7C15


def _mixed(values: np.ndarray) -> np.ndarray:
    """Scramble 64 bits, as SplitMix64 does."""
    values = (values ^ (values >> 30)) * 0xBF58476D1CE4E5B9
    values = (values ^ (values >> 27)) * 0x94D049BB133111EB
    return values ^ (values >> 31)


def key_of(*parts: np.ndarray | int) -> np.ndarray:
    """Make a key out of whole numbers; arrays are broadcast, and the order counts."""
    key = np.zeros(1, np.uint64)
    for part in parts:
        key = _mixed(key + (np.atleast_1d(part).astype(np.uint64) + 1) * _GOLDEN)
    return key


@lru_cache(maxsize=1024)
def _stream(name: str) -> np.uint64:
    return np.frombuffer(hashlib.blake2b(name.encode(), digest_size=8).digest(), np.uint64)[0]


class Chance:
    """Draws one number for each of some keys; two names give independent numbers.

    Parameters
    ----------
    keys
        What the numbers are for, as `key_of` makes them.
    """

    def __init__(self, keys: np.ndarray):
        self._keys = keys

    def random(self, name: str) -> np.ndarray:
        """Draw from 0 (included) to 1 (excluded)."""
        return (_mixed(self._keys + _stream(name)) >> 11) * 2.0**-53

    def coin(self, name: str, probability: float) -> np.ndarray:
        """Draw True with a probability."""
        return self.random(name) < probability

    def uniform(self, name: str, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        """Draw between two numbers."""
        return low + (high - low) * self.random(name)

    def integers(self, name: str, low: int, high: np.ndarray | int) -> np.ndarray:
        """Draw whole numbers from `low` to `high`, which is excluded."""
        return low + np.floor(self.random(name) * (high - low)).astype(np.int64)

    def choice(self, name: str, shares: Sequence[float]) -> np.ndarray:
        """Draw places in a list of shares, as often as these say."""
        bounds = np.cumsum(shares) / np.sum(shares)
        return np.searchsorted(bounds[:-1], self.random(name), side="right")

    def normal(self, name: str, mean: np.ndarray | float = 0.0, deviation: np.ndarray | float = 1.0) -> np.ndarray:
        """Draw from a normal distribution."""
        radius = np.sqrt(-2 * np.log1p(-self.random(f"{name} radius")))
        return mean + deviation * radius * np.cos(2 * np.pi * self.random(f"{name} angle"))

    def lognormal(self, name: str, mean: float, deviation: float) -> np.ndarray:
        """Draw numbers whose logarithms are normal."""
        return np.exp(self.normal(name, mean, deviation))

    def exponential(self, name: str, scale: float) -> np.ndarray:
        """Draw from an exponential distribution."""
        return -scale * np.log1p(-self.random(name))

    def gamma2(self, name: str, scale: float) -> np.ndarray:
        """Draw from a gamma distribution of shape 2."""
        return self.exponential(f"{name} one", scale) + self.exponential(f"{name} two", scale)

    def beta1(self, name: str, b: float) -> np.ndarray:
        """Draw from a beta distribution whose first parameter is 1: most near 0, the more so the larger `b`."""
        return 1 - (1 - self.random(name)) ** (1 / b)

    def rayleigh(self, name: str, scale: float) -> np.ndarray:
        """Draw distances from a centre about which both coordinates are normal."""
        return scale * np.sqrt(-2 * np.log1p(-self.random(name)))

    def geometric(self, name: str, probability: float) -> np.ndarray:
        """Draw numbers of trials until the first success."""
        return 1 + np.floor(np.log1p(-self.random(name)) / np.log1p(-probability)).astype(np.int64)

    def poisson(self, name: str, mean: float) -> np.ndarray:
        """Draw counts of rare events."""
        count = np.arange(1, int(mean + 10 * np.sqrt(mean)) + 10)
        terms = np.exp(-mean) * np.concatenate([[1.0], np.cumprod(mean / count)])
        return np.searchsorted(np.cumsum(terms), self.random(name), side="right")
