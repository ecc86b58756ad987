"""Angles on the sky: which positions lie within a radius of another."""

import numpy as np

__all__ = ["ARCSEC_PER_DEGREE", "separation_deg", "within"]

ARCSEC_PER_DEGREE = 3600.0


def separation_deg(ra1: np.ndarray, dec1: np.ndarray, ra2: np.ndarray, dec2: np.ndarray) -> np.ndarray:
    """Return the angle between positions on a sphere, in degrees, 0 to 180.

    Vincenty's formula for a sphere (Survey Review 23 (1975), p. 88), which loses no digits at any distance: neither
    at tiny ones, as the dot product does, nor at the antipode, as the haversine does.

    Parameters
    ----------
    ra1, dec1, ra2, dec2
        Right ascensions and declinations in degrees; shapes that broadcast. What is not finite gives NaN.
    """
    # The difference is taken in degrees, where it is exact for near positions, also across ra = 0.
    difference = np.radians(np.remainder(ra2 - ra1 + 180.0, 360.0) - 180.0)
    sin1, cos1 = np.sin(np.radians(dec1)), np.cos(np.radians(dec1))
    sin2, cos2 = np.sin(np.radians(dec2)), np.cos(np.radians(dec2))
    across = cos2 * np.sin(difference)
    # sin(dec2 - dec1) + what the meridians' angle adds: the usual cos1 sin2 - sin1 cos2 cos(difference), but without
    # a difference of nearly equal numbers.
    along = np.sin(np.radians(dec2 - dec1)) + 2.0 * sin1 * cos2 * np.sin(difference / 2.0) ** 2
    ahead = sin1 * sin2 + cos1 * cos2 * np.cos(difference)
    return np.degrees(np.arctan2(np.hypot(across, along), ahead))


def within(
    ra: np.ndarray, dec: np.ndarray, centre_ra: float, centre_dec: float, radius_arcsec: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return whether positions lie in a cone, its edge included, and where there is no position to tell it of.

    Parameters
    ----------
    ra, dec
        Degrees, shape (n,). NaN and infinities are no positions.
    centre_ra, centre_dec
        Degrees.
    radius_arcsec
        Arcseconds.

    Returns
    -------
    inside, unknown
        Shape (n,), bool.
    """
    unknown = ~(np.isfinite(ra) & np.isfinite(dec))
    ra, dec = np.where(unknown, 0.0, ra), np.where(unknown, 0.0, dec)
    separation = separation_deg(ra, dec, np.array(centre_ra, dtype=float), np.array(centre_dec, dtype=float))
    return separation * ARCSEC_PER_DEGREE <= radius_arcsec, unknown
