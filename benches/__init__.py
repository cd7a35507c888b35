"""Measurements: load, cold start, memory and the queries Q1 to Q6 on both stores, beside the peer in the same run."""
