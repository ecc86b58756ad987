"""Schemas of the sample archive: what the archive's files looked like in four different years.

The drift between the years is the point: order of fields, float against double, int32 against int64, identifiers that
became doubles, nanoseconds (INT96) against microseconds, map against struct, a column of type null, columns that come
and go.
"""

import datetime
from dataclasses import dataclass

import pyarrow as pa

__all__ = ["PROFILES", "Profile", "nearest_profile"]

_TYPES = {
    "b": pa.bool_(),
    "d": pa.float64(),
    "f": pa.float32(),
    "i": pa.int32(),
    "l": pa.int64(),
    "n": pa.null(),
    "s": pa.string(),
    "ns": pa.timestamp("ns"),
    "us": pa.timestamp("us"),
}

_DETECTION = (
    "jd:d fid:i pid:l diffmaglim:f pdiffimfilename:s programpi:s programid:i candid:l isdiffpos:s tblid:l nid:i rcid:i "
    "field:i xpos:f ypos:f ra:d dec:d magpsf:f sigmapsf:f chipsf:f magap:f sigmagap:f distnr:f magnr:f sigmagnr:f "
    "chinr:f sharpnr:f sky:f magdiff:f fwhm:f classtar:f mindtoedge:f magfromlim:f seeratio:f aimage:f bimage:f "
    "aimagerat:f bimagerat:f elong:f nneg:i nbad:i rb:f ssdistnr:f ssmagnr:f ssnamenr:s sumrat:f magapbig:f "
    "sigmagapbig:f ranr:d decnr:d "
)
_CANDIDATE = _DETECTION + (
    "sgmag1:f srmag1:f simag1:f szmag1:f sgscore1:f distpsnr1:f ndethist:i ncovhist:i jdstarthist:d jdendhist:d "
    "scorr:d tooflag:i objectidps1:l objectidps2:l sgmag2:f srmag2:f simag2:f szmag2:f sgscore2:f distpsnr2:f "
    "objectidps3:l sgmag3:f srmag3:f simag3:f szmag3:f sgscore3:f distpsnr3:f nmtchps:i rfid:l jdstartref:d "
    "jdendref:d nframesref:i rbversion:s dsnrms:f ssnrms:f dsdiff:f magzpsci:f magzpsciunc:f magzpscirms:f "
    "nmatches:i clrcoeff:f clrcounc:f zpclrcov:f zpmed:f clrmed:f clrrms:f neargaia:f neargaiabright:f maggaia:f "
    "maggaiabright:f exptime:f drb:f drbversion:s"
)
_PREVIOUS = _DETECTION + "scorr:d magzpsci:f magzpsciunc:f magzpscirms:f clrcoeff:f clrcounc:f rbversion:s"
# Identifiers and counts that upper limits lack: pandas turned them into doubles.
_ONCE_DOUBLE = ("candid", "tblid", "nneg", "nbad")

_LC_FEATURES = (
    "mean:d weighted_mean:d standard_deviation:d median:d amplitude:d beyond_1_std:d cusum:d "
    "inter_percentile_range_10:d kurtosis:d linear_trend:d linear_trend_sigma:d linear_trend_noise:d "
    "linear_fit_slope:d linear_fit_slope_sigma:d linear_fit_reduced_chi2:d magnitude_percentage_ratio_40_5:d "
    "magnitude_percentage_ratio_20_10:d maximum_slope:d median_absolute_deviation:d "
    "median_buffer_range_percentage_10:d percent_amplitude:d mean_variance:d anderson_darling_normal:d chi2:d skew:d "
    "stetson_K:d"
)


def _fields(text: str) -> list[pa.Field]:
    """Read `name:type`, or `name:type!` where null is not allowed."""
    pairs = (word.split(":") for word in text.split())
    return [pa.field(name, _TYPES[code.rstrip("!")], nullable=not code.endswith("!")) for name, code in pairs]


def _as_pandas_left_it(fields: list[pa.Field]) -> list[pa.Field]:
    """Order fields by name and widen them to 64 bits."""
    wide = {pa.float32(): pa.float64(), pa.int32(): pa.int64()}
    return sorted((field.with_type(wide.get(field.type, field.type)) for field in fields), key=lambda field: field.name)


def _packet(*, pandas: bool) -> tuple[pa.Field, ...]:
    """Give the fields of the survey's own packet: candidate, its history, the three stamps."""
    candidate, previous = _fields(_CANDIDATE), _fields(_PREVIOUS)
    if pandas:
        candidate, previous = _as_pandas_left_it(candidate), _as_pandas_left_it(previous)
        previous = [field.with_type(pa.float64()) if field.name in _ONCE_DOUBLE else field for field in previous]
    stamp = pa.struct([pa.field("fileName", pa.string()), pa.field("stampData", pa.binary())])
    return (
        pa.field("candidate", pa.struct(candidate)),
        pa.field("prv_candidates", pa.list_(pa.field("item" if pandas else "element", pa.struct(previous)))),
        *(pa.field(name, stamp) for name in ("cutoutScience", "cutoutTemplate", "cutoutDifference")),
    )


def _lc_features(*, pandas: bool) -> list[pa.Field]:
    fields = _fields(_LC_FEATURES)
    features = pa.struct(_as_pandas_left_it(fields) if pandas else fields)
    return [pa.field("lc_features_g", features), pa.field("lc_features_r", features)]


def _strings_by_name(name: str, value: pa.DataType) -> pa.Field:
    return pa.field(name, pa.map_(pa.string(), value))


def _schema_2019() -> pa.Schema:
    return pa.schema(
        [
            *_fields("schemavsn:s publisher:s! objectId:s candid:l"),
            *_packet(pandas=False),
            *_fields("timestamp:ns cdsxmatch:s DR3Name:s Plx:f e_Plx:f gcvs:s vsx:s x3hsp:s x4lac:s"),
            _strings_by_name("mangrove", pa.string()),
            *_fields("roid:i rf_snia_vs_nonia:d snn_snia_vs_nonia:d snn_sn_vs_all:d mulens:d nalerthist:i"),
            *_fields("rf_kn_vs_nonkn:d"),
            _strings_by_name("t2", pa.float32()),
            *_fields("anomaly_score:d"),
            *_lc_features(pandas=False),
            *_fields("fink_broker_version:s! fink_science_version:s!"),
        ]
    )


def _schema_2021() -> pa.Schema:
    return pa.schema(
        [
            *_fields("candid:l schemavsn:s publisher:s objectId:s"),
            *_packet(pandas=False),
            *_fields("timestamp:ns rf_snia_vs_nonia:d snn_snia_vs_nonia:d snn_sn_vs_all:d roid:i nalerthist:i"),
            *_fields("rf_kn_vs_nonkn:d fink_broker_version:s fink_science_version:s tracklet:s mulens:d cdsxmatch:s"),
            *_fields("tns:s! DR3Name:s Plx:f e_Plx:f vsx:s spicy_id:i spicy_class:s gcvs:s x3hsp:s x4lac:s"),
            _strings_by_name("mangrove", pa.string()),
        ]
    )


def _schema_2022() -> pa.Schema:
    return pa.schema(
        [
            *_fields("candid:l schemavsn:s publisher:s objectId:s"),
            *_packet(pandas=True),
            *_fields("timestamp:us cdsxmatch:s DR3Name:s Plx:f e_Plx:f gcvs:s vsx:s roid:i rf_snia_vs_nonia:d"),
            *_fields("snn_snia_vs_nonia:d snn_sn_vs_all:d mulens:d nalerthist:i rf_kn_vs_nonkn:d"),
            *_fields("fink_broker_version:s fink_science_version:s tracklet:n"),
        ]
    )


def _schema_2025() -> pa.Schema:
    return pa.schema(
        [
            *_fields("candid:l schemavsn:s publisher:s objectId:s"),
            *_packet(pandas=True),
            *_fields("brokerIngestTimestamp:us brokerStartProcessTimestamp:us fink_broker_version:s"),
            *_fields(
                "fink_science_version:s cdsxmatch:s tns:s DR3Name:s Plx:f e_Plx:f gaiaVarFlag:i gaiaClass:s vsx:s"
            ),
            *_fields("spicy_id:i spicy_class:s gcvs:s x3hsp:s x4lac:s"),
            pa.field("mangrove", pa.struct(_fields("2MASS_name:s HyperLEDA_name:s ang_dist:s lum_dist:s"))),
            *_fields("roid:i rf_snia_vs_nonia:d snn_snia_vs_nonia:d snn_sn_vs_all:d mulens:d nalerthist:i"),
            *_fields("rf_kn_vs_nonkn:d anomaly_score:d anomaly_score_beta:d anomaly_score_anais:d"),
            *_fields(
                "anomaly_score_emille:d anomaly_score_julien:d anomaly_score_maria:d anomaly_score_emille_30days:d"
            ),
            *_lc_features(pandas=True),
            *_fields("jd_first_real_det:d jdstarthist_dt:d mag_rate:d sigma_rate:d lower_rate:d upper_rate:d"),
            *_fields("delta_time:d from_upper:b"),
            pa.field("blazar_stats", pa.struct(_fields("m0:d m1:d m2:d"))),
            *_fields("brokerEndProcessTimestamp:us tracklet:n timestamp:us year:i month:i day:i"),
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How the files of one year look."""

    name: str
    """The year, as users write it."""
    schema: pa.Schema
    """Columns, their order, types and nullability, as a reader finds them."""
    from_spark: bool
    """Whether Spark wrote the files (else pandas did): INT96, names, NaN or null where nothing is known."""
    parquet_version: str
    """Version of the Parquet format."""
    padded_folders: bool
    """`month=09`, or `month=9`."""
    simbad_names: int
    """Whose names of types the files have: SIMBAD's first (0: `LPV*`, `Candidate_LP*`), those of 2022 (1: `LPV*`,
    `LP*_Candidate`) or today's (2: `LongPeriodV*`). Nights were processed again at times, so the years don't go up."""
    visits: tuple[int, ...]
    """How often a field is exposed in one of its nights, each number as often as the others."""
    filters: tuple[int, ...]
    """Filters (`fid`) of the year's exposures: 1 is g, 2 is r, 3 is i."""
    survey_version: str
    """`schemavsn`."""
    broker_version: str
    """`fink_broker_version`."""
    science_version: str
    """`fink_science_version`."""
    partner: str
    """Who leads the partners' programmes."""
    scores_everything: bool
    """Whether the scores of supernovae are given for all alerts, or 0 for known stars and asteroids."""
    anomaly_level: float
    """Typical size of `anomaly_score`."""

    def folder(self, night: datetime.date) -> str:
        """Give the folder of a night below the archive's root."""
        if self.padded_folders:
            return f"year={night.year}/month={night.month:02d}/day={night.day:02d}"
        return f"year={night.year}/month={night.month}/day={night.day}"

    def file_name(self, part: int, token: str) -> str:
        """Give the name of a night's file number `part`; Spark adds a token of its own."""
        if self.name == "2025":
            return f"part-{part:05d}.parquet"
        return f"part-{part:05d}-{token}.c000.snappy.parquet" if self.from_spark else f"part-{part:05d}.snappy.parquet"


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="2019",
            schema=_schema_2019(),
            from_spark=True,
            parquet_version="1.0",
            padded_folders=True,
            simbad_names=0,
            visits=(1, 2, 2),
            filters=(1, 2),
            survey_version="3.3",
            broker_version="2.9",
            science_version="3.13.3",
            partner="Prince",
            scores_everything=False,
            anomaly_level=0.405,
        ),
        Profile(
            name="2021",
            schema=_schema_2021(),
            from_spark=True,
            parquet_version="1.0",
            padded_folders=True,
            simbad_names=2,
            visits=(1, 2, 2),
            filters=(1, 2),
            survey_version="3.3",
            broker_version="1.3",
            science_version="0.4.8",
            partner="Prince",
            scores_everything=True,
            anomaly_level=0.02,
        ),
        Profile(
            name="2022",
            schema=_schema_2022(),
            from_spark=False,
            parquet_version="1.0",
            padded_folders=True,
            simbad_names=1,
            visits=(1, 2, 2),
            filters=(1, 2),
            survey_version="3.3",
            broker_version="2.2",
            science_version="2.0.0",
            partner="Prince",
            scores_everything=False,
            anomaly_level=0.02,
        ),
        Profile(
            name="2025",
            schema=_schema_2025(),
            from_spark=False,
            parquet_version="2.6",
            padded_folders=False,
            simbad_names=2,
            visits=(2, 4, 4),
            filters=(1, 2, 3),
            survey_version="4.02",
            broker_version="4.0",
            science_version="8.14.0",
            partner="Kasliwal/Graham",
            scores_everything=False,
            anomaly_level=0.02,
        ),
    )
}


def nearest_profile(year: int) -> Profile:
    """Give the profile of the nearest year; between two, the earlier."""
    return min(PROFILES.values(), key=lambda profile: (abs(int(profile.name) - year), profile.name))
