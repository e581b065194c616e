"""Options: what can be set, where a value may come from, and what a good value is.

    values.py     kinds of values: read what a person wrote, show it again
    targets.py    kinds that name something: addresses, files, the application
    processes.py  kinds that say how processes run
    processors.py how many workers "auto" is
    table.py      what one option is: its flag, variable, TOML key
    options.py    THE TABLE: `Config`, one field for each option
    sources.py    defaults < file < variables < flags < keywords, and where each value came from
    files.py      TOML files and env files
    reference.py  the options page, and the answer to --show-config, made from the table

Adding an option is adding one field to `Config`; everything else is computed from it.
"""
