from .class_requests import ALL_CLASSES, RequestedClass, RequestedClasses, requested_classes
from .classes import ClassColumn, Classes, LabelForm
from .descriptions import Description, read_descriptions
from .in_files import SurveyInFiles, find_survey
from .labels import known_labels, nearest_labels
from .looks import Photometry
from .page_requests import PAGE_KEYS, table_of_any_page
from .registry import survey_from_plan, survey_in_plan, survey_named
from .simbad_names import names_of
from .survey import Survey

__all__ = [
    "ALL_CLASSES",
    "PAGE_KEYS",
    "ClassColumn",
    "Classes",
    "Description",
    "LabelForm",
    "Photometry",
    "RequestedClass",
    "RequestedClasses",
    "Survey",
    "SurveyInFiles",
    "find_survey",
    "known_labels",
    "names_of",
    "nearest_labels",
    "read_descriptions",
    "requested_classes",
    "survey_from_plan",
    "survey_in_plan",
    "survey_named",
    "table_of_any_page",
]
