from .angles import ARCSEC_PER_DEGREE, within
from .julian_dates import ACCEPTED_DATES, ACCEPTED_TIMES, DateError, is_date, julian_date, time_text

__all__ = [
    "ACCEPTED_DATES",
    "ACCEPTED_TIMES",
    "ARCSEC_PER_DEGREE",
    "DateError",
    "is_date",
    "julian_date",
    "time_text",
    "within",
]
