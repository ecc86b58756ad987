"""The dashboard: a page on which an astronomer chooses alerts, submits a job, follows it, and fetches what it sent.

Its parts call the public names of `engine` and `consumer`. `serving` serves it, `embedding` shows it in a notebook.
"""
