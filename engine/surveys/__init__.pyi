from .classes import ClassColumn, Classes, LabelForm
from .descriptions import Description, read_descriptions
from .labels import known_labels, nearest_labels
from .own import missing_in
from .registry import survey_from_plan, survey_in_plan, survey_named
from .simbad_names import names_of
from .survey import Survey

__all__ = [
    "ClassColumn",
    "Classes",
    "Description",
    "LabelForm",
    "Survey",
    "known_labels",
    "missing_in",
    "names_of",
    "nearest_labels",
    "read_descriptions",
    "survey_from_plan",
    "survey_in_plan",
    "survey_named",
]
