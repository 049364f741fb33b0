"""Figures of results and records: functions that take data and return Matplotlib figures; they import no other room."""
