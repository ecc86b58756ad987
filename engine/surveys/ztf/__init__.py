"""ZTF's alerts, as the Fink broker archives them.

`fields.csv` tells what each field means, `labels.csv` which class labels there are. What is particular to ZTF and to no
other survey comes in here.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
