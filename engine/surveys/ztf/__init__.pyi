from .survey import ZTF

__all__ = ["ZTF"]
