"""Closed forms of the rules' service laws: who serves a frame, and how old the observation behind its action is."""
