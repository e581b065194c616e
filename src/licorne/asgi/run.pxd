cimport cython

from licorne.asgi.front cimport Front
from licorne.asgi.http cimport HttpCycle
from licorne.asgi.shared cimport Shared
from licorne.asgi.websocket cimport WebSocketCycle
from licorne.engine.exchange cimport Exchange
from licorne.link cimport Cycle, Link, Service


cdef class Application(Service):
    cdef bint is_starting
    cdef object clock
    cdef public Front front
    cdef object options
    cdef public Shared shared

    @cython.locals(admitted=Link, asked=Exchange, front=Front, shared=Shared)
    cpdef begin(self, object exchange, Link link)
    cdef Link _admitted(self, Front front, Exchange exchange, Link link)
    @cython.locals(cycle=HttpCycle)
    cdef Cycle _new_cycle(self, Exchange exchange, Link link)
    @cython.locals(cycle=WebSocketCycle)
    cdef Cycle _new_websocket_cycle(self, Exchange exchange, Link link)
    cdef bint _opens_session(self, Exchange exchange, Link link) except -1
    cdef bint _is_wanted(self, Exchange exchange) except -1
