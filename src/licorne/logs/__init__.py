"""Logs: the loggers `licorne`, `licorne.error`, `licorne.access` and `licorne.asgi`, and how their lines look.

setup.py        apply `log_config`, `log_level`, `access_log`, `use_colors`
formatters.py   the classes that a logging configuration names
handlers.py     the handler of our own configuration: keeps access lines and other records in order
access.py       one line for each response, by the short way or by logging
shortcut.py     whether logging may be gone round: only when nobody could tell
output.py       bytes to a stream, whatever kind of stream it is
last_words.py   write what is pending when the process ends
template.py     `access_log_format`: presets and templates
atoms.py        what a template can name
escape.py       no byte of a peer reaches a log unescaped
"""
