"""Light-curve features and rates of the sample archive, measured on the light curves that it draws."""

import numpy as np
import pyarrow as pa

from engine.sample.ztf.packets import Packets

__all__ = ["band_features", "band_rates"]

_Feature = tuple[np.ndarray, np.ndarray]
"""Values and where they are known, both of shape (alerts,)."""


def _band_points(packets: Packets, fid: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give alert, time, magnitude and error of each detection in a band: the alerts' histories and the alerts."""
    batch = packets.batch
    num = len(batch.alert_epoch)
    alert = np.concatenate([np.repeat(np.arange(num), np.diff(packets.history_starts)), np.arange(num)])
    epoch = np.concatenate([packets.history_epoch, batch.alert_epoch])
    use = batch.detected[epoch] & (batch.exposures.fid[batch.epoch_exposure[epoch]] == fid)
    alert, epoch = alert[use], epoch[use]
    sigma = np.asarray(packets.of_detection["sigmapsf"], np.float64)[packets.detection_of_epoch[epoch]]
    return alert, batch.exposures.jd[batch.epoch_exposure[epoch]], batch.epoch_mag[epoch], sigma


def band_features(packets: Packets, rng: np.random.Generator, *, fid: int) -> dict[str, _Feature]:
    """Give the 26 features of each alert's light curve in one band.

    Moments, extremes and the straight line are measured on the light curve; the finer statistics are drawn, within what
    these leave possible.

    Parameters
    ----------
    packets
        The alerts' packets.
    rng
        Source of chance.
    fid
        The band.
    """
    num = len(packets.batch.alert_epoch)
    alert, jd, mag, sigma = _band_points(packets, fid)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(alert, values, minlength=num)

    count = np.bincount(alert, minlength=num)
    safe = np.maximum(count, 1)
    mean = total(mag) / safe
    weight = 1 / sigma**2
    weights = np.where(count > 0, total(weight), 1)
    away = mag - mean[alert]
    variance = total(away**2) / np.maximum(count - 1, 1)
    deviation = np.sqrt(variance)
    brightest, faintest = np.full(num, np.inf), np.full(num, -np.inf)
    np.minimum.at(brightest, alert, mag)
    np.maximum.at(faintest, alert, mag)
    spread = np.where(count > 0, faintest - brightest, 0)
    days = jd - (total(jd) / safe)[alert]
    days2 = np.where(count > 1, total(days**2), 1)
    slope = total(days * away) / np.maximum(days2, 1e-9)
    noise = np.sqrt(np.maximum(variance - slope**2 * days2 / safe, 1e-8))
    floor = np.maximum(deviation, 1e-4)
    skew = total(away**3) / safe / floor**3
    kurtosis = total(away**4) / safe / floor**4 - 3
    chi2 = total((away / sigma) ** 2) / np.maximum(count - 1, 1)
    inside, small = rng.uniform(0, 0.5, num), rng.uniform(0.8, 1.2, num)

    one, two, three, four = (count >= least for least in (1, 2, 3, 4))
    return {
        "mean": (mean, one),
        "weighted_mean": (total(mag * weight) / weights, one),
        "standard_deviation": (deviation, two),
        "median": (mean + 0.1 * deviation * rng.normal(0, 1, num), one),
        "amplitude": (spread / 2, one),
        "beyond_1_std": (np.round(inside * safe) / safe, two),
        "cusum": (0.2 + 0.5 * inside, two),
        "inter_percentile_range_10": (spread * rng.uniform(0.6, 1, num), one),
        "kurtosis": (kurtosis, four),
        "linear_trend": (slope, three),
        "linear_trend_sigma": (noise / np.sqrt(np.maximum(days2, 1e-9)), three),
        "linear_trend_noise": (noise, three),
        "linear_fit_slope": (slope * small, three),
        "linear_fit_slope_sigma": (1 / np.sqrt(weights * np.maximum(days2, 1e-9)), three),
        "linear_fit_reduced_chi2": (chi2 * rng.uniform(0.5, 1, num), three),
        "magnitude_percentage_ratio_40_5": (rng.uniform(0.03, 0.6, num), two),
        "magnitude_percentage_ratio_20_10": (rng.uniform(0.4, 1, num), two),
        "maximum_slope": (spread * rng.lognormal(1, 1.5, num), two),
        "median_absolute_deviation": (deviation * rng.uniform(0.3, 0.8, num), one),
        "median_buffer_range_percentage_10": (np.round(inside * safe) / safe, one),
        "percent_amplitude": (spread * rng.uniform(0.5, 1, num), one),
        "mean_variance": (deviation / np.where(count > 0, mean, 1), two),
        "anderson_darling_normal": (rng.lognormal(-0.5, 0.9, num), four),
        "chi2": (chi2, two),
        "skew": (skew, three),
        "stetson_K": (rng.uniform(0.75, 1, num), two),
    }


def band_rates(packets: Packets) -> dict[str, pa.Array]:
    """Give how fast each alert's source changes since the last look in the same band.

    That look may be an upper limit; one that is brighter than the source now says nothing.
    """
    batch = packets.batch
    fid = batch.exposures.fid[batch.epoch_exposure]
    order = np.lexsort((np.arange(len(fid)), fid, batch.epoch_object))
    same = (batch.epoch_object[order][1:] == batch.epoch_object[order][:-1]) & (fid[order][1:] == fid[order][:-1])
    before = np.full(len(fid), -1)
    before[order[1:][same]] = order[:-1][same]
    before = before[batch.alert_epoch]
    known = before >= 0
    previous = np.where(known, before, batch.alert_epoch)

    jd = batch.exposures.jd[batch.epoch_exposure]
    error = np.asarray(packets.of_detection["sigmapsf"], np.float64)[packets.detection_of_epoch]
    from_upper = known & ~batch.detected[previous]
    previous_mag = np.where(from_upper, batch.epoch_limit_mag[previous], batch.epoch_mag[previous])
    previous_error = np.where(from_upper, 0.3, error[previous])
    delta_days = np.where(known, jd[batch.alert_epoch] - jd[previous], 1)
    known &= ~(from_upper & (previous_mag < batch.epoch_mag[batch.alert_epoch]))
    rate = (batch.epoch_mag[batch.alert_epoch] - previous_mag) / delta_days
    sigma = np.hypot(error[batch.alert_epoch], previous_error) / delta_days
    unknown = ~known
    return {
        "mag_rate": pa.array(rate, mask=unknown),
        "sigma_rate": pa.array(sigma, mask=unknown),
        "lower_rate": pa.array(rate - 1.645 * sigma, mask=unknown),
        "upper_rate": pa.array(rate + 1.645 * sigma, mask=unknown),
        "delta_time": pa.array(delta_days, mask=unknown),
        "from_upper": pa.array(from_upper & known),
    }
