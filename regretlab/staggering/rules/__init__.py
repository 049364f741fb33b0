"""The staggering rules, one file each: ``initialise``, ``next_start``, ``on_dispatch``, ``on_completion``."""
