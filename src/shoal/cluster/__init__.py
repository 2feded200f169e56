"""Runs on many machines: queues on PostgreSQL, and workers that execute what is in them.

DBOS carries whole runs, under their own ids; what happens inside of a run is in the journal alone.
"""
