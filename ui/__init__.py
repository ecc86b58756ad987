"""Faces for people: thin layers over the public names of `engine` and `consumer`.

The command line is one, in `cli`; a page comes in beside it. What both show in the same words comes in here.
"""
