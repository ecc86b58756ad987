from .survey import LSST

__all__ = ["LSST"]
