"""Imported last by the process that workers are copies of, so that Python's search for garbage leaves its modules out.

They are some hundred thousands of objects, of which none becomes garbage; nor are their pages copied for the search.
"""

import gc

gc.freeze()
