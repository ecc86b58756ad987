"""What is drawn: light curves, stamps, the sky, bars and rates. Pure functions of values; no part of the page's state.

All colours come from `palette`, and no plot tells anything by colour alone.
"""
