"""The schema of the sample of LSST's alerts: the part of the broker's that people use, under its names and types."""

import pyarrow as pa

__all__ = ["DIA_SOURCE", "FORCED_SOURCE", "SCHEMA"]

_LONG, _INT, _DOUBLE, _FLOAT, _BOOL, _TEXT = (
    pa.int64(),
    pa.int32(),
    pa.float64(),
    pa.float32(),
    pa.bool_(),
    pa.string(),
)


def _struct(**kinds: tuple[pa.DataType, str]) -> pa.StructType:
    """Return a struct of leaves: `name=(type, "leaf leaf …")`, where the name only groups them."""
    return pa.struct([pa.field(leaf, type_) for type_, leaves in kinds.values() for leaf in leaves.split()])


DIA_SOURCE = _struct(
    ids=(_LONG, "diaSourceId visit"),
    detector=(_INT, "detector"),
    owners=(_LONG, "diaObjectId ssObjectId parentDiaSourceId"),
    place=(_DOUBLE, "midpointMjdTai ra dec"),
    errors=(_FLOAT, "raErr decErr x y"),
    fluxes=(_FLOAT, "apFlux apFluxErr psfFlux psfFluxErr psfLnL psfChi2"),
    pixels=(_INT, "psfNdata"),
    images=(_FLOAT, "scienceFlux scienceFluxErr templateFlux templateFluxErr snr reliability extendedness"),
    band=(_TEXT, "band"),
    flags=(_BOOL, "isNegative isDipole pixelFlags pixelFlags_saturated pixelFlags_streak"),
    times=(_DOUBLE, "timeProcessedMjdTai timeWithdrawnMjdTai"),
)
FORCED_SOURCE = _struct(
    ids=(_LONG, "diaForcedSourceId diaObjectId visit"),
    detector=(_INT, "detector"),
    place=(_DOUBLE, "midpointMjdTai ra dec"),
    fluxes=(_FLOAT, "psfFlux psfFluxErr scienceFlux scienceFluxErr"),
    band=(_TEXT, "band"),
)
_OBJECT = _struct(
    ids=(_LONG, "diaObjectId"),
    place=(_DOUBLE, "ra dec firstDiaSourceMjdTai lastDiaSourceMjdTai"),
    means=(_FLOAT, " ".join(f"{band}_psfFluxMean" for band in "ugrizy")),
    counts=(_INT, "nDiaSources"),
)
_MOVING = _struct(
    ids=(_LONG, "diaSourceId ssObjectId"),
    name=(_TEXT, "designation"),
    places=(_DOUBLE, "eclLambda eclBeta ephRa ephDec"),
    geometry=(_FLOAT, "elongation phaseAngle topoRange helioRange ephVmag ephOffsetAlongTrack"),
)
_FEATURES = _struct(all=(_DOUBLE, "mean weighted_mean standard_deviation median amplitude chi2 skew"))

SCHEMA = pa.schema(
    [
        ("diaSourceId", _LONG),
        ("observation_reason", _TEXT),
        ("target_name", _TEXT),
        ("diaSource", DIA_SOURCE),
        ("prvDiaSources", pa.list_(DIA_SOURCE)),
        ("prvDiaForcedSources", pa.list_(FORCED_SOURCE)),
        ("diaObject", _OBJECT),
        ("ssSource", _MOVING),
        ("cutoutDifference", pa.binary()),
        ("cutoutScience", pa.binary()),
        ("cutoutTemplate", pa.binary()),
        ("brokerIngestMjd", _DOUBLE),
        ("lsst_schema_version", _TEXT),
        ("brokerStartProcessTimestamp", pa.timestamp("us")),
        ("fink_broker_version", _TEXT),
        ("fink_science_version", _TEXT),
        ("publisher", _TEXT),
        ("lc_features", pa.map_(pa.string(), _FEATURES)),
        (
            "clf",
            _struct(
                a=(_FLOAT, "snnSnVsOthers_score"),
                b=(_INT, "cats_class"),
                c=(_FLOAT, "cats_score"),
                d=(_DOUBLE, "earlySNIa_score"),
            ),
        ),
        (
            "xm",
            _struct(
                a=(_TEXT, "simbad_otype gaiadr3_DR3Name vsx_Type tns_type gcvs_type mangrove_HyperLEDA_name"),
                b=(_FLOAT, "gaiadr3_Plx legacydr8_zphot"),
                c=(_INT, "gaiadr3_VarFlag"),
            ),
        ),
        (
            "pred",
            _struct(
                a=(_BOOL, "is_sso is_first is_cataloged"),
                b=(_INT, "main_label_classifier"),
                c=(_TEXT, "main_label_crossmatch"),
            ),
        ),
        ("misc", _struct(a=(_DOUBLE, "firstDiaSourceMjdTaiFink"))),
    ]
)
