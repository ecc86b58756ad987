"""ELAsTiCC as docs/surveys.md describes it: a survey of one's own, without code."""

__all__ = ["SURVEY"]

SURVEY = """
name: elasticc
identifier: alertId
object: diaObject.diaObjectId
band: diaSource.filterName
time: diaSource.midPointTai
time_scale: mjd_tai
ra: diaSource.ra
dec: diaSource.decl
detection: diaSource
lightcurve: [diaSource.psFlux, diaSource.psFluxErr, diaSource.snr]
lightcurve_without: [diaObject]
history: [prvDiaSources, prvDiaForcedSources, prvDiaNondetectionLimits]
stamps: [cutoutDifference, cutoutTemplate]
"""
