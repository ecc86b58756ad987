"""What is particular to a survey: names and units of its fields, its labels, where time, position and identity stand.

Others ask a `Survey`, as it is known or as `find_survey` finds it in the files of a request, and know no survey's
names. A survey comes in as a folder of its own, with the tables of its fields and labels.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
