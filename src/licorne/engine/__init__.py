"""The engine: HTTP without I/O.

    bytes ⇄ driver ⇄ engine ⇄ Exchange ⇄ ASGI cycle ⇄ application
                       │             │
                  ResponseSink     Link

An engine turns the bytes of one transport connection into exchanges, and response calls into bytes. It does
no I/O, reads no clock, awaits nothing, logs nothing and knows no configuration: a driver feeds it bytes and
time and pulls bytes, exchanges and deadlines out (connection.py).

References point one way: a connection holds its two halves, they hold exchanges; a parser is handed its sink
for each call, an exchange writes into its sink, and a sink calls nobody. The connection looks when it is pulled.
"""
