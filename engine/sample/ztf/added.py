"""The broker's added values in the sample archive: cross-matches, scores and light-curve features."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.sample.chance import Chance
from engine.sample.ztf.features import band_features, band_rates
from engine.sample.ztf.kinds import KINDS, Kind, Origin
from engine.sample.ztf.packets import Packets
from engine.sample.ztf.schedule import midnight_jd
from engine.sample.ztf.schema import Profile

__all__ = ["AddedValues"]

_UNIX_EPOCH_JD = 2440587.5
_DAY_US = 86_400_000_000

_STARS = {
    "RRLyrae": 0.14,
    "EclBin": 0.12,
    "LongPeriodV*": 0.12,
    "LongPeriodV*_Candidate": 0.09,
    "Star": 0.09,
    "YSO_Candidate": 0.07,
    "Variable*": 0.06,
    "EclBin_Candidate": 0.05,
    "Mira": 0.05,
    "delSctV*": 0.04,
    "RSCVnV*": 0.04,
    "CataclyV*": 0.03,
    "CataclyV*_Candidate": 0.02,
    "RRLyrae_Candidate": 0.02,
    "AGB*_Candidate": 0.02,
    "OrionV*": 0.01,
    "Type2Cep": 0.01,
    "WhiteDwarf": 0.01,
    "C*": 0.01,
}
# SIMBAD renamed its types in 2022, those of candidates twice in those years, and an alert keeps the name of its time:
# what today's name was first, and then.
_FORMER_NAMES = {
    "RRLyrae": ("RRLyr", "RRLyr"),
    "RRLyrae_Candidate": ("Candidate_RRLyr", "RRLyr_Candidate"),
    "EclBin": ("EB*", "EB*"),
    "EclBin_Candidate": ("Candidate_EB*", "EB*_Candidate"),
    "LongPeriodV*": ("LPV*", "LPV*"),
    "LongPeriodV*_Candidate": ("Candidate_LP*", "LP*_Candidate"),
    "YSO_Candidate": ("Candidate_YSO", "YSO_Candidate"),
    "Variable*": ("V*", "V*"),
    "delSctV*": ("PulsV*delSct", "PulsV*delSct"),
    "RSCVnV*": ("RSCVn", "RSCVn"),
    "CataclyV*_Candidate": ("Candidate_CV*", "CV*_Candidate"),
    "AGB*_Candidate": ("Candidate_AGB*", "AGB*_Candidate"),
    "OrionV*": ("Orion_V*", "Orion_V*"),
    "Type2Cep": ("PulsV*WVir", "PulsV*WVir"),
    "WhiteDwarf": ("WD*", "WD*"),
    "Seyfert1": ("Seyfert_1", "Seyfert_1"),
    "Seyfert2": ("Seyfert_2", "Seyfert_2"),
    "EmissionG": ("EmG", "EmG"),
    "GtowardsCl": ("GinCl", "GinCl"),
    "Supernova": ("SN", "SN"),
}
_VSX = ("RRAB", "EW", "EA", "SR", "M", "ROT", "RS", "RRC", "HADS", "UG", "YSO", "L")
_GCVS = ("M", "SRB", "RRAB", "EA", "IN", "RS", "NL", "UG")
_GAIA = ("LPV", "RR", "ECL", "RS", "DSCT|GDOR|SXPHE", "YSO", "SOLAR_LIKE", "CV", "AGN")
_TNS = ("SN Ia", "SN II", "SN Ia", "SN Ibc", "SN IIn", "SN Ia", "SN IIP", "TDE")
_T2_CLASSES = (
    *("mu-Lens-Single", "TDE", "EB", "SNII", "SNIax", "Mira", "SNIbc"),
    *("KN", "M-dwarf", "SNIa-91bg", "AGN", "SNIa", "RRL", "SLSN-I"),
)
_GALAXY_NAMES = ("HyperLEDA_name", "2MASS_name", "lum_dist", "ang_dist")


class AddedValues:
    """Makes the broker's columns for the alerts of a batch.

    Parameters
    ----------
    packets
        The alerts' packets.
    rng
        Source of chance for what each alert has for itself.
    """

    def __init__(self, packets: Packets, rng: np.random.Generator):
        self._packets, self._rng = packets, rng
        self._batch = packets.batch
        self._chance = Chance(self._batch.objects.key)
        self._num = len(self._batch.alert_epoch)
        self._kind = self._batch.objects.kind[self._batch.alert_object]
        self._origin = self._of_kind(lambda kind: kind.origin)
        self._in_gaia = np.isin(self._origin, [Origin.STAR, Origin.AGN]) & self._object_chance("in Gaia", 0.93)

    def columns(self) -> dict[str, pa.Array]:
        """Give every added value that the profile's schema may name, before it is cast to the year's type."""
        profile, night = self._batch.profile, self._batch.night
        jd = np.asarray(self._packets.alert_column("jd"))
        columns = {
            "schemavsn": self._constant(profile.survey_version),
            "publisher": self._constant("Fink"),
            "fink_broker_version": self._constant(profile.broker_version),
            "fink_science_version": self._constant(profile.science_version),
            "objectId": self._packets.alert_column("objectId"),
            "candid": self._packets.alert_column("candid"),
            "nalerthist": self._packets.alert_column("nalerthist"),
            "tracklet": self._tracklet(jd),
            "year": self._constant(night.year),
            "month": self._constant(night.month),
            "day": self._constant(night.day),
            **self._times(jd),
            **self._matches(),
            **self._scores(),
        }
        if "lc_features_g" in profile.schema.names:
            columns |= self._features()
        if "mag_rate" in profile.schema.names:
            columns |= self._rates(jd)
        return columns

    def _of_kind(self, what: Callable[[Kind], object]) -> np.ndarray:
        return np.array([what(kind) for kind in KINDS])[self._kind]

    def _object_chance(self, name: str, probability: float) -> np.ndarray:
        """Throw a coin for each object, so that alerts of one object agree."""
        return self._by_object(self._chance.coin(name, probability))

    def _by_object(self, values: np.ndarray) -> np.ndarray:
        return values[self._batch.alert_object]

    def _constant(self, value: str | int) -> pa.Array:
        return pa.repeat(value, self._num)

    def _some(self, name: str, words: tuple[str, ...], *, where: np.ndarray, else_: str) -> pa.Array:
        """Give one of some words, the same for all alerts of an object, or a word that means nothing is known."""
        chosen = self._by_object(self._chance.integers(name, 0, len(words)))
        return pa.array([*words, else_]).take(pa.array(np.where(where, chosen, len(words))))

    def _uniform(self, what: Callable[[Kind], tuple[float, float]]) -> np.ndarray:
        """Draw from a range that depends on the kind, open below: a range from 0.5 means more than 0.5."""
        low, high = np.array([what(kind) for kind in KINDS])[self._kind].T
        return low + (high - low) * (1 - self._rng.random(self._num))

    def _unknown(self, values: np.ndarray, known: np.ndarray) -> pa.Array:
        """Leave out what is not known: Spark's files say NaN, pandas' say null."""
        if self._batch.profile.from_spark:
            return pa.array(np.where(known, values, np.nan))
        return pa.array(values, mask=~known)

    def _times(self, jd: np.ndarray) -> dict[str, pa.Array]:
        # From a double, whose steps are 40 microseconds here: the archive's times are as crooked.
        taken = np.round((jd - _UNIX_EPOCH_JD) * _DAY_US).astype(np.int64)
        arrived = taken + self._rng.integers(1_200_000_000, 3_600_000_000, self._num)
        began = arrived + self._rng.integers(5_000_000, 240_000_000, self._num)
        ended = began + self._rng.integers(60_000_000, 95_000_000, self._num)
        return {
            "timestamp": pa.array(taken).cast(pa.timestamp("us")),
            "brokerIngestTimestamp": pa.array(arrived).cast(pa.timestamp("us")),
            "brokerStartProcessTimestamp": pa.array(began).cast(pa.timestamp("us")),
            "brokerEndProcessTimestamp": pa.array(ended).cast(pa.timestamp("us")),
        }

    def _cdsxmatch(self) -> pa.Array:
        words: list[str] = []
        chosen = np.zeros(len(self._batch.objects.kind), np.int64)
        for place, kind in enumerate(KINDS):
            types = _simbad_types(kind, self._batch.profile)
            mine = np.flatnonzero(self._batch.objects.kind == place)
            shares = list(types.values())
            chosen[mine] = len(words) + self._chance.choice("cdsxmatch", shares)[mine]
            words.extend(types)
        return pa.array(words).take(pa.array(self._by_object(chosen)))

    def _matches(self) -> dict[str, pa.Array]:
        chance, profile = self._chance, self._batch.profile
        star = self._origin == Origin.STAR
        parallax = self._by_object(
            np.round(np.where(chance.coin("far", 0.2), 0.05, 0.6) * chance.normal("Plx", 0.8, 1), 4)
        )
        parallax_error = self._by_object(np.round(chance.lognormal("e_Plx", -2.8, 0.9), 4))
        gaia_id = pa.array(self._by_object(chance.integers("DR3Name", 10**17, 6 * 10**18))).cast(pa.string())
        gaia_name = pc.binary_join_element_wise("Gaia DR3", gaia_id, " ")
        variable = star & self._object_chance("variable", 0.5)
        young = star & self._object_chance("young", 0.03)
        young_id = self._by_object(chance.integers("spicy_id", 1, 117_446))
        blazar = (self._origin == Origin.AGN) & self._object_chance("blazar", 0.12)
        in_tns = (self._origin == Origin.TRANSIENT) & self._object_chance("in TNS", 0.15)
        no_name = "nan" if profile.simbad_names == 2 else "Unknown"
        return {
            "cdsxmatch": self._cdsxmatch(),
            "tns": self._some("tns", _TNS, where=in_tns, else_=""),
            "DR3Name": pc.if_else(pa.array(self._in_gaia), gaia_name, "nan"),
            "Plx": self._unknown(parallax.astype(np.float32), self._in_gaia),
            "e_Plx": self._unknown(parallax_error.astype(np.float32), self._in_gaia),
            "gaiaVarFlag": pa.array(variable.astype(np.int32)),
            "gaiaClass": self._some("gaiaClass", _GAIA, where=variable, else_="nan"),
            "vsx": self._some("vsx", _VSX, where=star & self._object_chance("in VSX", 0.55), else_=no_name),
            "gcvs": self._some("gcvs", _GCVS, where=star & self._object_chance("in GCVS", 0.08), else_="Unknown"),
            "spicy_id": pa.array(np.where(young, young_id, -1).astype(np.int32)),
            "spicy_class": self._some(
                "spicy_class", ("ClassII", "ClassII", "ClassI", "FS"), where=young, else_="Unknown"
            ),
            "x3hsp": self._named_by_place("3HSP", blazar & self._object_chance("in 3HSP", 0.6)),
            "x4lac": self._named_by_place("4FGL", blazar),
            "blazar_stats": self._blazar_stats(blazar),
            "mangrove": self._mangrove(),
        }

    def _named_by_place(self, catalogue: str, where: np.ndarray) -> pa.Array:
        """Name the few sources of a catalogue as it does, by right ascension and declination."""
        things = self._batch.objects
        names = ["Unknown"] * self._num
        for row in np.flatnonzero(where):
            thing = self._batch.alert_object[row]
            hours, dec = things.ra[thing] / 15, abs(things.dec[thing])
            sign = "-" if things.dec[thing] < 0 else "+"
            arcmin = f"{int(dec):02d}{int(dec % 1 * 60):02d}"
            names[row] = f"{catalogue} J{int(hours):02d}{hours % 1 * 60:04.1f}{sign}{arcmin}"
        return pa.array(names)

    def _blazar_stats(self, blazar: np.ndarray) -> pa.Array:
        measured = self._rng.uniform(0, 3, (3, self._num))
        return pa.StructArray.from_arrays(
            [pa.array(row) for row in np.where(blazar, measured, -1.0)], ["m0", "m1", "m2"]
        )

    def _mangrove(self) -> pa.Array:
        """Give the galaxy that a transient may belong to: four strings, `None`, the word, mostly."""
        num = self._num
        near = (self._origin == Origin.TRANSIENT) & self._object_chance("in a galaxy", 0.12)
        numbers = self._by_object(self._chance.integers("galaxy", 1000, 5_000_000))
        distances = self._by_object(self._chance.uniform("lum_dist", 10, 230))
        text = pa.array(numbers).cast(pa.string())
        values = {
            "HyperLEDA_name": pc.binary_join_element_wise("PGC", text, ""),
            "2MASS_name": pc.binary_join_element_wise("2MASX J", text, ""),
            "lum_dist": pa.array(np.round(distances, 3)).cast(pa.string()),
            "ang_dist": pa.array(np.round(distances * 0.95, 3)).cast(pa.string()),
        }
        values = {name: pc.if_else(pa.array(near), values[name], "None") for name in _GALAXY_NAMES}
        schema = self._batch.profile.schema
        if "mangrove" in schema.names and pa.types.is_struct(schema.field("mangrove").type):
            fields = list(schema.field("mangrove").type)
            return pa.StructArray.from_arrays([values[field.name] for field in fields], fields=fields)
        return _map_of(_GALAXY_NAMES, [values[name] for name in _GALAXY_NAMES], num)

    def _scores(self) -> dict[str, pa.Array]:
        rng = self._rng
        everything = self._batch.profile.scores_everything
        scored = (self._origin == Origin.TRANSIENT) | everything
        scored |= (self._origin == Origin.BOGUS) & (rng.random(self._num) < 0.5)
        mulens = self._uniform(lambda kind: kind.mulens_score)
        unmeasured = everything & (mulens == 0) & (rng.random(self._num) < 0.9)
        anomaly = -self._batch.profile.anomaly_level * rng.gamma(40, 1 / 40, self._num)
        by_expert = -rng.gamma(25, 0.0056, self._num)
        return {
            "roid": pa.array(self._of_kind(lambda kind: kind.roid).astype(np.int32)),
            "rf_snia_vs_nonia": self._score(lambda kind: kind.early_score, scored, digits=3),
            "snn_snia_vs_nonia": self._score(lambda kind: kind.supernova_score, scored),
            "snn_sn_vs_all": self._score(lambda kind: kind.supernova_score, scored),
            "rf_kn_vs_nonkn": self._score(lambda kind: kind.kilonova_score, scored, digits=4),
            "mulens": pa.array(mulens, mask=unmeasured),
            "t2": self._t2(),
            "anomaly_score": pa.array(anomaly),
            "anomaly_score_emille_30days": pa.array(anomaly * rng.normal(1, 0.005, self._num)),
            **{f"anomaly_score_{who}": pa.array(by_expert) for who in ("beta", "anais", "emille", "julien", "maria")},
        }

    def _score(
        self, what: Callable[[Kind], tuple[float, float]], scored: np.ndarray, *, digits: int | None = None
    ) -> pa.Array:
        """Draw scores: a forest's are shares of its trees, of few digits; a network's are single-precision numbers."""
        values = np.where(scored, self._uniform(what), 0.0)
        if digits is None:
            return pa.array(values.astype(np.float32).astype(np.float64))
        return pa.array(np.ceil(values * 10**digits) / 10**digits)

    def _t2(self) -> pa.Array:
        """Give the probabilities of the classes of a network that was run on transients only; -1 for the rest."""
        chances = self._rng.dirichlet(np.full(len(_T2_CLASSES), 0.3), self._num).astype(np.float32)
        chances[self._origin != Origin.TRANSIENT] = -1
        return _map_of(_T2_CLASSES, [pa.array(column) for column in chances.T], self._num)

    def _tracklet(self, jd: np.ndarray) -> pa.Array:
        schema = self._batch.profile.schema
        if "tracklet" not in schema.names or pa.types.is_null(schema.field("tracklet").type):
            return pa.nulls(self._num)
        names: list[str | None] = [None] * self._num
        minutes = np.floor((jd - midnight_jd(self._batch.night)) * 1440).astype(np.int64)
        for row in np.flatnonzero(self._of_kind(lambda kind: kind.in_tracklet)).tolist():
            clock = f"{minutes[row] // 60:02d}{minutes[row] % 60:02d}00"
            names[row] = f"TRCK_{self._batch.night:%Y%m%d}_{clock}_{row % 3:02d}"
        return pa.array(names, pa.string())

    def _features(self) -> dict[str, pa.Array]:
        columns = {}
        for name, fid in (("lc_features_g", 1), ("lc_features_r", 2)):
            fields = list(self._batch.profile.schema.field(name).type)
            features = band_features(self._packets, self._rng, fid=fid)
            arrays = [self._unknown(*features[field.name]) for field in fields]
            columns[name] = pa.StructArray.from_arrays(arrays, fields=fields)
        return columns

    def _rates(self, jd: np.ndarray) -> dict[str, pa.Array]:
        packets, batch = self._packets, self._batch
        columns = band_rates(packets)
        epoch = np.flatnonzero(batch.detected)
        first = epoch[np.searchsorted(epoch, batch.alert_first_epoch)]
        columns["jd_first_real_det"] = pa.array(batch.exposures.jd[batch.epoch_exposure[first]])
        columns["jdstarthist_dt"] = pa.array(jd - np.asarray(packets.alert_column("jdstarthist")))
        return columns


def _simbad_types(kind: Kind, profile: Profile) -> dict[str, float]:
    """Give a kind's SIMBAD types with their shares, under the names of the year."""
    types: dict[str, float] = {}
    for name, share in kind.cdsxmatch:
        types |= {star: share * part for star, part in _STARS.items()} if name == "*" else {name: share}
    return {
        (*_FORMER_NAMES.get(name, (name, name)), name)[profile.simbad_names]: share for name, share in types.items()
    }


def _map_of(keys: tuple[str, ...], columns: list[pa.Array], num_rows: int) -> pa.MapArray:
    """Build maps that all have the same keys, from a column for each key."""
    num = len(keys)
    by_row = np.arange(num * num_rows).reshape(num, num_rows).T.ravel()
    items = pa.concat_arrays(columns).take(pa.array(by_row))
    every_key = pa.array(keys).take(pa.array(np.tile(np.arange(num), num_rows)))
    return pa.MapArray.from_arrays(np.arange(0, num * num_rows + 1, num, dtype=np.int32), every_key, items)
