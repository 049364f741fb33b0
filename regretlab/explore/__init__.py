"""The explorer: a scenario, or a record, as a page in a browser on this computer.

``answers`` and ``screens`` compute what the pages show; ``scenario_page`` and ``record_page`` draw it with Panel and
Bokeh (extra ``explore``); ``server`` serves both on the loopback interface. May import everything but the command line.
"""
