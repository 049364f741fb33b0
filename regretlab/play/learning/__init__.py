"""Learners next to staggered inference: transitions, the replay store, shared weights, and who changes them when."""
