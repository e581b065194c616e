from licorne.engine.tunnel cimport Tunnel
from licorne.engine.websocket.clock cimport Clock
from licorne.engine.websocket.incoming cimport Incoming
from licorne.engine.websocket.outgoing cimport Outgoing

cdef double _NEVER


cdef class SessionFacts(Tunnel):
    cdef Clock clock
    cdef Incoming incoming
    cdef Outgoing outgoing

    cpdef bint is_full(self) except -1
    cpdef bint is_resting(self) except -1
    cpdef bint is_timed(self) except -1
